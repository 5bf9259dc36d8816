// Package specs holds the checks of the conformance suite, one file an area. It knows nothing of how they are run
// and reported.
package specs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

// The areas, in the order in which they run: an area needs what the ones before it have shown, and those that disturb the
// system most come last.
const (
	AreaValidation = "validation"  // the operator is installed
	AreaOperator   = "operator"    // the operator does its work
	AreaDiscovery  = "discovery"   // what the nodes say of their hardware
	AreaSync       = "sync"        // clocks lock
	AreaPath       = "path"        // to the right ones
	AreaAccuracy   = "accuracy"    // and are right
	AreaMetrics    = "metrics"     // what is told of them
	AreaSockets    = "sockets"     // who may ask ptp4l
	AreaScheduling = "scheduling"  // real-time priorities
	AreaEvents     = "events"      // O-RAN notifications
	AreaLogs       = "logs"        // log filter and reduction
	AreaProfiles   = "profiles"    // which PtpConfig applies where
	AreaClockClass = "clock-class" // what the clocks say of their quality
	AreaFailover   = "failover"    // another port, another clock
	AreaOutage     = "outage"      // links down and up
	AreaRestart    = "restart"     // killed processes
	AreaSecurity   = "security"    // authentication
	AreaSoak       = "soak"        // for a long time
)

// Spec is one check. It is made once for each of its subjects.
type Spec struct {
	Area     string
	Name     string                             // a sentence about the subject: "locks to its time transmitter"
	Modes    []Mode                             // nil for all
	Needs    []Need                             // what the system must be able to do; without it the spec is skipped and says so
	Slow     bool                               // takes minutes of the system's time
	Subjects func(sut.Inventory) []sut.Instance // instances to check; nil for a check of the whole system
	// Check returns nil, a Skipped, a *sut.UnavailableError (which skips as well), or what is wrong.
	Check func(ctx context.Context, t *Test) error
}

// All lists every spec in the order in which they run.
func All() []Spec {
	return slices.Concat(validationSpecs(), operatorSpecs(), discoverySpecs(), syncSpecs(), pathSpecs(), accuracySpecs(),
		metricsSpecs(), socketsSpecs(), schedulingSpecs(), eventsSpecs(), logsSpecs(), profilesSpecs(), clockClassSpecs(),
		failoverSpecs(), outageSpecs(), restartSpecs(), rebootSpecs(), securitySpecs(), soakSpecs())
}

// RunsIn says whether the spec is for a mode.
func (s Spec) RunsIn(mode Mode) bool { return len(s.Modes) == 0 || slices.Contains(s.Modes, mode) }

// Labels are the words by which a spec can be selected: its area, the mode, its speed and its needs.
func (s Spec) Labels(mode Mode) []string {
	speed := "fast"
	if s.Slow {
		speed = "slow"
	}
	labels := []string{s.Area, string(mode), speed}
	for _, n := range s.Needs {
		labels = append(labels, "needs-"+string(n))
	}
	return labels
}

// Skipped is the error of a check that cannot be made here; its text is the reason.
type Skipped string

// Error is the reason.
func (s Skipped) Error() string { return string(s) }

// Test is what one check works with.
type Test struct {
	System    sut.System
	Mode      Mode
	Inventory sut.Inventory
	Settings  Settings
	Subject   sut.Instance // zero for a check of the whole system

	Failed   func(area, instance string) bool                     // whether an earlier check of this run failed
	Measured func(Measurement)                                    // takes a number for the report
	Cleanup  func(what string, f func(ctx context.Context) error) // runs f after the check, in any case
	Progress func(format string, args ...any)                     // tells on one line how far a long check is; nil for nobody
	Noted    func(Note)                                           // takes something that happened for the reports; nil for nobody
	Attached func(Attachment)                                     // takes a file or a plot for the reports; nil for nobody
}

// Measurement is a number that a check has found.
type Measurement struct {
	Name  string  `json:"name"` // "max |TE| of bc1 on w1"
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // "ns", "s"
}

// String is the form for people: "max |TE| of bc1 on w1: 3 ns".
func (m Measurement) String() string { return fmt.Sprintf("%s: %.4g %s", m.Name, m.Value, m.Unit) }

// needSync skips a check whose clocks the sync area has found wanting, so that one fault is reported once.
func (t *Test) needSync(instances ...sut.Instance) error {
	for _, i := range instances {
		if t.Failed(AreaSync, i.Name) {
			return Skipped(fmt.Sprintf("%s does not lock, see %s", i, AreaSync))
		}
	}
	return nil
}

// until waits in the system's time.
func (t *Test) until(ctx context.Context, subject string, deadline time.Duration, probe wait.Probe) (time.Duration, error) {
	return wait.Until(ctx, t.System, subject, deadline, t.Settings.Poll, probe)
}

func (t *Test) measureSeconds(name string, d time.Duration) {
	t.Measured(Measurement{Name: name, Value: d.Seconds(), Unit: "s"})
}

// receivers lists the time receivers that are no part of the network.
func receivers(inv sut.Inventory) []sut.Instance {
	return slices.DeleteFunc(slices.Clone(inv.Instances), func(i sut.Instance) bool {
		return i.InSwitch || !i.IsReceiver()
	})
}

// underTest lists the clocks under test: the boundary clocks, or where there are none, the ordinary clocks.
func underTest(inv sut.Inventory) []sut.Instance {
	all := receivers(inv)
	boundary := slices.DeleteFunc(slices.Clone(all), func(i sut.Instance) bool { return i.Type != sut.Boundary })
	if len(boundary) > 0 {
		return boundary
	}
	return all
}
