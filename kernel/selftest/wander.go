package selftest

import (
	"fmt"
	"math"
)

func wanderChecks() []check {
	return []check{
		// Catches: a step that is made at reads, a step that is skipped when
		// nobody reads, a hash that depends on anything but seed and step.
		{"wander follows size and seed, however often the clock is read", wanderReproducible},
		// Catches: a seed that has no effect.
		{"another seed gives another wander", wanderSeed},
		// Catches: a walk of the phase instead of the frequency, a wrong unit.
		{"wander has the size that was asked for", wanderSize},
		// Catches: a frequency that stays where the walk was.
		{"without wander the drift is what drift_ppt says", wanderEnds},
	}
}

// walks makes two clocks with the given seeds and lets them walk. The first is
// read all the time and the second at the end only. It returns their errors, ns.
func walks(b *bench, first, second int64) (int64, int64, error) {
	var devices []*device
	for _, seed := range []int64{first, second} {
		d, err := b.make(1, "")
		if err != nil {
			return 0, 0, err
		}
		if err := set(map[string]int64{d.clockKnob("seed"): seed}); err != nil {
			return 0, 0, err
		}
		devices = append(devices, d)
	}
	for _, d := range devices {
		if err := set(map[string]int64{d.clockKnob("wander_ppt"): 1000000}); err != nil {
			return 0, 0, err
		}
	}
	for i := range int64(300) {
		pass(10e6 + i*1e6)
		if _, err := getInt(devices[0].clockKnob("true_error_ns")); err != nil {
			return 0, 0, err
		}
	}
	a, err := getInt(devices[0].clockKnob("true_error_ns"))
	if err != nil {
		return 0, 0, err
	}
	z, err := getInt(devices[1].clockKnob("true_error_ns"))
	return a, z, err
}

func wanderReproducible(b *bench) error {
	a, z, err := walks(b, 42, 42)
	if err != nil {
		return err
	}
	// The walks began some us apart; at a few ppm that is less than 1 ns.
	if a == 0 || a-z < -1 || a-z > 1 {
		return fmt.Errorf("errors %d and %d ns", a, z)
	}
	return nil
}

func wanderSeed(b *bench) error {
	a, z, err := walks(b, 42, 43)
	if err != nil {
		return err
	}
	if a-z > -100 && a-z < 100 {
		return fmt.Errorf("errors %d and %d ns", a, z)
	}
	return nil
}

func wanderSize(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	const size = 1000000
	if err := set(map[string]int64{d.clockKnob("seed"): 7, d.clockKnob("wander_ppt"): size}); err != nil {
		return err
	}
	p, err := d.phc()
	if err != nil {
		return err
	}
	defer p.Close()
	// The mean frequency of one interval minus that of the interval before has
	// a variance of 2/3 * size^2 * seconds.
	const seconds, rounds = 4, 1000
	var squares, frequency float64
	last, err := p.sample()
	if err != nil {
		return err
	}
	for i := range rounds + 1 {
		pass(seconds * 1e9)
		s, err := p.sample()
		if err != nil {
			return err
		}
		f := float64(grown(last, s)) / float64(s.raw-last.raw) * 1e12
		if i > 0 {
			squares += (f - frequency) * (f - frequency)
		}
		last, frequency = s, f
	}
	got := math.Sqrt(squares / rounds / (2.0 / 3 * seconds))
	if got < 0.9*size || got > 1.1*size {
		return fmt.Errorf("%.0f ppt per square root of a second, not %d", got, size)
	}
	return nil
}

func wanderEnds(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	const drift = 1000000
	if err := set(map[string]int64{d.clockKnob("wander_ppt"): 1000000}); err != nil {
		return err
	}
	pass(100e9)
	if err := set(map[string]int64{d.clockKnob("drift_ppt"): drift, d.clockKnob("wander_ppt"): 0}); err != nil {
		return err
	}
	p, err := d.phc()
	if err != nil {
		return err
	}
	defer p.Close()
	a, err := p.sample()
	if err != nil {
		return err
	}
	pass(100e9)
	z, err := p.sample()
	if err != nil {
		return err
	}
	if e := off(grown(a, z), gain(z.raw-a.raw, drift, 0)); e <= -1 || e >= 1 {
		return fmt.Errorf("off by %g ns", e)
	}
	return nil
}
