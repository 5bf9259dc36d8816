package sabotage

import (
	"strings"
	"testing"
)

const told = `# TYPE openshift_ptp_offset_ns gauge
openshift_ptp_offset_ns{from="master",iface="ens1fx",node="w1",process="ptp4l"} -8
openshift_ptp_offset_ns{from="phc",iface="CLOCK_REALTIME",node="w1",process="phc2sys"} 8
openshift_ptp_delay_ns{from="master",iface="ens1fx",node="w1",process="ptp4l"} 25
openshift_ptp_max_offset_ns{from="master",iface="ens1fx",node="w1",process="ptp4l"} 9
openshift_ptp_frequency_adjustment_ns{from="master",iface="ens1fx",node="w1",process="ptp4l"} 3
openshift_ptp_process_status{config="ptp4l.0.config",node="w1",process="ptp4l"} 1
openshift_ptp_process_restart_count{config="ptp4l.0.config",node="w1",process="ptp4l"} 4
`

// TestRewrites sees each rewriting change what it should and nothing else.
func TestRewrites(t *testing.T) {
	for _, c := range []struct {
		rewrite  func(string) string
		old, new string
	}{
		{halveOffsets, `process="ptp4l"} -8`, `process="ptp4l"} -4`},
		{without(`^openshift_ptp_max_offset_ns\{.*process="ptp4l"`), `openshift_ptp_max_offset_ns{from="master",iface="ens1fx",node="w1",process="ptp4l"} 9` + "\n", ""},
		{relabelled, `adjustment_ns{from="master",iface="ens1fx"`, `adjustment_ns{from="master",iface="master"`},
		{withMoreDelay, `"ptp4l"} 25`, `"ptp4l"} 12345`},
		{starts("1"), `"ptp4l"} 4`, `"ptp4l"} 1`},
		{withLeftOver, `process="ptp4l"} 1` + "\n", `process="ptp4l"} 1` + "\n" + `openshift_ptp_process_status{config="ptp4l.9.config",node="w1",process="ptp4l"} 1` + "\n"},
	} {
		want := strings.Replace(told, c.old, c.new, 1)
		if want == told {
			t.Fatalf("nothing to replace: %s", c.old)
		}
		if got := c.rewrite(told); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
