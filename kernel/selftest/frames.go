package selftest

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

func frameChecks() []check {
	return []check{
		// Catches: two instants for one frame, a delay that only one of delivery
		// and stamp has, asymmetry in the wrong direction, the delay of the
		// receiving port used for the sending one, the sender's clock used at
		// the receiver.
		{"the stamps of a frame differ by delay and clock error, exactly", stampsExact},
		// Catches: a stamp taken when the frame is delivered, at a later time.
		{"drift of the receiver counts until the frame arrives", stampAtArrival},
		// Catches: a clone that shares its stamps, a receive stamp where the
		// filter is off, a transmit stamp where nobody wants one.
		{"where timestamps are off there are none, neither own nor the peer's", stampsOff},
		// Catches: a configuration that is not read back, one-step accepted.
		{"the timestamp configuration is what was set, and all frames or none", stampConfig},
		// Catches: delivery at once, delivery a timer period too late.
		{"a frame is delivered when its delay has passed", delivered},
		// Catches: frames sorted by sending time, equal times turned around.
		{"frames come in the order in which they arrive", order},
		// Catches: the ring of 256 frames.
		{"a burst of ten thousand frames gets through", burst},
		// Catches: frames that wait in a queue for the next time.
		{"frames on the way are lost when the cable is cut", cutInFlight},
	}
}

func stampsExact(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	for i, c := range []struct{ delay, asymmetry, error, back int64 }{
		{0, 0, 0, 0}, {1000, 0, 0, 0}, {1000, 400, 0, 77}, {1000, -400, 0, 5000}, {123456, 0, -999999, 1}, {5, -5, 7, 9},
		{1000000000, 0, 1, 0},
	} {
		if err := p.knob("asymmetry_ns", 0); err != nil {
			return err
		}
		if err := p.knob("delay_ns", c.delay); err != nil {
			return err
		}
		if err := p.knob("asymmetry_ns", c.asymmetry); err != nil {
			return err
		}
		if err := set(map[string]int64{p.device[1].clockKnob("true_error_ns"): c.error, p.device[1].linkKnob(0, "delay_ns"): c.back}); err != nil {
			return err
		}
		tx, rx, err := p.cross(uint32(i))
		if err != nil {
			return err
		}
		if want := c.delay + c.asymmetry + c.error; tx == 0 || rx-tx != want {
			return fmt.Errorf("%+v: %d ns between %d and %d, want %d", c, rx-tx, tx, rx, want)
		}
	}
	return nil
}

func stampAtArrival(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	// 500 ppm of 100 ms are 50 us, against less than 1 ns for the lateness of a timer.
	if err := p.knob("delay_ns", 100e6); err != nil {
		return err
	}
	if err := set(map[string]int64{p.device[1].clockKnob("drift_ppt"): 500000000}); err != nil {
		return err
	}
	clock, err := p.device[1].phc()
	if err != nil {
		return err
	}
	defer clock.Close()
	first, err := clock.sample()
	if err != nil {
		return err
	}
	perfect, err := p.device[0].phc()
	if err != nil {
		return err
	}
	defer perfect.Close()
	zero, err := perfect.sample()
	if err != nil {
		return err
	}
	tx, rx, err := p.cross(1)
	if err != nil {
		return err
	}
	// the raw instant of sending, from the clock that has no error
	raw := tx - zero.device + zero.raw
	arrives := sample{device: rx, raw: raw + 100e6}
	if e := off(grown(first, arrives), gain(arrives.raw-first.raw, 500000000, 0)); e <= -1 || e >= 1 {
		return fmt.Errorf("receive stamp off by %g ns", e)
	}
	return nil
}

func stampsOff(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	tx, rx := p.socket[0], p.socket[1]
	if err := rx.stamps(unix.HWTSTAMP_TX_ON, unix.HWTSTAMP_FILTER_NONE); err != nil {
		return err
	}
	if err := tx.send(1); err != nil {
		return err
	}
	r, err := rx.receive(time.Second)
	if err != nil {
		return err
	}
	t, err := tx.sent()
	if err != nil {
		return err
	}
	if t.stamp == 0 || r.stamp != 0 {
		return fmt.Errorf("receive filter off: stamps %d and %d", t.stamp, r.stamp)
	}
	if err := tx.stamps(unix.HWTSTAMP_TX_OFF, unix.HWTSTAMP_FILTER_ALL); err != nil {
		return err
	}
	if err := rx.stamps(unix.HWTSTAMP_TX_ON, unix.HWTSTAMP_FILTER_ALL); err != nil {
		return err
	}
	if err := tx.send(2); err != nil {
		return err
	}
	if r, err = rx.receive(time.Second); err != nil || r.stamp == 0 {
		return fmt.Errorf("transmit off: receive stamp %d, %v", r.stamp, err)
	}
	if t, err = tx.sent(); !errors.Is(err, errNothing) {
		return fmt.Errorf("transmit off: report %+v, %v", t, err)
	}
	return nil
}

