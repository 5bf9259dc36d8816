package specs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/events"
	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/soak"
	"github.com/ptplab/ptplab/conformance/sut"
)

// checkKeepsSync watches, for the duration of the soak, the state of the clocks under test and of the OS clocks of their nodes. It
// fails when one of them has lost its sync as often as the threshold says, or never had it. The events of the notification API count; that they
// tell all that the metrics show is seen as well. Where there is no such API the metrics count.
func checkKeepsSync(ctx context.Context, t *Test) error {
	if err := t.clockSyncEnabled(); err != nil {
		return err
	}
	if err := t.wellBefore(ctx, underTest(t.Inventory)); err != nil {
		return err
	}
	w, err := t.newSyncWatch(ctx)
	if err != nil {
		return err
	}
	sleep := func(ctx context.Context, d time.Duration) error { return t.System.Sleep(ctx, d) }
	err = t.soak(ctx, t.Settings.Soak.ClockSync.Duration, t.Settings.Poll, sleep, w.look)
	if err != nil {
		return err
	}
	return w.verdict(ctx)
}

// syncWatch watches the states of clocks.
type syncWatch struct {
	t         *Test
	start     time.Time
	threshold int64
	nodes     []string
	clocks    []*syncClock
	ears      []*ear
	metrics   bool // they are worth something
	file      *os.File
}

// syncClock is a clock with what the sources tell of it.
type syncClock struct {
	node     string
	instance sut.Instance           // zero for an OS clock
	shown    soak.Clock             // by the metrics
	told     map[string]*soak.Clock // by the events, by version of the API
	curves   *curves
}

// newSyncWatch opens everything that is watched and looks at it a first time.
func (t *Test) newSyncWatch(ctx context.Context) (*syncWatch, error) {
	start, err := t.System.Now(ctx)
	if err != nil {
		return nil, err
	}
	w := &syncWatch{t: t, start: start, threshold: t.threshold(t.Settings.Soak.ClockSync), metrics: !t.failedAlready(AreaMetrics)}
	for _, i := range underTest(t.Inventory) {
		if !slices.Contains(w.nodes, i.Node) {
			w.nodes = append(w.nodes, i.Node)
		}
		w.add(i.Node, i.String(), i)
	}
	for _, node := range w.nodes {
		steered, err := t.steersOSClock(ctx, node)
		if err != nil {
			return nil, err
		}
		if steered {
			w.add(node, "the OS clock of "+node, sut.Instance{})
		}
	}
	if err := w.listen(ctx); err != nil {
		return nil, err
	}
	if len(w.ears) == 0 && !w.metrics {
		return nil, Skipped("neither events nor metrics tell the state of clocks, see " + AreaMetrics)
	}
	if err := w.openFile(); err != nil {
		return nil, err
	}
	_, _, err = w.look(ctx, start)
	return w, err
}

func (w *syncWatch) add(node, name string, i sut.Instance) {
	w.clocks = append(w.clocks, &syncClock{node: node, instance: i, shown: soak.Clock{Name: name}, told: map[string]*soak.Clock{}, curves: newCurves(name)})
}

// steersOSClock says whether a phc2sys steers the CLOCK_REALTIME of a node. One with free_running only measures it.
func (t *Test) steersOSClock(ctx context.Context, node string) (bool, error) {
	for _, s := range t.Inventory.SystemClocks {
		if s.Node != node {
			continue
		}
		if s.Config == "" {
			return true, nil
		}
		result, err := t.System.Exec(ctx, node, []string{"cat", s.Config})
		if err != nil {
			return false, fmt.Errorf("read %s on %s: %w", s.Config, node, err)
		}
		if result.Exit != 0 || !freeRunning(result.Stdout) {
			return true, nil
		}
	}
	return false, nil
}

// freeRunning says whether a configuration of phc2sys has free_running.
func freeRunning(text string) bool {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "free_running" && f[1] == "1" {
			return true
		}
	}
	return false
}

// openFile begins the file of events anew.
func (w *syncWatch) openFile() error {
	name := w.t.Settings.Soak.EventFile
	if name == "" {
		return nil
	}
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("file of events: %w", err)
	}
	w.file = file
	w.t.Cleanup("close the file of events", func(context.Context) error { return file.Close() })
	w.t.attach(Attachment{Name: "events", File: name})
	return nil
}

// write adds lines to the file of events.
func (w *syncWatch) write(lines ...soak.Line) error {
	if w.file == nil || len(lines) == 0 {
		return nil
	}
	if err := soak.Write(w.file, lines); err != nil {
		return fmt.Errorf("file of events: %w", err)
	}
	return nil
}

