package specs

import (
	"errors"
	"fmt"
	"time"

	"github.com/ptplab/ptplab/conformance/settings"
)

// Settings are the bounds and times that the specs hold a system to. All times are the system's own.
type Settings struct {
	LockWithin     time.Duration // how long a clock may take to lock, or to lock again
	LockedFor      time.Duration // how long it must stay locked to count as locked
	Poll           time.Duration // time between two looks at the system
	MinOffset      float64       // smallest offset that ptp4l may report, ns
	MaxOffset      float64       // largest offset that ptp4l may report, ns
	TrueErrorBound float64       // largest |true error| against the grandmaster, ns
	MeasureFor     time.Duration // how long true errors are measured
	MeasureEvery   time.Duration // time between two samples of the true error
	Holdover       time.Duration // holdOverTimeout of the clocks' profiles: HOLDOVER lasts this long, then comes FREERUN
	HoldoverWithin time.Duration // how long HOLDOVER, or fail-over, may take to show, and how much later than Holdover FREERUN may come

	EventAPI       string        // version of the notification API that the system should have: "2.0"
	V1Regression   bool          // the event specs run with API 1.0 as well
	SkipInterfaces []string      // interfaces that no spec may take down
	TestCases      []string      // long specs that run only when they are asked for: "reboot"
	Soak           settings.Soak // the long tests
}

// DefaultSettings suit a lab without noise. The bound of the offset is the threshold that linuxptp-daemon
// applies by default; the bound of the true error is max|TE| of a class C clock, ITU-T G.8273.2.
func DefaultSettings() Settings {
	return Settings{
		LockWithin:     time.Minute,
		LockedFor:      5 * time.Second,
		Poll:           time.Second,
		MinOffset:      -100,
		MaxOffset:      100,
		TrueErrorBound: 30,
		MeasureFor:     5 * time.Minute,
		MeasureEvery:   time.Second,
		Holdover:       5 * time.Second,
		HoldoverWithin: 10 * time.Second,
		EventAPI:       "2.0",
	}
}

// With are the settings with what the user of the suite has asked for.
func (s Settings) With(user *settings.Settings) Settings {
	s.MinOffset, s.MaxOffset = float64(user.MinOffset), float64(user.MaxOffset)
	s.Holdover = time.Duration(user.Thresholds.HoldOver) * time.Second
	s.EventAPI, s.V1Regression = user.EventAPIVersion, user.V1Regression
	s.SkipInterfaces, s.TestCases = user.SkipInterfaces, user.TestCases
	s.Soak = user.Soak
	return s
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
	if !(s.MinOffset < s.MaxOffset) {
		faults = append(faults, fmt.Errorf("no offset is between %g ns and %g ns", s.MinOffset, s.MaxOffset))
	}
	if !(s.TrueErrorBound > 0) {
		faults = append(faults, fmt.Errorf("a bound of %g ns for the true error; it must be positive", s.TrueErrorBound))
	}
	return errors.Join(faults...)
}
