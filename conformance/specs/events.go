package specs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/conformance/events"
	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
)

func eventsSpecs() []Spec {
	spec := func(name string, subjects func(sut.Inventory) []sut.Instance, check func(context.Context, *Test) error, more ...Need) Spec {
		return Spec{Area: AreaEvents, Name: name, Needs: append([]Need{NeedNotifications}, more...), Subjects: subjects, Check: check}
	}
	return []Spec{
		spec("has a notification API that is well and publishes its resources", oneANode, checkEventAPI),
		spec("is told alike by notifications, CurrentState and metrics", underTest, checkEventStates),
		spec("is told to go to HOLDOVER, FREERUN and back to LOCKED when its link is lost for a while", underTest, checkEventLink),
		spec("has one clock class in events, metrics and pmc, also after a crash of its notification service", underTest, checkEventClass),
		spec("takes, refuses and deletes subscriptions as the API says", oneANode, checkSubscriptions),
		spec("serves API version 2 where the operator is told no version", firstUnderTest, checkDefaultVersion, NeedOperator),
		spec("serves API version 2 where the operator is told version 2.0", firstUnderTest, checkVersion2, NeedOperator),
		spec("goes on undisturbed when the operator refuses a version of the API", firstUnderTest, checkRefusedVersions, NeedOperator),
		spec("publishes while the operator's settings say so, and not otherwise", firstUnderTest, checkPublisherSwitch, NeedOperator),
		spec("is told again after its PTP daemon was restarted", firstUnderTest, checkEventsAfterDaemon, NeedDaemon),
		spec("is told by API version 1.0 where that is still served", firstUnderTest, checkV1),
	}
}

// oneANode lists one clock under test for each node that has any.
func oneANode(inv sut.Inventory) []sut.Instance {
	seen := map[string]bool{}
	return slices.DeleteFunc(underTest(inv), func(i sut.Instance) bool {
		again := seen[i.Node]
		seen[i.Node] = true
		return again
	})
}

// firstUnderTest is the first clock under test.
func firstUnderTest(inv sut.Inventory) []sut.Instance {
	all := underTest(inv)
	return all[:min(1, len(all))]
}

// checkEventAPI asks the API of the subject's node for its health and its publishers. The metrics that the notification
// service adds to the node's, the thresholds, are for the metrics area.
func checkEventAPI(ctx context.Context, t *Test) error {
	c, err := t.eventConsumer(ctx)
	if err != nil {
		return err
	}
	if err := t.untilEventAPI(ctx, c); err != nil {
		return err
	}
	published, err := c.Publishers(ctx, c.API())
	if err != nil {
		return err
	}
	wanted, err := t.eventResources(ctx)
	if err != nil {
		return err
	}
	for _, suffix := range wanted {
		if address := events.Address(t.Subject.Node, suffix); !slices.Contains(published, address) {
			return fmt.Errorf("the publishers of %s are %s; there is none of %s", t.Subject.Node, strings.Join(published, ", "), address)
		}
	}
	return nil
}

// checkEventStates subscribes to every resource of the subject's node and compares what it is told at once with what
// CurrentState and the metrics tell.
func checkEventStates(ctx context.Context, t *Test) error {
	c, err := t.subscribeAll(ctx)
	if err != nil {
		return err
	}
	for _, r := range c.History(0) {
		if r.Resource != events.Address(t.Subject.Node, events.LockState) {
			continue
		}
		if state, err := t.toldState(r.Event); err != nil || state != events.Locked {
			return fmt.Errorf("the initial notification tells %s, expected %s of %s", r.Event, events.Locked, t.Subject)
		}
	}
	if _, err := t.until(ctx, fmt.Sprintf("CurrentState to tell what the metrics tell of %s", t.Subject.Node), t.Settings.LockWithin, t.statesProbe(c)); err != nil {
		return lookAt(err, "the notification service of "+t.Subject.Node, process(t.Subject))
	}
	return t.judgeEvents(ctx, c)
}

// statesProbe looks whether the current states of the subject's node are what its metrics say, the state of the node being
// the worst of its clocks.
func (t *Test) statesProbe(c *subscriber) func(ctx context.Context) (bool, string, error) {
	return func(ctx context.Context) (bool, string, error) {
		lock, err := c.CurrentState(ctx, c.API(), events.Address(t.Subject.Node, events.LockState))
		if err != nil {
			return false, "", err
		}
		own, err := t.toldState(lock)
		if err != nil || own != events.Locked {
			return false, lock.String(), err
		}
		all := toldStates(lock)
		if slices.Contains(c.resources, events.OSClock) {
			system, err := t.systemClockState(ctx, c)
			if err != nil {
				return false, "", err
			}
			all = append(all, system)
		}
		node, err := c.CurrentState(ctx, c.API(), events.Address(t.Subject.Node, events.SyncState))
		if err != nil {
			return false, "", err
		}
		want := worstState(all)
		got, _ := node.Find(events.Notification, "")
		return got == want, fmt.Sprintf("its clocks are %s, so the node should be %s: %s", strings.Join(all, ", "), want, node), nil
	}
}

// systemClockState is the current state of CLOCK_REALTIME. It is an error if the metrics of phc2sys tell another.
func (t *Test) systemClockState(ctx context.Context, c *subscriber) (string, error) {
	current, err := c.CurrentState(ctx, c.API(), events.Address(t.Subject.Node, events.OSClock))
	if err != nil {
		return "", err
	}
	got, found := current.Find(events.Notification, "/"+realtimeClock)
	if !found {
		return "", fmt.Errorf("no state of %s in %s", realtimeClock, current)
	}
	if t.doubtful(AreaMetrics) {
		return got, nil
	}
	set, err := t.scrape(ctx, t.Subject.Node)
	if err != nil {
		return "", err
	}
	value, err := set.Find(metrics.Prefix+"clock_state", realtimeLabels(t.Subject.Node))
	if err != nil {
		return "", err
	}
	if want := metrics.ClockState(value).String(); got != want {
		return "", fmt.Errorf("%s of %s is %s by its metrics, but CurrentState has %s", realtimeClock, t.Subject.Node, want, current)
	}
	return got, nil
}

// toldStates lists the states that an event tells.
func toldStates(e events.Event) []string {
	var all []string
	for _, v := range e.Values {
		if v.DataType == events.Notification {
			all = append(all, v.Text)
		}
	}
	return all
}

// worstState is the worst of clocks' states.
func worstState(all []string) string {
	for _, state := range []string{events.FreeRun, events.Holdover} {
		if slices.Contains(all, state) {
			return state
		}
	}
	return events.Locked
}