// look takes what has come and what the metrics show. It is done when the threshold is reached.
func (w *syncWatch) look(ctx context.Context, at time.Time) (done bool, standing string, err error) {
	for _, e := range w.ears {
		if err := w.hear(ctx, e); err != nil {
			return false, "", err
		}
	}
	for _, node := range w.nodes {
		if err := w.lookAtMetrics(ctx, at, node); err != nil {
			return false, "", err
		}
	}
	losses := 0
	for _, c := range w.clocks {
		for _, one := range w.counted(c) {
			losses = max(losses, len(one.Losses))
		}
	}
	return int64(losses) >= w.threshold, fmt.Sprintf("%d losses of sync at most, the test fails at %d", losses, w.threshold), nil
}

// counted are the states of a clock that the verdict is made of.
func (w *syncWatch) counted(c *syncClock) []*soak.Clock {
	if len(w.ears) == 0 {
		return []*soak.Clock{&c.shown}
	}
	var all []*soak.Clock
	for _, e := range w.ears {
		if e.node == c.node && c.told[e.version] != nil {
			all = append(all, c.told[e.version])
		}
	}
	return all
}

// lookAtMetrics takes states and offsets of a node's clocks. A scrape that fails says nothing: that there is none is for the metrics
// area, and where only the metrics count, a clock that they never show LOCKED fails.
func (w *syncWatch) lookAtMetrics(ctx context.Context, at time.Time, node string) error {
	if !w.metrics {
		return nil
	}
	set, err := w.t.scrape(ctx, node)
	if err != nil {
		return ctx.Err()
	}
	for _, c := range w.clocks {
		if c.node != node {
			continue
		}
		state, offset, ok := c.inMetrics(set)
		if !ok {
			continue
		}
		if before := c.shown.State(); before != state {
			if len(w.ears) == 0 {
				program := "ptp4l"
				if c.isOS() {
					program = "phc2sys"
				}
				if err := w.write(soak.Line{At: at, Type: "openshift_ptp_clock_state/" + program, Offset: fmt.Sprintf("%g", offset), State: state}); err != nil {
					return err
				}
			}
			w.t.note(at, node, "metrics: %s %s", c.shown.Name, state)
		}
		c.shown.See(at, state)
		if offset != noOffset {
			c.curves.offset.Add(at, offset)
		}
	}
	return nil
}

// noOffset is what linuxptp-daemon reports in ns for a clock without a time transmitter.
const noOffset = 999_999

func (c *syncClock) isOS() bool { return c.instance.Name == "" }

// inMetrics is what a scrape says of the clock.
func (c *syncClock) inMetrics(set metrics.Set) (state string, offset float64, ok bool) {
	offset = noOffset
	if c.isOS() {
		for _, s := range set.Series("openshift_ptp_clock_state") {
			if s.Labels["process"] == "phc2sys" && s.Labels["iface"] == "CLOCK_REALTIME" {
				state, ok = metrics.ClockState(s.Value).String(), true
			}
		}
		for _, s := range set.Series("openshift_ptp_offset_ns") {
			if s.Labels["process"] == "phc2sys" && s.Labels["iface"] == "CLOCK_REALTIME" {
				offset = s.Value
			}
		}
		return state, offset, ok
	}
	found, err := set.ClockState(c.node, c.instance.ReceivePorts[0])
	if ns, err := set.Offset(c.node, c.instance.ReceivePorts[0]); err == nil {
		offset = ns
	}
	return found.String(), offset, err == nil
}

// slack is how much later than another a source may tell a state, beyond the time between two looks.
const slack = 2 * time.Second