func stampConfig(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	s := p.socket[0]
	for _, c := range []struct{ asked, got int32 }{
		{unix.HWTSTAMP_FILTER_NONE, unix.HWTSTAMP_FILTER_NONE},
		{unix.HWTSTAMP_FILTER_PTP_V2_L2_EVENT, unix.HWTSTAMP_FILTER_ALL},
		{unix.HWTSTAMP_FILTER_PTP_V2_EVENT, unix.HWTSTAMP_FILTER_ALL},
		{unix.HWTSTAMP_FILTER_ALL, unix.HWTSTAMP_FILTER_ALL},
	} {
		if err := s.stamps(unix.HWTSTAMP_TX_ON, c.asked); err != nil {
			return err
		}
		config, err := unix.IoctlGetHwTstamp(s.fd, s.port.name)
		if err != nil || config.Rx_filter != c.got || config.Tx_type != unix.HWTSTAMP_TX_ON {
			return fmt.Errorf("asked for filter %d, got %+v, %v", c.asked, config, err)
		}
	}
	if err := s.stamps(unix.HWTSTAMP_TX_ONESTEP_SYNC, 0); !errors.Is(err, unix.ERANGE) {
		return fmt.Errorf("one-step: %v", err)
	}
	return nil
}

func delivered(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	for i, delay := range []int64{0, 1000, 250000, 20000000, 1000000000} {
		if err := p.knob("delay_ns", delay); err != nil {
			return err
		}
		began := time.Now()
		if err := p.socket[0].send(uint32(i)); err != nil {
			return err
		}
		if _, err := p.socket[1].receive(2 * time.Second); err != nil {
			return err
		}
		if took := time.Since(began).Nanoseconds(); took < delay || took > delay+1e6 {
			return fmt.Errorf("a delay of %d ns took %d ns", delay, took)
		}
		p.socket[0].sent()
	}
	return nil
}

func order(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	for _, jitter := range []int64{0, 100000} {
		const frames = 500
		if err := p.knob("jitter_ns", jitter); err != nil {
			return err
		}
		for n := range uint32(frames) {
			if err := p.socket[0].send(n); err != nil {
				return err
			}
		}
		var last arrival
		overtaken := 0
		for n := range uint32(frames) {
			a, err := p.socket[1].receive(time.Second)
			if err != nil {
				return fmt.Errorf("frame %d: %w", n, err)
			}
			if a.stamp < last.stamp {
				return fmt.Errorf("frame %d came after %d and arrived %d ns before it", a.number, last.number, last.stamp-a.stamp)
			}
			if n > 0 && a.number < last.number {
				overtaken++
			}
			last = a
		}
		if overtake := jitter > 0; overtake != (overtaken > 0) {
			return fmt.Errorf("with a jitter of %d ns %d frames were overtaken", jitter, overtaken)
		}
	}
	return nil
}

func burst(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	const frames = 10000
	// Reports of 10000 frames would fill the error queue.
	if err := p.socket[0].stamps(unix.HWTSTAMP_TX_OFF, unix.HWTSTAMP_FILTER_NONE); err != nil {
		return err
	}
	if err := p.knob("delay_ns", 100e6); err != nil {
		return err
	}
	for n := range uint32(frames) {
		if err := p.socket[0].send(n); err != nil {
			return err
		}
	}
	for n := range uint32(frames) {
		a, err := p.socket[1].receive(time.Second)
		if err != nil || a.number != n {
			return fmt.Errorf("frame %d: got %d, %v", n, a.number, err)
		}
	}
	return nil
}

func cutInFlight(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	cut := func(how string, down, restore func() error) error {
		if err := p.knob("delay_ns", 100e6); err != nil {
			return err
		}
		if err := p.socket[0].send(1); err != nil {
			return err
		}
		if err := errors.Join(down(), restore(), carriers(true, p.socket[0].port, p.socket[1].port)); err != nil {
			return err
		}
		// A socket whose port was down says so once.
		for _, s := range p.socket {
			s.sent()
			s.forgive()
		}
		if a, err := p.socket[1].receive(time.Second); !errors.Is(err, errNothing) {
			return fmt.Errorf("%s: frame %d came, %v", how, a.number, err)
		}
		if err := p.knob("delay_ns", 0); err != nil {
			return err
		}
		_, _, err := p.cross(2)
		return err
	}
	sender, receiver := p.socket[0].port, p.socket[1].port
	if err := cut("unlinked", func() error { return unlink(sender) }, func() error { return link(sender, receiver) }); err != nil {
		return err
	}
	if err := cut("receiver down", func() error { return up(receiver, false) }, func() error { return up(receiver, true) }); err != nil {
		return err
	}
	return cut("sender down", func() error { return up(sender, false) }, func() error { return up(sender, true) })
}
