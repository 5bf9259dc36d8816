// Package phc reads and sets PTP hardware clocks, /dev/ptpN. Times are nanoseconds since the clock's epoch, which for
// a disciplined clock is TAI's (IEEE 1588-2019 clause 7.2.3); frequencies are parts per 1e9 (ppb).
package phc

import (
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// Device is an open PTP hardware clock.
type Device struct {
	file *os.File
}

// Mode bits of clock_adjtime(2).
const (
	adjFrequency = 0x0002
	adjSetOffset = 0x0100
	adjNano      = 0x2000 // Time.Usec holds nanoseconds
)

// Open opens /dev/ptp<index> for reading and setting.
func Open(index int) (*Device, error) {
	file, err := os.OpenFile(fmt.Sprintf("/dev/ptp%d", index), os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open hardware clock: %w", err)
	}
	return &Device{file: file}, nil
}

// Close closes the device; the clock runs on.
func (d *Device) Close() error { return d.file.Close() }

// Name is the file, "/dev/ptp0".
func (d *Device) Name() string { return d.file.Name() }

func (d *Device) clock() int32 { return unix.FdToClockID(int(d.file.Fd())) }

// Now reads the clock, in ns.
func (d *Device) Now() (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(d.clock(), &ts); err != nil {
		return 0, fmt.Errorf("read %s: clock_gettime: %w", d.Name(), err)
	}
	return ts.Nano(), nil
}

// Set makes the clock show ns, later by the time that the call takes.
func (d *Device) Set(ns int64) error {
	ts := unix.NsecToTimespec(ns)
	if err := unix.ClockSettime(d.clock(), &ts); err != nil {
		return fmt.Errorf("set %s to %d ns: clock_settime: %w", d.Name(), ns, err)
	}
	return nil
}

// Step adds ns to the clock at once.
func (d *Device) Step(ns int64) error {
	if err := d.adjust(stepRequest(ns)); err != nil {
		return fmt.Errorf("step %s by %d ns: %w", d.Name(), ns, err)
	}
	return nil
}

// AdjustFrequency makes the clock run faster than its oscillator by ppb. It replaces the adjustment before it.
func (d *Device) AdjustFrequency(ppb float64) error {
	request, err := frequencyRequest(ppb)
	if err == nil {
		err = d.adjust(request)
	}
	if err != nil {
		return fmt.Errorf("adjust frequency of %s by %g ppb: %w", d.Name(), ppb, err)
	}
	return nil
}

// Frequency is the adjustment in force, in ppb.
func (d *Device) Frequency() (float64, error) {
	var timex unix.Timex
	if err := d.adjust(&timex); err != nil {
		return 0, fmt.Errorf("read frequency of %s: %w", d.Name(), err)
	}
	return ppb(int64(timex.Freq)), nil
}

func (d *Device) adjust(timex *unix.Timex) error {
	if _, err := unix.ClockAdjtime(d.clock(), timex); err != nil {
		return fmt.Errorf("clock_adjtime: %w", err)
	}
	return nil
}

// stepRequest splits ns so that the part below a second is not negative, as the kernel wants it.
func stepRequest(ns int64) *unix.Timex {
	sec, rest := ns/1e9, ns%1e9
	if rest < 0 {
		sec, rest = sec-1, rest+1e9
	}
	timex := &unix.Timex{Modes: adjSetOffset | adjNano}
	timex.Time.Sec, timex.Time.Usec = sec, rest
	return timex
}

// scaledPPM is how clock_adjtime(2) counts frequency: parts per 1e6, times 2^16.
const scaledPPM = 65536.0 / 1000 // a ppb

func frequencyRequest(ppb float64) (*unix.Timex, error) {
	scaled := math.Round(ppb * scaledPPM)
	if math.IsNaN(scaled) || math.Abs(scaled) > math.MaxInt32 { // the kernel computes with 32 bits of ppb
		return nil, unix.ERANGE
	}
	return &unix.Timex{Modes: adjFrequency, Freq: int64(scaled)}, nil
}

func ppb(freq int64) float64 { return float64(freq) / scaledPPM }

// Capabilities is what the clock can do (PTP_CLOCK_GETCAPS).
type Capabilities struct {
	MaxAdjustment     int  // greatest frequency adjustment either way, ppb
	Alarms            int  //
	ExternalStamps    int  // external time stamp channels
	PeriodicOutputs   int  //
	Pins              int  //
	PPS               bool // feeds the kernel's pulse per second
	CrossTimestamping bool // CrossTimestamp works
	PhaseAdjustment   bool // takes phase offsets (ADJ_OFFSET)
}

// Capabilities asks the driver.
func (d *Device) Capabilities() (Capabilities, error) {
	caps, err := unix.IoctlPtpClockGetcaps(int(d.file.Fd()))
	if err != nil {
		return Capabilities{}, fmt.Errorf("%s: PTP_CLOCK_GETCAPS2: %w", d.Name(), err)
	}
	return Capabilities{
		MaxAdjustment: int(caps.Max_adj), Alarms: int(caps.N_alarm), ExternalStamps: int(caps.N_ext_ts),
		PeriodicOutputs: int(caps.N_per_out), Pins: int(caps.N_pins), PPS: caps.Pps != 0,
		CrossTimestamping: caps.Cross_timestamping != 0, PhaseAdjustment: caps.Adjust_phase != 0,
	}, nil
}