// verdict holds the clocks to what the test asks.
func (w *syncWatch) verdict(ctx context.Context) error {
	end, err := w.t.System.Now(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, c := range w.clocks {
		all := w.counted(c)
		faults = append(faults, soak.JudgeSync(all, w.threshold, w.start)...)
		losses := 0
		for _, one := range all {
			losses = max(losses, len(one.Losses))
			faults = append(faults, w.compare(c, one, end))
		}
		w.t.Measured(Measurement{Name: "losses of sync of " + c.shown.Name, Value: float64(losses), Unit: "losses"})
		if len(all) > 0 {
			w.t.attachPlot(c.curves, all[0].Losses, end)
		}
	}
	heard := 0
	for _, e := range w.ears {
		heard += e.mark
	}
	if len(w.ears) > 0 {
		w.t.Measured(Measurement{Name: "events", Value: float64(heard), Unit: "events"})
	}
	if err := errors.Join(faults...); err != nil {
		return lookAt(err, w.places()...)
	}
	return nil
}

// compare sees that events told what the metrics showed, but for what was shown too shortly before the end.
func (w *syncWatch) compare(c *syncClock, told *soak.Clock, end time.Time) error {
	if told == &c.shown || !w.metrics {
		return nil
	}
	patience := w.t.Settings.Poll + slack
	shown := slices.DeleteFunc(slices.Clone(c.shown.Changes), func(one soak.Change) bool { return one.At.Add(patience).After(end) })
	untold := soak.Untold(shown, told.Changes, patience)
	if len(untold) == 0 {
		return nil
	}
	return fmt.Errorf("the metrics show %s %s %s, and no event tells it: %d of %d states that they show went untold",
		told.Name, untold[0].State, soak.After(w.start, untold[0].At), len(untold), len(shown))
}

func (w *syncWatch) places() []string {
	var places []string
	for _, i := range underTest(w.t.Inventory) {
		places = append(places, process(i))
	}
	if w.file != nil {
		places = append(places, "the events in "+w.file.Name())
	}
	return places
}

// ear listens to the events of a node.
type ear struct {
	node, version string
	consumer      *events.MailConsumer
	mark          int // events that were heard
}

// listen subscribes to the states of the clocks, on every node and in every version of the API that the settings ask for.
func (w *syncWatch) listen(ctx context.Context) error {
	system, ok := sut.As[sut.Notifications](w.t.System)
	if !ok || w.t.failedAlready(AreaEvents) {
		return nil
	}
	versions := []string{w.t.Settings.EventAPI}
	if w.t.Settings.V1Regression && w.t.Settings.EventAPI != events.V1 {
		versions = append(versions, events.V1)
	}
	for _, version := range versions {
		for _, node := range w.nodes {
			err := w.listenTo(ctx, system, node, version)
			if unavailable := (*sut.UnavailableError)(nil); errors.As(err, &unavailable) && len(w.ears) == 0 {
				w.t.progress("no events: %s; the metrics count", unavailable.Reason)
				return nil
			}
			if err != nil {
				return fmt.Errorf("events of %s, API %s: %w", node, version, err)
			}
		}
	}
	return nil
}

func (w *syncWatch) listenTo(ctx context.Context, system sut.Notifications, node, version string) error {
	box, err := system.OpenMailbox(ctx, node)
	if err != nil {
		return err
	}
	w.t.Cleanup("close the mailbox on "+node, box.Close)
	consumer, err := events.NewMailConsumer(box, events.Options{Clock: w.t.System, Version: version})
	if err != nil {
		return err
	}
	for _, suffix := range w.resources(node) {
		s, err := consumer.Subscribe(ctx, consumer.API(), events.Address(node, suffix))
		if err != nil {
			return err
		}
		w.t.Cleanup("unsubscribe from "+s.Resource, s.Unsubscribe)
	}
	for _, c := range w.clocks {
		if c.node == node {
			name := c.shown.Name
			if version != w.t.Settings.EventAPI {
				name += " by API " + version
			}
			c.told[version] = &soak.Clock{Name: name}
		}
	}
	w.ears = append(w.ears, &ear{node: node, version: version, consumer: consumer})
	return nil
}

// resources are those that tell the states of the node's clocks.
func (w *syncWatch) resources(node string) []string {
	all := []string{events.LockState}
	for _, c := range w.clocks {
		if c.node == node && c.isOS() {
			all = append(all, events.OSClock)
		}
	}
	return all
}

// hear takes the events that came since the last time.
func (w *syncWatch) hear(ctx context.Context, e *ear) error {
	if err := e.consumer.Look(ctx); err != nil {
		return err
	}
	for _, r := range e.consumer.History(e.mark) {
		e.mark++
		w.t.note(r.At, e.node, "%s", strings.TrimPrefix(r.Event.String(), e.node+" "))
		for _, v := range r.Values {
			if v.DataType != events.Notification {
				continue
			}
			if e.version == w.t.Settings.EventAPI {
				if err := w.write(soak.Line{At: r.Time, Type: r.Type, Offset: offsetOf(r.Event, v.Address), State: v.Text}); err != nil {
					return err
				}
			}
			for _, c := range w.clocks {
				if c.node == e.node && c.isAt(v.Address) {
					c.told[e.version].See(r.At, v.Text)
				}
			}
		}
	}
	return nil
}

// offsetOf is the number that an event tells of an address.
func offsetOf(e events.Event, address string) string {
	offset, _ := e.Find(events.Metric, address)
	return offset
}

// isAt says whether a value of an event is of the clock: "/cluster/node/w1/ens1fx/master", "/cluster/node/w1/CLOCK_REALTIME".
func (c *syncClock) isAt(address string) bool {
	if c.isOS() {
		return strings.HasSuffix(address, "/CLOCK_REALTIME")
	}
	return slices.ContainsFunc(c.instance.ReceivePorts, func(port string) bool {
		return strings.HasSuffix(address, "/"+metrics.Alias(port)+"/master") || strings.HasSuffix(address, "/"+port+"/master")
	})
}
