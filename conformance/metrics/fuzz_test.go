package metrics

import (
	"math"
	"testing"
)

// FuzzParse reads what any node may serve, and asks for everything that is in it.
func FuzzParse(f *testing.F) {
	f.Add([]byte(scrape))
	f.Add([]byte("# TYPE openshift_ptp_x histogram\nopenshift_ptp_x_bucket{le=\"1\"} 2\nopenshift_ptp_x_sum NaN\nopenshift_ptp_x_count 2\n"))
	f.Add([]byte("openshift_ptp_offset_ns{from=\"master\",node=\"w1\",process=\"ptp4l\",iface=\"ens1fx\"} +Inf 17\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := Parse(text)
		if err != nil {
			return
		}
		for _, name := range set.Names() {
			all := set.Series(name)
			if len(all) == 0 {
				t.Fatalf("%s is there and has no sample", name)
			}
			for _, one := range all {
				value, err := set.Find(name, one.Labels)
				if err == nil && value != one.Value && !math.IsNaN(value) {
					t.Fatalf("%s%v is %v, found as %v", name, one.Labels, one.Value, value)
				}
			}
		}
		for _, iface := range []string{"ens1f0", "CLOCK_REALTIME", ""} {
			role, _ := set.Role("w1", iface)
			state, _ := set.ClockState("w1", iface)
			if role.String() == "" || state.String() == "" {
				t.Fatalf("role %d, state %d", role, state)
			}
		}
	})
}
