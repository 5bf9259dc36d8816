package selftest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

func noiseChecks() []check {
	return []check{
		// Catches: another distribution, a wrong mean, jitter in the delivery
		// and not in the stamp.
		{"jitter is exponential with the mean that was asked for", jitterExponential},
		// Catches: a random number generator, a hash of time or of a pointer.
		{"jitter follows from frame and seed, in any order", jitterReproducible},
		// Catches: loss of frames per thousand, a lost frame without transmit stamp.
		{"loss has the rate that was asked for, and the sender does not notice", lossRate},
		// Catches: one hash for both, which would lose the late frames.
		{"jitter and loss are independent", jitterLossIndependent},
		// Catches: an off-by-one at the ends of the range.
		{"a loss of nothing loses nothing and one of everything all", lossEnds},
	}
}

// delays sends frames and returns the delay of each that came, by number.
func (p *pair) delays(numbers []uint32) (map[uint32]int64, error) {
	sent, got := map[uint32]int64{}, map[uint32]int64{}
	for _, n := range numbers {
		if err := p.socket[0].send(n); err != nil {
			return nil, err
		}
		t, err := p.socket[0].sent()
		if err != nil || t.stamp == 0 {
			return nil, fmt.Errorf("transmit stamp %d of frame %d: %v", t.stamp, n, err)
		}
		sent[n] = t.stamp
	}
	for {
		r, err := p.socket[1].receive(time.Second)
		if errors.Is(err, errNothing) {
			return got, nil
		}
		if err != nil {
			return nil, err
		}
		got[r.number] = r.stamp - sent[r.number]
	}
}

func numbers(n uint32) []uint32 {
	all := make([]uint32, n)
	for i := range all {
		all[i] = uint32(i)
	}
	return all
}

func jitterExponential(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	const frames, delay, mean = 10000, 5000, 100000
	if err := errors.Join(p.knob("delay_ns", delay), p.knob("jitter_ns", mean)); err != nil {
		return err
	}
	got, err := p.delays(numbers(frames))
	if err != nil {
		return err
	}
	if len(got) != frames {
		return fmt.Errorf("%d of %d frames came", len(got), frames)
	}
	var jitters []float64
	for _, d := range got {
		if d < delay {
			return fmt.Errorf("a delay of %d ns, less than %d", d, delay)
		}
		jitters = append(jitters, float64(d-delay))
	}
	slices.Sort(jitters)
	// Kolmogorov-Smirnov: above 1.95 for one sample of a thousand
	worst := 0.0
	for i, j := range jitters {
		want := 1 - math.Exp(-j/mean)
		worst = max(worst, math.Abs(want-float64(i)/frames), math.Abs(want-float64(i+1)/frames))
	}
	if k := worst * math.Sqrt(frames); k > 1.95 {
		return fmt.Errorf("distance from an exponential distribution: %.2f", k)
	}
	return nil
}

func jitterReproducible(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	if err := errors.Join(p.knob("jitter_ns", 1000000), p.knob("seed", 5)); err != nil {
		return err
	}
	first, err := p.delays(numbers(200))
	if err != nil {
		return err
	}
	backwards := numbers(200)
	slices.Reverse(backwards)
	again, err := p.delays(backwards)
	if err != nil {
		return err
	}
	for n, d := range first {
		if again[n] != d {
			return fmt.Errorf("frame %d took %d ns and then %d", n, d, again[n])
		}
	}
	if err := p.knob("seed", 6); err != nil {
		return err
	}
	other, err := p.delays(numbers(200))
	if err != nil {
		return err
	}
	same := 0
	for n, d := range first {
		if other[n] == d {
			same++
		}
	}
	if len(first) != 200 || same > 2 {
		return fmt.Errorf("%d frames, %d alike with another seed", len(first), same)
	}
	return nil
}

func lossRate(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	const frames, loss = 10000, 100000
	if err := p.knob("loss_ppm", loss); err != nil {
		return err
	}
	first, err := p.delays(numbers(frames))
	if err != nil {
		return err
	}
	// five standard deviations
	lost, want := frames-len(first), frames*loss/1000000
	if math.Abs(float64(lost-want)) > 5*math.Sqrt(float64(want)*0.9) {
		return fmt.Errorf("%d of %d frames lost, want about %d", lost, frames, want)
	}
	again, err := p.delays(numbers(frames))
	if err != nil {
		return err
	}
	for n := range uint32(frames) {
		_, a := first[n]
		_, z := again[n]
		if a != z {
			return fmt.Errorf("frame %d came once and once not", n)
		}
	}
	return nil
}

func jitterLossIndependent(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	const frames, mean = 4000, 100000
	if err := errors.Join(p.knob("jitter_ns", mean), p.knob("loss_ppm", 500000)); err != nil {
		return err
	}
	got, err := p.delays(numbers(frames))
	if err != nil {
		return err
	}
	sum := int64(0)
	for _, d := range got {
		sum += d
	}
	// five standard deviations of the mean of about 2000
	if m := float64(sum) / float64(len(got)); math.Abs(m-mean) > 5*mean/math.Sqrt(float64(len(got))) {
		return fmt.Errorf("mean jitter of the frames that came is %.0f ns, not %d", m, mean)
	}
	return nil
}

func lossEnds(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	for _, c := range []struct {
		loss int64
		want int
	}{{0, 1000}, {1000000, 0}} {
		if err := p.knob("loss_ppm", c.loss); err != nil {
			return err
		}
		got, err := p.delays(numbers(1000))
		if err != nil {
			return err
		}
		if len(got) != c.want {
			return fmt.Errorf("at %d ppm %d of 1000 frames came", c.loss, len(got))
		}
	}
	return nil
}
