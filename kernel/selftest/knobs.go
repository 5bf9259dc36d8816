package selftest

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// knob is a file with a number: its bounds, and whether it is read only.
type knob struct {
	path     string
	low      string
	high     string
	below    string
	above    string
	readOnly bool
}

func knobs(d *device) []knob {
	const maxU64, overU64 = "18446744073709551615", "18446744073709551616"
	return []knob{
		{path: d.clockKnob("index"), readOnly: true},
		{path: d.clockKnob("true_error_ns"), low: "-1000000000000000000", high: "1000000000000000000",
			below: "-1000000000000000001", above: "1000000000000000001"},
		{path: d.clockKnob("drift_ppt"), low: "-500000000", high: "500000000", below: "-500000001", above: "500000001"},
		{path: d.clockKnob("wander_ppt"), low: "0", high: "1000000", below: "-1", above: "1000001"},
		{path: d.clockKnob("seed"), low: "0", high: maxU64, below: "-1", above: overU64},
		{path: d.linkKnob(0, "delay_ns"), low: "0", high: "1000000000", below: "-1", above: "1000000001"},
		{path: d.linkKnob(0, "asymmetry_ns"), low: "-1000000000", high: "1000000000", below: "-1000000001", above: "1000000001"},
		{path: d.linkKnob(0, "jitter_ns"), low: "0", high: "1000000000", below: "-1", above: "1000000001"},
		{path: d.linkKnob(0, "loss_ppm"), low: "0", high: "1000000", below: "-1", above: "1000001"},
		{path: d.linkKnob(0, "seed"), low: "0", high: maxU64, below: "-1", above: overU64},
	}
}

func knobChecks() []check {
	return []check{
		// Catches: a default that is not 0, a missing file.
		{"every knob of a new device is 0", knobsAreZero},
		// Catches: a bound that is off by one, a value cut to 32 bits, a file
		// without the newline, a knob that writes its neighbour.
		{"every knob takes its lowest and its highest value", knobsTakeBounds},
		// Catches: kstrto with base 0, trailing text that is ignored, text cut
		// at the size of the buffer, ERANGE instead of EINVAL, a loss of 2^32
		// that becomes 0, a bad write that changes something.
		{"every knob refuses what is not a number in its range and keeps its value", knobsRefuse},
		// Catches: delay and asymmetry checked each for itself.
		{"delay plus asymmetry cannot become negative from either side", asymmetryBounded},
		// Catches: a number formatted anew at each read of a part of it.
		{"a number read byte by byte is one number", readByBytes},
	}
}

func knobsAreZero(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	for _, k := range knobs(d) {
		if k.readOnly {
			continue
		}
		if n, err := getInt(k.path); err != nil || n != 0 {
			return fmt.Errorf("%s is %d, %v", k.path, n, err)
		}
	}
	return nil
}

// prepare opens the range of asymmetry_ns, which delay_ns bounds.
func prepare(d *device) error {
	return put(d.linkKnob(0, "delay_ns"), "1000000000")
}

func knobsTakeBounds(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	if err := prepare(d); err != nil {
		return err
	}
	for _, k := range knobs(d) {
		if k.readOnly {
			continue
		}
		for _, value := range []string{k.low, k.high} {
			if err := put(k.path, value+"\n"); err != nil {
				return fmt.Errorf("%s: %w", k.path, err)
			}
			text, err := os.ReadFile(k.path)
			if err != nil {
				return err
			}
			if string(text) != value+"\n" {
				return fmt.Errorf("%s is %q after %s", k.path, text, value)
			}
		}
	}
	return nil
}

func knobsRefuse(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	if err := prepare(d); err != nil {
		return err
	}
	for _, k := range knobs(d) {
		if k.readOnly {
			if err := put(k.path, "0"); err == nil {
				return fmt.Errorf("%s can be written", k.path)
			}
			continue
		}
		const kept = "7"
		if err := put(k.path, kept); err != nil {
			return err
		}
		for _, bad := range []string{k.below, k.above, "", "\n", "x", "0x1", "1x", "1 2", " 1", "1 ", "1\n\n", "1\x00", "1.5",
			"--1", "99999999999999999999999", "4294967296000000001x", strings.Repeat("1", 100), strings.Repeat("0", 4096)} {
			if err := put(k.path, bad); !errors.Is(err, unix.EINVAL) && !(bad == "" && err == nil) {
				return fmt.Errorf("%s takes %q: %v", k.path, bad, err)
			}
		}
		if err := put(k.path, "4294967296"); err == nil && k.high != "18446744073709551615" && !strings.Contains(k.path, "true_error") {
			return fmt.Errorf("%s takes 2^32", k.path)
		} else if err == nil {
			continue
		}
		if text, err := get(k.path); err != nil || text != kept {
			return fmt.Errorf("%s is %q after bad writes, not %s: %v", k.path, text, kept, err)
		}
	}
	return nil
}

func asymmetryBounded(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	delay, asymmetry := d.linkKnob(0, "delay_ns"), d.linkKnob(0, "asymmetry_ns")
	for _, step := range []struct {
		path, value string
		ok          bool
	}{
		{asymmetry, "-1", false},
		{delay, "100", true},
		{asymmetry, "-100", true},
		{asymmetry, "-101", false},
		{delay, "99", false},
		{delay, "0", false},
		{asymmetry, "50", true},
		{delay, "0", true},
	} {
		err := put(step.path, step.value)
		if step.ok && err != nil || !step.ok && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("write %s to %s: %v", step.value, step.path, err)
		}
	}
	return nil
}

func readByBytes(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	// The error passes from 9 digits to 10 while it is read.
	if err := set(map[string]int64{d.clockKnob("true_error_ns"): 999999999, d.clockKnob("drift_ppt"): 500000000}); err != nil {
		return err
	}
	f, err := os.Open(d.clockKnob("true_error_ns"))
	if err != nil {
		return err
	}
	defer f.Close()
	var text []byte
	one := make([]byte, 1)
	for {
		n, err := f.Read(one)
		if n == 0 || err != nil {
			break
		}
		text = append(text, one[0])
		pass(100e6)
	}
	line, found := strings.CutSuffix(string(text), "\n")
	if _, err := strconv.ParseInt(line, 10, 64); err != nil || !found {
		return fmt.Errorf("read %q: %v", text, err)
	}
	return nil
}
