package specs

import (
	"errors"
	"fmt"
	"time"
)

// Settings are the bounds and times that the specs hold a system to. All times are the system's own.
type Settings struct {
	LockWithin     time.Duration // how long a clock may take to lock, or to lock again
	LockedFor      time.Duration // how long it must stay locked to count as locked
	Poll           time.Duration // time between two looks at the system
	OffsetBound    float64       // largest |offset| that ptp4l may report, ns
	TrueErrorBound float64       // largest |true error| against the grandmaster, ns
	MeasureFor     time.Duration // how long true errors are measured
	MeasureEvery   time.Duration // time between two samples of the true error
	Holdover       time.Duration // holdOverTimeout of the clocks' profiles: HOLDOVER lasts this long, then comes FREERUN
	HoldoverWithin time.Duration // how long HOLDOVER, or fail-over, may take to show, and how much later than Holdover FREERUN may come
}

// DefaultSettings suit a lab without noise. The bound of the offset is the threshold that linuxptp-daemon
// applies by default; the bound of the true error is max|TE| of a class C clock, ITU-T G.8273.2.
func DefaultSettings() Settings {
	return Settings{
		LockWithin:     time.Minute,
		LockedFor:      5 * time.Second,
		Poll:           time.Second,
		OffsetBound:    100,
		TrueErrorBound: 30,
		MeasureFor:     5 * time.Minute,
		MeasureEvery:   time.Second,
		Holdover:       5 * time.Second,
		HoldoverWithin: 10 * time.Second,
	}
}

// Validate reports every setting that would make a spec meaningless.
func (s Settings) Validate() error {
	var faults []error
	for name, d := range map[string]time.Duration{
		"lock time": s.LockWithin, "poll interval": s.Poll, "measuring time": s.MeasureFor, "measuring interval": s.MeasureEvery,
		"holdover time-out": s.Holdover, "time for holdover to show": s.HoldoverWithin,
	} {
		if d <= 0 {
			faults = append(faults, fmt.Errorf("%s %s is not positive", name, d))
		}
	}
	if s.LockedFor < 0 || s.LockedFor >= s.LockWithin {
		faults = append(faults, fmt.Errorf("a clock cannot be locked for %s within %s", s.LockedFor, s.LockWithin))
	}
	if s.MeasureEvery > s.MeasureFor {
		faults = append(faults, fmt.Errorf("one measurement every %s makes none in %s", s.MeasureEvery, s.MeasureFor))
	}
	if !(s.OffsetBound > 0) || !(s.TrueErrorBound > 0) {
		faults = append(faults, fmt.Errorf("bounds of %g ns and %g ns; both must be positive", s.OffsetBound, s.TrueErrorBound))
	}
	return errors.Join(faults...)
}
