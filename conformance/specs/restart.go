package specs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/pmc"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

func restartSpecs() []Spec {
	return []Spec{{
		Area:     AreaRestart,
		Name:     "leaves LOCKED and locks again when its ptp4l is killed, which alone is started again",
		Subjects: underTest,
		Check:    checkOwnRestart,
	}, {
		Area:     AreaRestart,
		Name:     "stays locked when another ptp4l of its node is killed",
		Subjects: withNeighbour,
		Check:    checkOtherRestart,
	}, {
		Area:     AreaRestart,
		Name:     "phc2sys is started again when it is killed, and clocks stay locked meanwhile",
		Subjects: withSystemClocks,
		Check:    checkPhc2sysRestart,
	}, {
		Area:     AreaRestart,
		Name:     "clocks lock again when the grandmaster's ptp4l is killed, to the same grandmaster",
		Subjects: withGrandmaster,
		Check:    checkGrandmasterRestart,
	}}
}

// killSignals are the ways in which a process is ended: asked, and not asked.
func killSignals() []string { return []string{"TERM", "KILL"} }

// What a supervisor must keep: a daemon starts a program again after a second.
const (
	restartWithin = 30 * time.Second
	restartPoll   = 250 * time.Millisecond // short against the second that the program is down, so that its status is seen
)

// victim is a process that is killed, and what must not happen meanwhile.
type victim struct {
	program string
	node    string
	config  string         // its configuration file
	shaken  []sut.Instance // clocks of the node that must leave LOCKED for a time
	steady  []sut.Instance // clocks of the node that must stay LOCKED all the time
	told    bool           // whether the node's metrics tell of the process
}

// String is "ptp4l.0.config on w1".
func (v victim) String() string { return path.Base(v.config) + " on " + v.node }

// withNeighbour lists the clocks under test on whose node another PTP instance runs that neither gives time to them nor takes it from
// them.
func withNeighbour(inv sut.Inventory) []sut.Instance {
	return slices.DeleteFunc(underTest(inv), func(i sut.Instance) bool {
		_, ok := neighbour(inv, i)
		return !ok
	})
}

// neighbour is an instance on the node of another that has nothing to do with it.
func neighbour(inv sut.Inventory, i sut.Instance) (sut.Instance, bool) {
	for _, other := range inv.Instances {
		if other.Node == i.Node && other.Name != i.Name && other.Config != "" && !feeds(inv, other, i) && !feeds(inv, i, other) {
			return other, true
		}
	}
	return sut.Instance{}, false
}

// feeds says whether time can come to an instance through another.
func feeds(inv sut.Inventory, from, to sut.Instance) bool {
	for _, chain := range inv.Chains(to) {
		if slices.ContainsFunc(chain, func(i sut.Instance) bool { return i.Name == from.Name }) {
			return true
		}
	}
	return false
}

// checkOwnRestart kills the subject's ptp4l. The other clocks of its node must not notice.
func checkOwnRestart(ctx context.Context, t *Test) error {
	if err := t.needRestart(ctx, t.Subject); err != nil {
		return err
	}
	v := victim{program: "ptp4l", node: t.Subject.Node, config: t.Subject.Config, shaken: []sut.Instance{t.Subject}, told: true}
	for _, i := range receivers(t.Inventory) {
		if i.Node == t.Subject.Node && !feeds(t.Inventory, t.Subject, i) {
			v.steady = append(v.steady, i)
		}
	}
	for _, signal := range killSignals() {
		if err := t.restarts(ctx, v, signal); err != nil {
			return lookAt(err, process(t.Subject), "the log of the daemon on "+v.node)
		}
	}
	return nil
}

// checkOtherRestart kills a ptp4l beside the subject's.
func checkOtherRestart(ctx context.Context, t *Test) error {
	other, ok := neighbour(t.Inventory, t.Subject)
	if !ok {
		return Skipped("no other PTP instance runs on " + t.Subject.Node)
	}
	if err := t.needRestart(ctx, t.Subject, other); err != nil {
		return err
	}
	v := victim{program: "ptp4l", node: other.Node, config: other.Config, steady: []sut.Instance{t.Subject}, told: true}
	return lookAt(t.restarts(ctx, v, "KILL"), process(other), process(t.Subject))
}

