package metrics

import (
	"strings"
	"testing"
)

const scrape = `# HELP openshift_ptp_clock_state 0 = FREERUN, 1 = LOCKED, 2 = HOLDOVER
# TYPE openshift_ptp_clock_state gauge
openshift_ptp_clock_state{iface="CLOCK_REALTIME",node="w1",process="phc2sys"} 1
openshift_ptp_clock_state{iface="ens1fx",node="w1",process="ptp4l"} 2
# HELP openshift_ptp_interface_role 0 = PASSIVE, 1 = SLAVE, 2 = MASTER, 3 = FAULTY, 4 = UNKNOWN, 5 = LISTENING
# TYPE openshift_ptp_interface_role gauge
openshift_ptp_interface_role{iface="ens1f0",node="w1",process="ptp4l"} 2
openshift_ptp_interface_role{iface="ens1f1",node="w1",process="ptp4l"} 1
# HELP openshift_ptp_offset_ns
# TYPE openshift_ptp_offset_ns gauge
openshift_ptp_offset_ns{from="phc",iface="CLOCK_REALTIME",node="w1",process="phc2sys"} 7
openshift_ptp_offset_ns{from="master",iface="ens1fx",node="w1",process="ptp4l"} -3
`

func TestSet(t *testing.T) {
	set, err := Parse([]byte(scrape))
	if err != nil {
		t.Fatal(err)
	}
	if role, err := set.Role("w1", "ens1f1"); err != nil || role != RoleSlave {
		t.Errorf("role: %v, %v", role, err)
	}
	if state, err := set.ClockState("w1", "ens1f1"); err != nil || state != Holdover {
		t.Errorf("clock state: %v, %v", state, err)
	}
	if offset, err := set.Offset("w1", "ens1f1"); err != nil || offset != -3 {
		t.Errorf("offset: %v, %v", offset, err)
	}
}

func TestSetMisses(t *testing.T) {
	set, err := Parse([]byte(scrape))
	if err != nil {
		t.Fatal(err)
	}
	if role, err := set.Role("w2", "ens1f1"); err == nil {
		t.Errorf("role on another node: %v", role)
	}
	// The system clock's state belongs to phc2sys and is no state of a PTP port.
	if state, err := set.ClockState("w1", "CLOCK_REALTIME"); err == nil {
		t.Errorf("state of another process: %v", state)
	}
	_, err = set.Role("w1", "ens9f0")
	if err == nil || !strings.Contains(err.Error(), "ens9f0 on w1") || !strings.Contains(err.Error(), "iface=ens1f0") {
		t.Errorf("missing interface: %v; want its name and what there is", err)
	}
	if _, err := Parse([]byte("this is { no metric\n")); err == nil {
		t.Error("garbage parsed")
	}
}

func TestAlias(t *testing.T) {
	for iface, want := range map[string]string{
		"ens2f0": "ens2fx", "ens2f0np0": "ens2fx", "ens1f0.100": "ens1fx.100", "eth10": "ethx", "lo": "lo",
	} {
		if got := Alias(iface); got != want {
			t.Errorf("%s: got %s, want %s", iface, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	if RoleFaulty.String() != "FAULTY" || Holdover.String() != "HOLDOVER" || Role(9).String() != "unknown value 9" {
		t.Errorf("%v %v %v", RoleFaulty, Holdover, Role(9))
	}
}
