package specs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/soak"
	"github.com/ptplab/ptplab/conformance/sut"
)

// steadyStep is how much time passes between two looks at logs: less than a node's log goes back.
const steadyStep = 10 * time.Second

// checkSteady watches the receivers for the duration of the soak, in which nothing must happen: every offset is within bounds, no servo
// changes its state, no line of a log tells of a faulty port or a time-out, no ptp4l starts, and where the system knows the true errors of the
// clocks they are within bounds too.
func checkSteady(ctx context.Context, t *Test) error {
	if err := t.clockSyncEnabled(); err != nil {
		return err
	}
	if err := t.wellBefore(ctx, receivers(t.Inventory)); err != nil {
		return err
	}
	w, err := t.newSteadyWatch(ctx)
	if err != nil {
		return err
	}
	err = t.soak(ctx, t.Settings.Soak.ClockSync.Duration, w.step(), w.pass, w.look)
	if err != nil {
		return err
	}
	return w.verdict()
}

// steadyWatch watches receivers.
type steadyWatch struct {
	t       *Test
	judge   soak.Steady
	nodes   []string
	pairs   []pair
	truth   sut.Truth // nil if the system does not know the true errors
	keeper  sut.Logs  // nil if it has no logs
	metrics bool      // they are worth something
	curves  map[string]*curves
	names   []string             // of what has curves, in order
	read    map[string]time.Time // the last line of each node
	starts  map[string]float64   // openshift_ptp_process_restart_count of each node's programs
	system  map[string]bool      // nodes whose phc2sys steers the OS clock
}

func (t *Test) newSteadyWatch(ctx context.Context) (*steadyWatch, error) {
	start, err := t.System.Now(ctx)
	if err != nil {
		return nil, err
	}
	s := t.Settings
	w := &steadyWatch{
		t: t, judge: soak.Steady{Start: start, Low: s.MinOffset, High: s.MaxOffset, Bound: s.TrueErrorBound},
		metrics: !t.failedAlready(AreaMetrics), curves: map[string]*curves{}, read: map[string]time.Time{}, starts: map[string]float64{}, system: map[string]bool{},
	}
	clocks := receivers(t.Inventory)
	if w.truth, _ = sut.As[sut.Truth](t.System); w.truth != nil {
		if w.pairs, err = t.pairs(ctx, clocks); err != nil {
			return nil, err
		}
	}
	w.keeper, _ = sut.As[sut.Logs](t.System)
	if w.keeper == nil && !w.metrics {
		return nil, Skipped("neither logs nor metrics tell the offsets of clocks, see " + AreaMetrics)
	}
	for _, i := range clocks {
		w.curvesOf(i.String())
		if slices.Contains(w.nodes, i.Node) {
			continue
		}
		w.nodes = append(w.nodes, i.Node)
		w.read[i.Node] = start
		if w.system[i.Node], err = t.steersOSClock(ctx, i.Node); err != nil {
			return nil, err
		}
	}
	_, _, err = w.look(ctx, start)
	return w, err
}

// curvesOf are the curves of a clock.
func (w *steadyWatch) curvesOf(name string) *curves {
	c := w.curves[name]
	if c == nil {
		c = newCurves(name)
		w.curves[name] = c
		w.names = append(w.names, name)
	}
	return c
}

// step is how much time may pass between two looks: metrics have only the last offset.
func (w *steadyWatch) step() time.Duration {
	if w.keeper == nil {
		return w.t.Settings.Poll
	}
	return steadyStep
}

// pass lets time pass, and measures true errors meanwhile.
func (w *steadyWatch) pass(ctx context.Context, d time.Duration) error {
	if w.truth == nil {
		return w.t.System.Sleep(ctx, d)
	}
	start, err := w.t.System.Now(ctx)
	if err != nil {
		return err
	}
	every := min(w.t.Settings.MeasureEvery, d)
	series, err := w.truth.TrueError(ctx, pairPorts(w.pairs), d, every)
	if err != nil {
		return fmt.Errorf("measure true errors: %w", err)
	}
	differences, err := subtract(w.pairs, series, int(d/every))
	if err != nil {
		return err
	}
	for n, samples := range differences {
		name := w.pairs[n].clock.String()
		for _, s := range samples {
			w.judge.TrueError(name, start.Add(s.At), s.ErrorNs)
			w.curvesOf(name).trueError.Add(start.Add(s.At), s.ErrorNs)
		}
	}
	// What is left of an interval passes here.
	now, err := w.t.System.Now(ctx)
	if err != nil {
		return err
	}
	if left := d - now.Sub(start); left > 0 {
		return w.t.System.Sleep(ctx, left)
	}
	return nil
}

// look reads what the nodes have said since the last time.
func (w *steadyWatch) look(ctx context.Context, at time.Time) (done bool, standing string, err error) {
	for _, node := range w.nodes {
		if err := w.readLog(ctx, node); err != nil {
			return false, "", err
		}
		if w.metrics {
			if err := w.readMetrics(ctx, at, node); err != nil {
				return false, "", err
			}
		}
	}
	return false, w.standing(), nil
}