// checkPhc2sysRestart kills every phc2sys.
func checkPhc2sysRestart(ctx context.Context, t *Test) error {
	clocks, err := t.systemClocks(ctx)
	if err != nil {
		return err
	}
	if err := t.needRestart(ctx, receivers(t.Inventory)...); err != nil {
		return err
	}
	for _, c := range clocks {
		v := victim{program: "phc2sys", node: c.Node, config: c.Config, told: true}
		for _, i := range receivers(t.Inventory) {
			if i.Node == c.Node {
				v.steady = append(v.steady, i)
			}
		}
		for _, signal := range killSignals() {
			if err := t.restarts(ctx, v, signal); err != nil {
				return lookAt(err, "phc2sys of "+v.String(), "the log of the daemon on "+v.node)
			}
			subject := fmt.Sprintf("the system clock of %s to be followed again", c.Node)
			err := t.soon(ctx, subject, func(ctx context.Context) error {
				set, err := t.scrape(ctx, c.Node)
				if err != nil {
					return err
				}
				return errors.Join(t.tellsSystemClock(set, c), t.tellsChosen(set, c))
			})
			if err != nil {
				return lookAt(err, "phc2sys of "+v.String())
			}
		}
	}
	return nil
}

// checkGrandmasterRestart kills the ptp4l of each grandmaster that can be reached.
func checkGrandmasterRestart(ctx context.Context, t *Test) error {
	all := receivers(t.Inventory)
	if err := t.needRestart(ctx, all...); err != nil {
		return err
	}
	before, err := t.followed(ctx, all)
	if err != nil {
		return err
	}
	killed := false
	for _, i := range t.Inventory.Instances {
		if i.IsReceiver() || i.Config == "" {
			continue
		}
		killed = true
		// Of the clocks that take its time, how soon they notice is theirs: some find another port or coast.
		v := victim{program: "ptp4l", node: i.Node, config: i.Config, told: t.tellsOf(ctx, i)}
		if err := t.restarts(ctx, v, "KILL"); err != nil {
			return lookAt(err, process(i), "the log of the daemon on "+i.Node)
		}
		after, err := t.followed(ctx, all)
		if err != nil {
			return err
		}
		if !maps.Equal(before, after) {
			return lookAt(fmt.Errorf("after the ptp4l of %s was killed, clocks follow other grandmasters: %v, before %v", i, after, before), process(i))
		}
	}
	if !killed {
		return Skipped("no grandmaster of this system can be reached")
	}
	return nil
}

// followed are the grandmasters' identities that clocks name, by the clocks' names.
func (t *Test) followed(ctx context.Context, clocks []sut.Instance) (map[string]string, error) {
	found := map[string]string{}
	for _, i := range clocks {
		state, err := pmc.ReadState(ctx, t.System, i)
		if err != nil {
			return nil, err
		}
		found[i.Name] = state.GrandmasterIdentity
	}
	return found, nil
}

// tellsOf says whether the node of an instance has metrics of its process. Nodes that are no workers need not.
func (t *Test) tellsOf(ctx context.Context, i sut.Instance) bool {
	set, err := t.scrape(ctx, i.Node)
	return err == nil && len(set.Series(metrics.Prefix+"process_status")) > 0
}

// needRestart skips a check whose clocks are not locked or whose processes cannot be reached, and waits until all clocks are locked.
func (t *Test) needRestart(ctx context.Context, clocks ...sut.Instance) error {
	if err := t.needSync(receivers(t.Inventory)...); err != nil {
		return err
	}
	if err := needConfig(clocks...); err != nil {
		return err
	}
	return t.allLocked(ctx)
}

