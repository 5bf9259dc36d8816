//go:build guest

package phc

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// first opens a clock of the kernel that runs the test.
func first(t *testing.T) *Device {
	t.Helper()
	devices, err := filepath.Glob("/sys/class/ptp/ptp*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range devices {
		index, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(path), "ptp"))
		if err != nil {
			t.Fatal(err)
		}
		d, err := Open(index)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}
	t.Skip("this kernel has no PTP hardware clock")
	return nil
}

func now(t *testing.T, d *Device) int64 {
	t.Helper()
	ns, err := d.Now()
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

func TestStepAndSet(t *testing.T) {
	d := first(t)
	const second = int64(1e9)
	before := now(t, d)
	if err := d.Step(-100 * second); err != nil {
		t.Fatal(err)
	}
	if moved := now(t, d) - before; moved < -100*second || moved > -95*second {
		t.Errorf("a step by -100 s moved the clock by %d ns", moved)
	}
	if err := d.Set(before); err != nil {
		t.Fatal(err)
	}
	if moved := now(t, d) - before; moved < 0 || moved > 5*second {
		t.Errorf("after Set the clock is %d ns off", moved)
	}
}

func TestFrequencyIsKept(t *testing.T) {
	d := first(t)
	caps, err := d.Capabilities()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []float64{123.456, -1000, 0} {
		if math.Abs(want) > float64(caps.MaxAdjustment) {
			t.Skipf("the clock adjusts by %d ppb at most", caps.MaxAdjustment)
		}
		if err := d.AdjustFrequency(want); err != nil {
			t.Fatal(err)
		}
		got, err := d.Frequency()
		if err != nil || math.Abs(got-want) > 0.01 {
			t.Errorf("frequency = %v, %v, want %v ppb", got, err, want)
		}
	}
	if err := d.AdjustFrequency(float64(caps.MaxAdjustment) + 1000); err == nil {
		t.Errorf("more than %d ppb is accepted", caps.MaxAdjustment)
	}
}

func TestTimestampsAreOrdered(t *testing.T) {
	d := first(t)
	list, err := d.SysOffsetExtended(MaxBrackets)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range list {
		if b.After < b.Before || i > 0 && b.Device < list[i-1].Device {
			t.Errorf("bracket %d = %+v runs backwards", i, b)
		}
	}
	caps, err := d.Capabilities()
	if err != nil {
		t.Fatal(err)
	}
	if !caps.CrossTimestamping {
		t.Skip("the clock has no cross time stamps")
	}
	before := now(t, d)
	cross, err := d.CrossTimestamp()
	if err != nil {
		t.Fatal(err)
	}
	if after := now(t, d); cross.Device < before || cross.Device > after {
		t.Errorf("cross time stamp %d is outside %d to %d", cross.Device, before, after)
	}
	var raw unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &raw); err != nil || cross.MonotonicRaw > raw.Nano() {
		t.Errorf("raw time %d is in the future of %d, %v", cross.MonotonicRaw, raw.Nano(), err)
	}
}
