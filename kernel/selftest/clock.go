package selftest

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

const taiOffset = 37e9

func clockChecks() []check {
	return []check{
		// Catches: a clock that starts at 0 or at UTC, an epoch taken per clock.
		{"a new clock shows TAI, and so does another one", clocksShowTAI},
		// Catches: a name or a limit that ptp4l cannot work with.
		{"the clock says what it can", clockCapabilities},
		// Catches: a system time that is read before or after the clock.
		{"a cross timestamp is of one instant, and so are the extended ones", crossTimestamps},
		// Catches: a step that is rounded, repeated or made in the wrong direction.
		{"true_error_ns, adjtime and settime step the clock to the ns", clockSteps},
		// Catches: a rate in ppb, a rate rounded to 2^-32, a fraction lost at reads.
		{"drift is exact, however often the clock is read", driftExact},
		// Catches: drift and adjustment added instead of multiplied, a fraction
		// lost when the frequency is set.
		{"drift and frequency adjustment multiply, exactly", driftAdjusted},
		// Catches: a jump of the time where the frequency is set.
		{"a change of frequency does not move the clock", frequencySmooth},
		// Catches: a limit that is not checked.
		{"a frequency beyond the limit is refused", frequencyLimit},
	}
}

func clocksShowTAI(b *bench) error {
	for range 2 {
		d, err := b.make(1, "")
		if err != nil {
			return err
		}
		p, err := d.phc()
		if err != nil {
			return err
		}
		defer p.Close()
		s, err := p.sample()
		if err != nil {
			return err
		}
		// CLOCK_REALTIME and raw time run alike unless somebody adjusts the one.
		if diff := s.device - s.real - taiOffset; diff < -1e3 || diff > 1e3 {
			return fmt.Errorf("clock minus TAI is %d ns", diff)
		}
		if n, err := getInt(d.clockKnob("true_error_ns")); err != nil || n != 0 {
			return fmt.Errorf("true error is %d ns, %v", n, err)
		}
	}
	return nil
}

func clockCapabilities(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	n, err := getInt(d.clockKnob("index"))
	if err != nil {
		return err
	}
	if name, err := get(fmt.Sprintf("/sys/class/ptp/ptp%d/clock_name", n)); err != nil || name != "netdevsim" {
		return fmt.Errorf("name %q, %v", name, err)
	}
	p, err := d.phc()
	if err != nil {
		return err
	}
	defer p.Close()
	caps, err := unix.IoctlPtpClockGetcaps(int(p.Fd()))
	if err != nil {
		return err
	}
	if caps.Max_adj < 100000000 || caps.Cross_timestamping != 1 {
		return fmt.Errorf("capabilities %+v", *caps)
	}
	return nil
}

func crossTimestamps(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	p, err := d.phc()
	if err != nil {
		return err
	}
	defer p.Close()
	first, err := p.sample()
	if err != nil {
		return err
	}
	for range 20 {
		pass(1e6 + 37)
		s, err := p.sample()
		if err != nil {
			return err
		}
		if n := grown(first, s); n != 0 {
			return fmt.Errorf("a perfect clock gained %d ns on raw time", n)
		}
	}
	for _, clock := range []int32{unix.CLOCK_REALTIME, unix.CLOCK_MONOTONIC, unix.CLOCK_MONOTONIC_RAW} {
		if err := extended(p, first, clock); err != nil {
			return fmt.Errorf("system clock %d: %w", clock, err)
		}
	}
	return nil
}

// extended checks PTP_SYS_OFFSET_EXTENDED against one system clock.
func extended(p phc, first sample, clock int32) error {
	e := unix.PtpSysOffsetExtended{Samples: 5, Clockid: clock}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, p.Fd(), unix.PTP_SYS_OFFSET_EXTENDED2, uintptr(unsafe.Pointer(&e))); errno != 0 {
		return fmt.Errorf("PTP_SYS_OFFSET_EXTENDED: %w", errno)
	}
	for _, t := range e.Ts[:5] {
		before, device, after := ptpTime(t[0]), ptpTime(t[1]), ptpTime(t[2])
		if before != after {
			return fmt.Errorf("before %d, after %d", before, after)
		}
		if clock == unix.CLOCK_MONOTONIC_RAW && device-before != first.device-first.raw {
			return fmt.Errorf("the clock gained %d ns on raw time", device-before-(first.device-first.raw))
		}
	}
	return nil
}

