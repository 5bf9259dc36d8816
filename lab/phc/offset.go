package phc

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// CrossTimestamp is one instant as three clocks show it, each in ns.
type CrossTimestamp struct {
	Device       int64 // the hardware clock
	Realtime     int64 // CLOCK_REALTIME
	MonotonicRaw int64 // CLOCK_MONOTONIC_RAW
}

// CrossTimestamp reads the three clocks at the same instant (PTP_SYS_OFFSET_PRECISE). The error is EOPNOTSUPP if the
// hardware cannot.
func (d *Device) CrossTimestamp() (CrossTimestamp, error) {
	offset, err := unix.IoctlPtpSysOffsetPrecise(int(d.file.Fd()))
	if err != nil {
		return CrossTimestamp{}, fmt.Errorf("%s: PTP_SYS_OFFSET_PRECISE2: %w", d.Name(), err)
	}
	return CrossTimestamp{Device: nano(offset.Device), Realtime: nano(offset.Realtime), MonotonicRaw: nano(offset.Monoraw)}, nil
}

// Bracket is a reading of the hardware clock between two of CLOCK_REALTIME, each in ns.
type Bracket struct {
	Before, Device, After int64
}

// MaxBrackets is how many brackets one call can read.
const MaxBrackets = unix.PTP_MAX_SAMPLES

// SysOffsetExtended reads the clock n times in a row, 1 to MaxBrackets (PTP_SYS_OFFSET_EXTENDED).
func (d *Device) SysOffsetExtended(n int) ([]Bracket, error) {
	if n < 1 || n > MaxBrackets {
		return nil, fmt.Errorf("%s: PTP_SYS_OFFSET_EXTENDED2 of %d samples: %w", d.Name(), n, unix.EINVAL)
	}
	offset, err := unix.IoctlPtpSysOffsetExtended(int(d.file.Fd()), uint(n))
	if err != nil {
		return nil, fmt.Errorf("%s: PTP_SYS_OFFSET_EXTENDED2: %w", d.Name(), err)
	}
	return brackets(offset), nil
}

func brackets(offset *unix.PtpSysOffsetExtended) []Bracket {
	list := make([]Bracket, min(int(offset.Samples), len(offset.Ts)))
	for i := range list {
		ts := offset.Ts[i]
		list[i] = Bracket{Before: nano(ts[0]), Device: nano(ts[1]), After: nano(ts[2])}
	}
	return list
}

func nano(t unix.PtpClockTime) int64 { return t.Sec*1e9 + int64(t.Nsec) }
