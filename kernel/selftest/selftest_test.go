package selftest

import "testing"

func TestChecksHaveSentencesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range checks() {
		if c.sentence == "" || c.run == nil || seen[c.sentence] {
			t.Errorf("check %q is empty or twice there", c.sentence)
		}
		seen[c.sentence] = true
	}
}

func TestGainMultipliesDriftAndAdjustment(t *testing.T) {
	for _, c := range []struct{ raw, ppt, scaled, want int64 }{
		{1e9, 1000, 0, 1},
		{1e9, 0, 65536, 1000},
		{1e12, 500000000, 0, 500000000},
		{1e12, 500000000, 6553600000, 100550000000},
		{1e12, 0, -65536, -1000000},
	} {
		if e := off(c.want, gain(c.raw, c.ppt, c.scaled)); e != 0 {
			t.Errorf("gain over %d ns at %d ppt and %d is off by %g ns", c.raw, c.ppt, c.scaled, e)
		}
	}
}

func TestFrameCarriesItsNumber(t *testing.T) {
	f := frame(0x01020304)
	if len(f) != 64 || f[12] != 0x88 || f[13] != 0xf7 || f[20] != 1 || f[23] != 4 {
		t.Errorf("frame % x", f)
	}
}