func clockSteps(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	p, err := d.phc()
	if err != nil {
		return err
	}
	defer p.Close()
	zero, err := p.sample()
	if err != nil {
		return err
	}
	want := int64(0)
	verify := func(how string) error {
		s, err := p.sample()
		if err != nil {
			return err
		}
		n, err := getInt(d.clockKnob("true_error_ns"))
		if err != nil {
			return err
		}
		if n != want || grown(zero, s) != want {
			return fmt.Errorf("%s: true error %d ns, clock off by %d ns, want %d", how, n, grown(zero, s), want)
		}
		return nil
	}
	for _, n := range []int64{1, -1, 1234567890123, -37000000000, 0} {
		want = n
		if err := set(map[string]int64{d.clockKnob("true_error_ns"): n}); err != nil {
			return err
		}
		if err := verify("true_error_ns"); err != nil {
			return err
		}
	}
	for _, n := range []int64{1, -1, 999999999, -1000000001, 86400e9} {
		want += n
		if err := p.step(n); err != nil {
			return err
		}
		if err := verify("adjtime"); err != nil {
			return err
		}
	}
	return settime(p)
}

// settime sets the clock and expects it a moment later.
func settime(p phc) error {
	id := unix.FdToClockID(int(p.Fd()))
	ts := unix.NsecToTimespec(5e17 + 123456789)
	if err := unix.ClockSettime(id, &ts); err != nil {
		return fmt.Errorf("clock_settime: %w", err)
	}
	s, err := p.sample()
	if err != nil {
		return err
	}
	if late := s.device - ts.Nano(); late < 0 || late > 1e6 {
		return fmt.Errorf("settime: %d ns later", late)
	}
	return nil
}

func driftExact(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	p, err := d.phc()
	if err != nil {
		return err
	}
	defer p.Close()
	for _, ppt := range []int64{1, -1, 7, 4600000, -12345678, 500000000, -500000000} {
		if err := set(map[string]int64{d.clockKnob("drift_ppt"): ppt}); err != nil {
			return err
		}
		a, err := p.sample()
		if err != nil {
			return err
		}
		for range 200 {
			if _, err := p.sample(); err != nil {
				return err
			}
			pass(1e6 + 1)
		}
		pass(3600e9)
		z, err := p.sample()
		if err != nil {
			return err
		}
		if e := off(grown(a, z), gain(z.raw-a.raw, ppt, 0)); e <= -1 || e >= 1 {
			return fmt.Errorf("at %d ppt off by %g ns in %d ns", ppt, e, z.raw-a.raw)
		}
	}
	return nil
}

func driftAdjusted(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	p, err := d.phc()
	if err != nil {
		return err
	}
	defer p.Close()
	for _, c := range []struct{ ppt, scaled int64 }{
		{0, 1}, {0, -1}, {0, 6553600000}, {0, -6553600000}, {500000000, -32768000}, {500000000, 6553600000}, {-12345, 54321},
	} {
		if err := set(map[string]int64{d.clockKnob("drift_ppt"): c.ppt}); err != nil {
			return err
		}
		if err := p.frequency(c.scaled); err != nil {
			return fmt.Errorf("frequency %d: %w", c.scaled, err)
		}
		a, err := p.sample()
		if err != nil {
			return err
		}
		// Setting what is set already cuts the segment; that must not cost a thing.
		for range 50 {
			pass(13e6 + 7)
			if err := p.frequency(c.scaled); err != nil {
				return err
			}
		}
		pass(1000e9)
		z, err := p.sample()
		if err != nil {
			return err
		}
		if e := off(grown(a, z), gain(z.raw-a.raw, c.ppt, c.scaled)); e <= -1 || e >= 1 {
			return fmt.Errorf("at %d ppt and %d off by %g ns in %d ns", c.ppt, c.scaled, e, z.raw-a.raw)
		}
	}
	return nil
}

func frequencySmooth(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	p, err := d.phc()
	if err != nil {
		return err
	}
	defer p.Close()
	pass(10e9)
	a, err := p.sample()
	if err != nil {
		return err
	}
	// 1 ppm for the few us between two calls is nothing.
	if err := p.frequency(65536); err != nil {
		return err
	}
	z, err := p.sample()
	if err != nil {
		return err
	}
	if n := grown(a, z); n < 0 || n > 1+(z.raw-a.raw)/1000000 {
		return fmt.Errorf("the clock moved by %d ns", n)
	}
	return nil
}

func frequencyLimit(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	p, err := d.phc()
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.frequency(6553600000 + 66); !errors.Is(err, unix.ERANGE) {
		return fmt.Errorf("100000.001 ppm: %v", err)
	}
	return nil
}