// standing is the worst so far.
func (w *steadyWatch) standing() string {
	offset, truth := 0.0, 0.0
	for _, name := range w.names {
		offset, truth = max(offset, w.judge.WorstOffset(name)), max(truth, w.judge.WorstTrueError(name))
	}
	text := fmt.Sprintf("worst offset %.0f ns", offset)
	if w.truth != nil {
		text += fmt.Sprintf(", worst true error %.0f ns", truth)
	}
	if n := w.judge.FaultCount(); n > 0 {
		text += fmt.Sprintf(", %d faults", n)
	}
	return text
}

func (w *steadyWatch) readLog(ctx context.Context, node string) error {
	if w.keeper == nil {
		return nil
	}
	lines, err := w.keeper.Logs(ctx, node, w.read[node])
	if err != nil {
		return fmt.Errorf("read the log of %s: %w", node, err)
	}
	for _, l := range lines {
		if l.At.After(w.read[node]) {
			w.read[node] = l.At
		}
		w.readLine(node, l)
	}
	w.read[node] = w.read[node].Add(1) // not that line again
	return nil
}

// readLine judges a line of a receiver's ptp4l, or of the phc2sys that steers the OS clock.
func (w *steadyWatch) readLine(node string, l sut.LogLine) {
	said, ok := soak.Read(l.Text)
	if !ok {
		return
	}
	name := w.clockOf(node, l.Process, said.Program)
	if name == "" {
		return
	}
	if said.Measured {
		w.judge.Offset(name, l.At, said.Offset, said.Servo)
		w.curvesOf(name).offset.Add(l.At, said.Offset)
	}
	if said.Trouble {
		w.happened(name, "trouble", l.At, node, l.Text)
	}
	if said.Starts {
		w.happened(name, "start", l.At, node, said.Program+" starts")
	}
}

func (w *steadyWatch) happened(name, kind string, at time.Time, node, text string) {
	w.judge.Trouble(name, kind, at, text)
	w.t.note(at, node, "%s: %s", name, text)
}

// clockOf names the clock that a process is of; "" for one that is not watched.
func (w *steadyWatch) clockOf(node, process, program string) string {
	if program == "phc2sys" {
		if !w.system[node] {
			return ""
		}
		return "the OS clock of " + node
	}
	var here []sut.Instance
	for _, i := range receivers(w.t.Inventory) {
		if i.Node != node {
			continue
		}
		if process != "" && i.Config != "" && filepath.Base(i.Config) == filepath.Base(process) {
			return i.String()
		}
		here = append(here, i)
	}
	if process == "" && len(here) == 1 && len(w.instancesOn(node)) == 1 {
		return here[0].String()
	}
	return ""
}

// instancesOn lists all instances of a node.
func (w *steadyWatch) instancesOn(node string) []sut.Instance {
	return slices.DeleteFunc(slices.Clone(w.t.Inventory.Instances), func(i sut.Instance) bool { return i.Node != node })
}

// readMetrics judges states, offsets and starts as the metrics of a node show them. A scrape that fails is for the metrics area.
func (w *steadyWatch) readMetrics(ctx context.Context, at time.Time, node string) error {
	set, err := w.t.scrape(ctx, node)
	if err != nil {
		return ctx.Err()
	}
	for _, i := range receivers(w.t.Inventory) {
		if i.Node != node {
			continue
		}
		name := i.String()
		if state, err := set.ClockState(node, i.ReceivePorts[0]); err == nil && state != metrics.Locked {
			w.happened(name, "state", at, node, "its state is "+state.String())
		}
		if offset, err := set.Offset(node, i.ReceivePorts[0]); err == nil {
			w.judge.Offset(name, at, offset, "")
			if w.keeper == nil && offset != noOffset {
				w.curvesOf(name).offset.Add(at, offset)
			}
		}
	}
	w.readStarts(at, node, set)
	return nil
}

// readStarts sees that no ptp4l was started since the last look.
func (w *steadyWatch) readStarts(at time.Time, node string, set metrics.Set) {
	for _, s := range set.Series("openshift_ptp_process_restart_count") {
		program, config := s.Labels["process"], s.Labels["config"]
		if program != "ptp4l" {
			continue
		}
		key := node + " " + config
		if before, known := w.starts[key]; known && s.Value > before {
			w.happened(config+" on "+node, "restart", at, node, fmt.Sprintf("its restart count goes from %g to %g", before, s.Value))
		}
		w.starts[key] = s.Value
	}
}

// verdict tells what happened, and keeps the numbers and the curves.
func (w *steadyWatch) verdict() error {
	var faults []error
	for _, name := range w.names {
		w.t.Measured(Measurement{Name: "largest |offset| of " + name, Value: w.judge.WorstOffset(name), Unit: "ns"})
		if w.curves[name].trueError.Points != nil {
			w.t.Measured(Measurement{Name: "max |TE| of " + name, Value: w.judge.WorstTrueError(name), Unit: "ns"})
		}
		w.t.attachPlot(w.curves[name], nil, w.judge.Start)
	}
	for _, i := range receivers(w.t.Inventory) {
		if w.judge.Samples(i.String()) == 0 {
			faults = append(faults, fmt.Errorf("neither logs nor metrics have told an offset of %s", i))
		}
	}
	if err := errors.Join(append(faults, w.judge.Err()...)...); err != nil {
		return lookAt(err, "the logs of "+strings.Join(w.nodes, ", "))
	}
	return nil
}
