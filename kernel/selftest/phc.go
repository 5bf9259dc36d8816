package selftest

import (
	"fmt"
	"math/big"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// phc is an open PTP hardware clock.
type phc struct{ *os.File }

// phc opens the clock of a device.
func (d *device) phc() (phc, error) {
	n, err := getInt(d.clockKnob("index"))
	if err != nil {
		return phc{}, err
	}
	f, err := openNode("ptp", fmt.Sprintf("ptp%d", n))
	return phc{f}, err
}

// openNode opens a character device by its name in /sys/class, so that /dev
// need not follow.
func openNode(class, name string) (*os.File, error) {
	text, err := get("/sys/class/" + class + "/" + name + "/dev")
	if err != nil {
		return nil, err
	}
	var major, minor uint32
	if _, err := fmt.Sscanf(text, "%d:%d", &major, &minor); err != nil {
		return nil, err
	}
	if f, err := os.OpenFile("/dev/"+name, os.O_RDWR, 0); err == nil {
		return f, nil
	}
	path := "/dev/selftest-" + name
	os.Remove(path)
	if err := unix.Mknod(path, unix.S_IFCHR|0600, int(unix.Mkdev(major, minor))); err != nil {
		return nil, fmt.Errorf("mknod %s: %w", path, err)
	}
	defer os.Remove(path)
	return os.OpenFile(path, os.O_RDWR, 0)
}

// sample is a clock and the system's clocks at one instant, ns.
type sample struct{ device, real, raw int64 }

func ptpTime(t unix.PtpClockTime) int64 { return t.Sec*1e9 + int64(t.Nsec) }

// sample takes a cross timestamp.
func (p phc) sample() (sample, error) {
	s, err := unix.IoctlPtpSysOffsetPrecise(int(p.Fd()))
	if err != nil {
		return sample{}, fmt.Errorf("PTP_SYS_OFFSET_PRECISE: %w", err)
	}
	return sample{ptpTime(s.Device), ptpTime(s.Realtime), ptpTime(s.Monoraw)}, nil
}

// adjust calls clock_adjtime on the clock.
func (p phc) adjust(t *unix.Timex) error {
	_, err := unix.ClockAdjtime(unix.FdToClockID(int(p.Fd())), t)
	return err
}

// frequency sets the frequency in units of 2^-16 ppm.
func (p phc) frequency(scaled int64) error {
	return p.adjust(&unix.Timex{Modes: unix.ADJ_FREQUENCY, Freq: scaled})
}

// step moves the clock by ns.
func (p phc) step(ns int64) error {
	t := &unix.Timex{Modes: unix.ADJ_SETOFFSET | unix.ADJ_NANO}
	t.Time.Sec, t.Time.Usec = ns/1e9, ns%1e9
	if t.Time.Usec < 0 {
		t.Time.Sec--
		t.Time.Usec += 1e9
	}
	return p.adjust(t)
}

// pass lets time pass.
func pass(ns int64) { time.Sleep(time.Duration(ns)) }

// grown returns by how much a clock gained on raw time between two samples.
func grown(a, b sample) int64 { return (b.device - b.raw) - (a.device - a.raw) }

// gain is the exact gain in ns of a clock over raw ns at a drift of ppt and a
// frequency adjustment of scaled 2^-16 ppm: the adjustment multiplies.
func gain(raw, ppt, scaled int64) *big.Rat {
	one := big.NewRat(1, 1)
	osc := new(big.Rat).Add(one, big.NewRat(ppt, 1e12))
	adj := new(big.Rat).Add(one, new(big.Rat).Mul(big.NewRat(scaled, 65536), big.NewRat(1, 1e6)))
	rate := new(big.Rat).Sub(new(big.Rat).Mul(osc, adj), one)
	return rate.Mul(rate, new(big.Rat).SetInt64(raw))
}

// off says by how many ns n differs from want.
func off(n int64, want *big.Rat) float64 {
	d, _ := new(big.Rat).Sub(new(big.Rat).SetInt64(n), want).Float64()
	return d
}
