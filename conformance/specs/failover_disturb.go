package specs

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

// disturbanceSpecs are of clocks that are disturbed while their links are up.
func disturbanceSpecs() []Spec {
	return []Spec{{
		Area:     AreaFailover,
		Name:     "stays locked while its transmit link flaps",
		Modes:    []Mode{BC, DualNICBC, DualNICBCHA},
		Subjects: underTest,
		Check:    checkTransmitFlap,
	}, {
		Area:     AreaFailover,
		Name:     "tells FREERUN when its clock is stepped and locks again",
		Subjects: underTest,
		Check:    checkPhaseStep,
	}}
}

// How a transmit link flaps.
const (
	flaps    = 2
	flapTime = 2 * time.Second // down, and as long up
	flapPoll = 250 * time.Millisecond
)

// checkTransmitFlap takes the transmit links of a boundary clock down and up a few times. It must not matter to the clock itself;
// in the end those that it feeds must be locked as before.
func checkTransmitFlap(ctx context.Context, t *Test) error {
	if len(t.Subject.TransmitPorts) == 0 {
		return Skipped(fmt.Sprintf("%s has no transmit port", t.Subject))
	}
	if err := t.mayTakeDown(t.Subject, t.Subject.TransmitPorts...); err != nil {
		return err
	}
	feeds := disturbed(t.Inventory, t.Subject)
	if err := t.needSync(feeds...); err != nil {
		return err
	}
	if _, err := t.baseline(ctx); err != nil {
		return err
	}
	since, err := t.System.Now(ctx)
	if err != nil {
		return err
	}
	for range flaps {
		if err := t.flap(ctx); err != nil {
			return err
		}
	}
	if err := t.keptReceiving(ctx, since); err != nil {
		return err
	}
	return t.untilAllLocked(ctx, fmt.Sprintf("the transmit links of %s flapped", t.Subject), feeds...)
}

// flap takes the subject's transmit links down and up, and watches its receive ports meanwhile.
func (t *Test) flap(ctx context.Context) error {
	for _, up := range []bool{false, true} {
		for _, name := range t.Subject.TransmitPorts {
			port := sut.PortRef{Node: t.Subject.Node, Interface: name}
			set := t.linkDown
			if up {
				set = func(ctx context.Context, p sut.PortRef) error { return t.System.SetLink(ctx, p, true) }
			}
			if err := set(ctx, port); err != nil {
				return fmt.Errorf("flap link %s: %w", port, err)
			}
		}
		what := "down"
		if up {
			what = "up again"
		}
		subject := fmt.Sprintf("%s to stay locked while its transmit links (%s) are set %s", t.Subject, strings.Join(t.Subject.TransmitPorts, ", "), what)
		if err := t.stays(ctx, subject, flapTime, min(flapPoll, t.Settings.Poll), t.receivingProbe()); err != nil {
			return lookAt(err, process(t.Subject), "whether a receive port shares the cable or the link of a transmit port")
		}
	}
	return nil
}

// receivingProbe looks whether the subject takes its time as before, whatever its transmit ports do.
func (t *Test) receivingProbe() wait.Probe {
	receiver := t.Subject
	receiver.TransmitPorts = nil
	return t.lockedProbe(receiver)
}

// keptReceiving looks through the log, where there is one, for a receive port of the subject that left SLAVE since an instant: the
// metrics may have missed it.
func (t *Test) keptReceiving(ctx context.Context, since time.Time) error {
	keeper, ok := sut.As[sut.Logs](t.System)
	if !ok {
		return nil
	}
	lines, err := keeper.Logs(ctx, t.Subject.Node, since)
	if err != nil {
		return fmt.Errorf("read the log of %s: %w", t.Subject.Node, err)
	}
	for _, line := range lines {
		for _, port := range t.Subject.ReceivePorts {
			if strings.Contains(line.Text, "("+port+"): SLAVE to ") {
				return lookAt(fmt.Errorf("while the transmit links of %s flapped, its receive port %s left SLAVE: %s", t.Subject, port, line.Text), process(t.Subject))
			}
		}
	}
	return nil
}

// smallestStep is by how much a clock is stepped at least: enough for seconds of correction, and too little for a step by ptp4l.
const smallestStep = 10_000 // ns

// stepSize is far outside the bounds of the offset, ns.
func (s Settings) stepSize() int64 {
	return max(smallestStep, int64(20*math.Max(math.Abs(s.MinOffset), math.Abs(s.MaxOffset))))
}

// phaseStepPoll finds the seconds for which an offset is out of bounds.
const phaseStepPoll = 100 * time.Millisecond

// checkPhaseStep steps the hardware clock of the subject by itself, as a fault of the hardware would: ptp4l sees an offset, which
// must be told as FREERUN, and corrects it. phc_ctl(8) works on hardware as well as in a lab.
func checkPhaseStep(ctx context.Context, t *Test) error {
	if err := t.needSync(disturbed(t.Inventory, t.Subject)...); err != nil {
		return err
	}
	before, err := t.baseline(ctx)
	if err != nil {
		return err
	}
	port, step := t.Subject.ClockPort(), t.Settings.stepSize()
	seconds := strconv.FormatFloat(float64(step)/1e9, 'f', 9, 64)
	result, err := t.System.Exec(ctx, port.Node, []string{"phc_ctl", port.Interface, "--", "adj", seconds})
	if err == nil && result.Exit != 0 {
		err = fmt.Errorf("exit status %d: %s", result.Exit, strings.TrimSpace(result.Stderr+result.Stdout))
	}
	if err != nil {
		return fmt.Errorf("step the clock of %s with phc_ctl: %w", port, err)
	}
	after := fmt.Sprintf("its clock was stepped by %d ns", step)
	subject := fmt.Sprintf("%s to be in FREERUN after %s", t.Subject, after)
	took, err := wait.Until(ctx, t.System, subject, t.Settings.HoldoverWithin, min(phaseStepPoll, t.Settings.Poll), t.stateProbe(metrics.FreeRun))
	if err != nil {
		return lookAt(err, "the thresholds of the profile of "+t.Subject.String(), process(t.Subject))
	}
	t.measureSeconds("clock stepped to FREERUN", took)
	if err := t.isBack(ctx, before, after); err != nil {
		return err
	}
	return t.untilAllLocked(ctx, fmt.Sprintf("the clock of %s was stepped", t.Subject), disturbed(t.Inventory, t.Subject)...)
}

// stateProbe looks whether the subject's clock is in a state.
func (t *Test) stateProbe(want metrics.ClockState) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		set, err := t.scrape(ctx, t.Subject.Node)
		if err != nil {
			return false, "", err
		}
		state, err := set.ClockState(t.Subject.Node, t.Subject.ReceivePorts[0])
		if err != nil {
			return false, "", err
		}
		seen := "clock " + state.String()
		if offset, ok := t.offset(ctx, t.Subject); ok {
			seen += fmt.Sprintf(", offset %g ns", offset)
		}
		return state == want, seen, nil
	}
}
