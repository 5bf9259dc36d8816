package metrics

import (
	"slices"
	"strings"
	"testing"
)

const processes = `openshift_ptp_process_status{config="ptp4l.0.config",node="w1",process="ptp4l"} 1
openshift_ptp_process_status{config="phc2sys.0.config",node="w1",process="phc2sys"} 0
openshift_ptp_process_status{config="ptp4l.1.config",node="w1",process="ptp4l"} 7
openshift_ptp_process_restart_count{config="ptp4l.0.config",node="w1",process="ptp4l"} 3
openshift_ptp_clock_class{config="ptp4l.0.config",node="w1",process="ptp4l"} 6
openshift_ptp_delay_ns{from="master",iface="ens1fx",node="w1",process="ptp4l"} 25
openshift_ptp_delay_ns{from="master",iface="ens2fx",node="w1",process="ptp4l"} 1
openshift_ptp_delay_ns{from="other",iface="ens2fx",node="w1",process="ptp4l"} 2
go_goroutines 9
`

func TestSeries(t *testing.T) {
	set, err := Parse([]byte(processes))
	if err != nil {
		t.Fatal(err)
	}
	if up, err := set.ProcessStatus("ptp4l", "w1", "ptp4l.0.config"); !up || err != nil {
		t.Errorf("ptp4l: %t, %v", up, err)
	}
	if up, err := set.ProcessStatus("phc2sys", "w1", "phc2sys.0.config"); up || err != nil {
		t.Errorf("phc2sys: %t, %v", up, err)
	}
	if n, err := set.Starts("ptp4l", "w1", "ptp4l.0.config"); n != 3 || err != nil {
		t.Errorf("starts: %d, %v", n, err)
	}
	if n, err := set.ClockClass("w1", "ptp4l.0.config"); n != 6 || err != nil {
		t.Errorf("clock class: %d, %v", n, err)
	}
	if v, err := set.OfClock(Prefix+"delay_ns", "ptp4l", "w1", "ens1f1", nil); v != 25 || err != nil {
		t.Errorf("delay: %g, %v", v, err)
	}
	want := []string{"openshift_ptp_clock_class", "openshift_ptp_delay_ns", "openshift_ptp_process_restart_count", "openshift_ptp_process_status"}
	if names := set.Names(); !slices.Equal(names, want) {
		t.Errorf("names %q", names)
	}
}

func TestSeriesMissing(t *testing.T) {
	set, err := Parse([]byte(processes))
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]error{
		"neither 0 nor 1": second(set.ProcessStatus("ptp4l", "w1", "ptp4l.1.config")),
		`0 series openshift_ptp_process_restart_count{config`: second(set.Starts("ptp4l", "w2", "ptp4l.0.config")),
		"no single series openshift_ptp_delay_ns":             second(set.OfClock(Prefix+"delay_ns", "ptp4l", "w1", "ens2f0", nil)), // two
		`{from="sys",iface="ens1fx"`:                          second(set.OfClock(Prefix+"delay_ns", "ptp4l", "w1", "ens1f0", map[string]string{"from": "sys"})),
	} {
		if fault == nil || !strings.Contains(fault.Error(), name) {
			t.Errorf("%v, want %q", fault, name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
