package nsim

import (
	"fmt"
	"io/fs"
	"math"
	"strconv"
)

// LinkModel is what a cable does to the frames that one port sends. The zero value is a perfect cable of no length.
type LinkModel struct {
	DelayNs     int64  `json:"delayNs"`     // propagation delay, 0 to 1e9
	AsymmetryNs int64  `json:"asymmetryNs"` // added to the delay, which it must not make negative
	JitterNs    int64  `json:"jitterNs"`    // mean of an exponential distribution added to each frame, 0 to 1e9
	LossPPM     int64  `json:"lossPpm"`     // frames lost of a million, 0 to 1e6
	Seed        uint64 `json:"seed"`        // of jitter and loss
}

// The limits of the kernel's knobs.
const (
	maxDelay  = 1_000_000_000 // ns
	maxLoss   = 1_000_000     // ppm
	maxDrift  = 500_000_000   // ppt
	maxWander = 1_000_000     // ppt per square root of a second
)

// check refuses what the kernel would refuse, before any of it is written.
func (m LinkModel) check() error {
	switch {
	case m.DelayNs < 0 || m.DelayNs > maxDelay:
		return fmt.Errorf("delay %d ns is outside 0 to %d", m.DelayNs, maxDelay)
	case m.AsymmetryNs < -m.DelayNs || m.AsymmetryNs > maxDelay:
		return fmt.Errorf("asymmetry %d ns is outside %d (less the delay) to %d", m.AsymmetryNs, -m.DelayNs, maxDelay)
	case m.JitterNs < 0 || m.JitterNs > maxDelay:
		return fmt.Errorf("jitter %d ns is outside 0 to %d", m.JitterNs, maxDelay)
	case m.LossPPM < 0 || m.LossPPM > maxLoss:
		return fmt.Errorf("loss %d ppm is outside 0 to %d", m.LossPPM, maxLoss)
	}
	return nil
}

// LinkModel reads the model in force for what a port sends.
func (d Device) LinkModel(port int) (LinkModel, error) {
	var m LinkModel
	for name, value := range map[string]*int64{"delay_ns": &m.DelayNs, "asymmetry_ns": &m.AsymmetryNs, "jitter_ns": &m.JitterNs, "loss_ppm": &m.LossPPM} {
		var err error
		if *value, err = readNumber(d.linkKnob(port, name)); err != nil {
			return LinkModel{}, fmt.Errorf("link model of port %d of %s: %w", port, d, err)
		}
	}
	var err error
	if m.Seed, err = readSeed(d.linkKnob(port, "seed")); err != nil {
		return LinkModel{}, fmt.Errorf("link model of port %d of %s: %w", port, d, err)
	}
	return m, nil
}

// SetLink makes m the model for what a port sends. Knobs that have the value already are not written.
func (d Device) SetLink(port int, m LinkModel) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("link model of port %d of %s: %w: %w", port, d, err, fs.ErrInvalid)
	}
	now, err := d.LinkModel(port)
	if err != nil {
		return err
	}
	for _, w := range writes(now, m) {
		if err := write(d.linkKnob(port, w.name), w.value); err != nil {
			return fmt.Errorf("link model of port %d of %s: %w", port, d, err)
		}
	}
	return nil
}

// knobWrite is one value for one knob.
type knobWrite struct{ name, value string }

// writes lists what must be written to come from one model to another, in an order in which the sum of delay and
// asymmetry is never negative in between, which the kernel would refuse.
func writes(now, next LinkModel) []knobWrite {
	var list []knobWrite
	set := func(name string, now, next int64) {
		if now != next {
			list = append(list, knobWrite{name, strconv.FormatInt(next, 10)})
		}
	}
	if next.DelayNs < now.DelayNs {
		set("asymmetry_ns", now.AsymmetryNs, next.AsymmetryNs)
		set("delay_ns", now.DelayNs, next.DelayNs)
	} else {
		set("delay_ns", now.DelayNs, next.DelayNs)
		set("asymmetry_ns", now.AsymmetryNs, next.AsymmetryNs)
	}
	set("jitter_ns", now.JitterNs, next.JitterNs)
	set("loss_ppm", now.LossPPM, next.LossPPM)
	if now.Seed != next.Seed {
		list = append(list, knobWrite{"seed", strconv.FormatUint(next.Seed, 10)})
	}
	return list
}