// restarts kills a process and holds the system to what must follow: the process is started again once, with a new process id,
// its restarts are counted one by one, no other process of the node is touched, and all clocks lock again.
func (t *Test) restarts(ctx context.Context, v victim, signal string) error {
	before, err := t.census(ctx, v)
	if err != nil {
		return err
	}
	start, err := t.System.Now(ctx)
	if err != nil {
		return err
	}
	if err := t.kill(ctx, v.node, before.victim, signal); err != nil {
		return err
	}
	if err := t.untilRestarted(ctx, v, before, signal); err != nil {
		return err
	}
	if err := t.allLocked(ctx); err != nil {
		return fmt.Errorf("after SIG%s to %s: %w", signal, v, err)
	}
	now, err := t.System.Now(ctx)
	if err != nil {
		return err
	}
	t.measureSeconds(fmt.Sprintf("SIG%s to %s to all clocks locked", signal, v), max(0, now.Sub(start)-t.Settings.LockedFor))
	after, err := t.census(ctx, v)
	if err != nil {
		return fmt.Errorf("after SIG%s to %s: %w", signal, v, err)
	}
	if err := compare(before, after, v.told); err != nil {
		return fmt.Errorf("after SIG%s to %s: %w", signal, v, err)
	}
	return t.noSocketErrors(ctx, v, start)
}

// census is the processes of a node and how often each has been started.
type census struct {
	victim running
	pids   map[string]int // by configuration file, "ptp4l.0.config"
	starts map[string]int
}

func (t *Test) census(ctx context.Context, v victim) (census, error) {
	all, err := t.processes(ctx, v.node)
	if err != nil {
		return census{}, err
	}
	c := census{pids: map[string]int{}, starts: map[string]int{}}
	if c.victim, err = one(all, v.node, v.config); err != nil {
		return census{}, err
	}
	set, err := t.scrape(ctx, v.node)
	if err != nil && v.told {
		return census{}, err
	}
	for _, r := range all {
		if path.Dir(r.Config) != path.Dir(v.config) {
			continue // not the daemon's
		}
		c.pids[r.name()] = r.PID
		if v.told {
			if n, err := set.Starts(r.Program, v.node, r.name()); err == nil {
				c.starts[r.name()] = n
			}
		}
	}
	if _, counted := c.starts[path.Base(v.config)]; v.told && !counted {
		return census{}, fmt.Errorf("%s does not tell how often %s was started", v.node, path.Base(v.config))
	}
	return c, nil
}

// compare says what differs between two censuses beside the one restart that there should be.
func compare(before, after census, told bool) error {
	var faults []error
	name := before.victim.name()
	for _, other := range slices.Sorted(maps.Keys(before.pids)) {
		was, is := before.pids[other], after.pids[other]
		switch {
		case other == name && is == was:
			faults = append(faults, fmt.Errorf("%s is still process %d", other, is))
		case other != name && is == 0:
			faults = append(faults, fmt.Errorf("%s does not run any more", other))
		case other != name && is != was:
			faults = append(faults, fmt.Errorf("%s was started anew too: it was process %d and is %d", other, was, is))
		}
	}
	for _, other := range slices.Sorted(maps.Keys(before.starts)) {
		was, is, expected := before.starts[other], after.starts[other], before.starts[other]
		if other == name {
			expected++
		}
		if told && is != expected {
			faults = append(faults, fmt.Errorf("%sprocess_restart_count of %s went from %d to %d, expected %d", metrics.Prefix, other, was, is, expected))
		}
	}
	return errors.Join(faults...)
}

// untilRestarted watches a node from the moment when a process was killed until it runs again by what is told of it.
func (t *Test) untilRestarted(ctx context.Context, v victim, before census, signal string) error {
	w := &restartWatch{Test: t, victim: v, before: before, away: map[string]bool{}}
	subject := fmt.Sprintf("%s to be started again after SIG%s", v, signal)
	for _, i := range v.shaken {
		subject += fmt.Sprintf(", and %s to leave LOCKED meanwhile", i)
	}
	took, err := wait.Until(ctx, t.System, subject, restartWithin, restartPoll, w.look)
	if err != nil {
		return err
	}
	if w.disturbed != nil {
		return fmt.Errorf("after SIG%s to %s: %w", signal, v, w.disturbed)
	}
	t.measureSeconds(fmt.Sprintf("SIG%s to %s to started again", signal, v), took)
	return nil
}

// restartWatch is what was seen since a process was killed.
type restartWatch struct {
	*Test
	victim
	before    census
	away      map[string]bool // clocks that were seen not LOCKED
	disturbed error           // what should not have been noticed
}

