package lab

import (
	"testing"
	"time"
)

func TestCPUTime(t *testing.T) {
	// Of a ptp4l, and of a program that calls itself ") R 1".
	for text, want := range map[string]time.Duration{
		"41 (ptp4l) S 1 41 1 0 -1 4194560 210 0 0 0 7 5 0 0 20 0 1 0 12 5279744 1152 18446744073709551615 1": 120 * time.Millisecond,
		"41 () R 1) S 1 41 1 0 -1 4194560 210 0 0 0 1 0 0 0 20 0 1 0 12":                                     10 * time.Millisecond,
	} {
		if got, err := cpuTime([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "41", "41 (ptp4l) S 1 2", ")", "41 (x) S 1 41 1 0 -1 4194560 210 0 0 0 a 5 0 0"} {
		if _, err := cpuTime([]byte(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