func (d Device) linkKnob(port int, name string) string {
	return d.knob("ports", strconv.Itoa(port), "link", name)
}

// Clock is the hardware clock of a device as only its maker can see it: against ideal time, and with its oscillator.
// Reading and steering it as a user would is the business of package phc.
type Clock struct{ device Device }

// Clock returns the clock of the device.
func (d Device) Clock() Clock { return Clock{device: d} }

// ClockIndex is N of the device's /dev/ptpN.
func (d Device) ClockIndex() (int, error) {
	n, err := readNumber(d.knob("clock", "index"))
	if err != nil {
		return 0, fmt.Errorf("clock of %s: %w", d, err)
	}
	return int(n), nil
}

// TrueErrorNs is what the clock shows less ideal time, in ns.
func (c Clock) TrueErrorNs() (int64, error) { return c.number("true_error_ns") }

// SetTrueErrorNs steps the clock so that its error becomes ns.
func (c Clock) SetTrueErrorNs(ns int64) error {
	return c.set("true_error_ns", strconv.FormatInt(ns, 10))
}

// DriftPPB is the constant frequency error of the oscillator, in parts per 1e9.
func (c Clock) DriftPPB() (float64, error) {
	ppt, err := c.number("drift_ppt")
	return float64(ppt) / 1000, err
}

// SetDriftPPB sets the constant frequency error of the oscillator, -500000 to 500000 parts per 1e9, to a thousandth.
func (c Clock) SetDriftPPB(ppb float64) error {
	ppt, err := toPPT(ppb, -maxDrift, maxDrift)
	if err != nil {
		return fmt.Errorf("drift of the clock of %s: %w", c.device, err)
	}
	return c.set("drift_ppt", ppt)
}

// WanderPPB is the random walk of the oscillator's frequency, in parts per 1e9 per square root of a second.
func (c Clock) WanderPPB() (float64, error) {
	ppt, err := c.number("wander_ppt")
	return float64(ppt) / 1000, err
}

// SetWanderPPB sets the random walk of the oscillator's frequency, 0 to 1000 parts per 1e9 per square root of a
// second, to a thousandth.
func (c Clock) SetWanderPPB(ppb float64) error {
	ppt, err := toPPT(ppb, 0, maxWander)
	if err != nil {
		return fmt.Errorf("wander of the clock of %s: %w", c.device, err)
	}
	return c.set("wander_ppt", ppt)
}

// Seed is the seed of the wander.
func (c Clock) Seed() (uint64, error) {
	seed, err := readSeed(c.device.knob("clock", "seed"))
	if err != nil {
		return 0, fmt.Errorf("clock of %s: %w", c.device, err)
	}
	return seed, nil
}

// SetSeed sets the seed of the wander.
func (c Clock) SetSeed(seed uint64) error { return c.set("seed", strconv.FormatUint(seed, 10)) }

func (c Clock) number(name string) (int64, error) {
	n, err := readNumber(c.device.knob("clock", name))
	if err != nil {
		return 0, fmt.Errorf("clock of %s: %w", c.device, err)
	}
	return n, nil
}

func (c Clock) set(name, value string) error {
	if err := write(c.device.knob("clock", name), value); err != nil {
		return fmt.Errorf("clock of %s: %w", c.device, err)
	}
	return nil
}

// toPPT is parts per 1e9 as the knobs' whole parts per 1e12.
func toPPT(ppb, least, most float64) (string, error) {
	ppt := math.Round(ppb * 1000)
	if math.IsNaN(ppt) || ppt < least || ppt > most {
		return "", fmt.Errorf("%g ppb is outside %g to %g: %w", ppb, least/1000, most/1000, fs.ErrInvalid)
	}
	return strconv.FormatInt(int64(ppt), 10), nil
}