// look looks once. It is satisfied when the process has a new id, metrics tell that it is up and count one start more, and
// the clocks have been shaken that must be.
func (w *restartWatch) look(ctx context.Context) (bool, string, error) {
	seen, up := "its node has no metrics", true
	if w.victim.told {
		set, err := w.scrape(ctx, w.node)
		w.lookAtClocks(set, err)
		if err != nil {
			return false, "", err
		}
		if seen, up, err = w.metricsTell(set); err != nil || !up {
			return false, seen, err
		}
	}
	for _, i := range w.shaken {
		if !w.away[i.Name] {
			return false, fmt.Sprintf("%s, but %s was LOCKED all the time", seen, i), nil
		}
	}
	all, err := w.processes(ctx, w.node)
	if err != nil {
		return false, "", err
	}
	now, err := one(all, w.node, w.config)
	if err != nil {
		return false, "", err
	}
	return now.PID != w.before.victim.PID, fmt.Sprintf("%s, process %d, before %d", seen, now.PID, w.before.victim.PID), nil
}

// metricsTell is what the node's metrics tell of the process.
func (w *restartWatch) metricsTell(set metrics.Set) (seen string, up bool, err error) {
	name := path.Base(w.config)
	running, err := set.ProcessStatus(w.program, w.node, name)
	if err != nil {
		return "", false, err
	}
	starts, err := set.Starts(w.program, w.node, name)
	if err != nil {
		return "", false, err
	}
	status := map[bool]string{true: "up", false: "down"}[running]
	was := w.before.starts[name]
	return fmt.Sprintf("%s is %s, %d starts, before %d", name, status, starts, was), running && starts > was, nil
}

// lookAtClocks notes which clocks have left LOCKED. A clock that cannot be looked at counts as away. All are on the node.
func (w *restartWatch) lookAtClocks(set metrics.Set, failed error) {
	for _, i := range slices.Concat(w.shaken, w.steady) {
		state, err := stateOf(set, i)
		if err = cmp.Or(failed, err); err == nil && state == metrics.Locked {
			continue
		}
		w.away[i.Name] = true
		steady := slices.ContainsFunc(w.steady, func(s sut.Instance) bool { return s.Name == i.Name })
		if steady && w.disturbed == nil {
			w.disturbed = fmt.Errorf("%s, which has nothing to do with it, did not stay LOCKED: %s", i, sight(state.String(), err))
		}
	}
}

// stateOf is the state of an instance's clock, wherever its active port is.
func stateOf(set metrics.Set, i sut.Instance) (metrics.ClockState, error) {
	var faults []error
	for _, port := range i.ReceivePorts {
		state, err := set.ClockState(i.Node, port)
		if err == nil {
			return state, nil
		}
		faults = append(faults, err)
	}
	return 0, errors.Join(faults...)
}

// sight is what was seen, or why nothing was.
func sight(seen string, err error) string {
	if err != nil {
		return err.Error()
	}
	return seen
}

// socketErrors matches what linuxptp-daemon says when it cannot reach the event service's socket any more.
var socketErrors = regexp.MustCompile(`(?i)(error trying to connect to|failed to reconnect to) event socket|reconnect failed after write error|write error for|write failed again after reconnect`)

// noSocketErrors sees that the daemon's connection to the event service has outlived a restart.
func (t *Test) noSocketErrors(ctx context.Context, v victim, since time.Time) error {
	lines, err := t.logs(ctx, v.node, "", since)
	if errors.As(err, new(Skipped)) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, l := range lines {
		if socketErrors.MatchString(l.Text) {
			return fmt.Errorf("the daemon of %s lost the event socket when %s was killed: %s", v.node, path.Base(v.config), strings.TrimSpace(l.Text))
		}
	}
	return nil
}

// withGrandmaster is the whole system where a grandmaster can be reached; nothing elsewhere.
func withGrandmaster(inv sut.Inventory) []sut.Instance {
	if !slices.ContainsFunc(inv.Instances, func(i sut.Instance) bool { return !i.IsReceiver() && i.Config != "" }) {
		return nil
	}
	return []sut.Instance{{}}
}
