package sabotage

import (
	"slices"
	"strings"
	"testing"
)

// boundary is a boundary clock's configuration as linuxptp-daemon writes it.
const boundary = `#profile: bc1

[global]
twoStepFlag 1
dataset_comparison G.8275.x
logAnnounceInterval -3
network_transport L2
clockAccuracy 0xFE
offsetScaledLogVariance 0xFFFF
domainNumber 24
boundary_clock_jbod 1
gmCapable 0
message_tag [ptp4l.1.config:{level}]
uds_address /var/run/ptp4l.1.socket
uds_ro_address /var/run/ptp4l.1.ro
[ens1f1]
masterOnly 0
[ens1f0]
masterOnly 1
`

func TestImpostorConfig(t *testing.T) {
	got := strings.Split(strings.TrimSpace(impostorConfig(boundary, []string{"ens1f0"})), "\n")
	values := map[string][]string{}
	for _, line := range got {
		key, value, _ := strings.Cut(line, " ")
		values[key] = append(values[key], value)
	}
	for key, want := range map[string]string{
		// as the honest clock
		"dataset_comparison": "G.8275.x", "logAnnounceInterval": "-3", "network_transport": "L2", "domainNumber": "24",
		// better than it
		"gmCapable": "1", "clockClass": "6", "clockAccuracy": "0x20", "offsetScaledLogVariance": "0x0001", "free_running": "1",
		"clockIdentity": "0a0000.fffe.00dead", "uds_address": "/var/run/ptplab-impostor.socket", "serverOnly": "1",
	} {
		if !slices.Equal(values[key], []string{want}) {
			t.Errorf("%s is %q, want %q once", key, values[key], want)
		}
	}
	for _, gone := range []string{"boundary_clock_jbod", "message_tag", "masterOnly", "[ens1f1]"} {
		if _, ok := values[gone]; ok {
			t.Errorf("%s is still there", gone)
		}
	}
	if n := len(got); got[0] != "[global]" || got[n-2] != "[ens1f0]" {
		t.Errorf("begins with %q, ends with %q", got[0], got[n-2:])
	}
}
