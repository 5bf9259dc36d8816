package specs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/ptplab/ptplab/conformance/events"
	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
)

// Times of the events area, of the system.
const (
	eventLatency = time.Second            // from a change to the arrival of its event
	eventLook    = 200 * time.Millisecond // between two looks into a mailbox
	eventGrace   = 5 * time.Second        // for events that are on their way
	replayWithin = 90 * time.Second       // after a crash of the notification service
)

// realtimeClock is the name of a node's own clock in metrics and events.
const realtimeClock = "CLOCK_REALTIME"

func realtimeLabels(node string) map[string]string {
	return map[string]string{"process": "phc2sys", "node": node, "iface": realtimeClock}
}

// subscriber is a consumer that is subscribed to resources of the subject's node.
type subscriber struct {
	*events.MailConsumer
	resources     []string // as suffixes
	subscriptions []*events.Subscription
}

// eventMailbox opens a mailbox beside the subject's node. It is closed after the check.
func (t *Test) eventMailbox(ctx context.Context) (sut.Mailbox, error) {
	n, ok := sut.As[sut.Notifications](t.System)
	if !ok {
		return nil, Skipped("this system has no notification API")
	}
	if operator, ok := sut.As[sut.Operator](t.System); ok {
		config, err := operator.OperatorConfig(ctx)
		if err != nil {
			return nil, err
		}
		if !config.EnableEventPublisher {
			return nil, Skipped("the event publisher is off in the operator's settings")
		}
	}
	box, err := n.OpenMailbox(ctx, t.Subject.Node)
	if err != nil {
		return nil, err
	}
	t.Cleanup("close a mailbox on "+t.Subject.Node, box.Close)
	return box, nil
}

// eventConsumer makes a consumer of version 2 of the API, without subscriptions.
func (t *Test) eventConsumer(ctx context.Context) (*events.MailConsumer, error) {
	if t.Settings.EventAPI == events.V1 {
		return nil, Skipped("the system is to have version 1.0 of the notification API")
	}
	box, err := t.eventMailbox(ctx)
	if err != nil {
		return nil, err
	}
	return events.NewMailConsumer(box, events.Options{Clock: t.System, MaxLatency: eventLatency, Interval: eventLook})
}

// eventResources are the resources that the subject's node must publish, as suffixes.
func (t *Test) eventResources(ctx context.Context) ([]string, error) {
	all := []string{events.LockState, events.ClockClass, events.SyncState}
	set, err := t.scrape(ctx, t.Subject.Node)
	if err != nil {
		return nil, err
	}
	_, err = set.Find(metrics.Prefix+"clock_state", realtimeLabels(t.Subject.Node))
	known := slices.ContainsFunc(t.Inventory.SystemClocks, func(s sut.SystemClock) bool { return s.Node == t.Subject.Node })
	if known || err == nil {
		all = append(all, events.OSClock)
	}
	return all, nil
}

// subscribeAll waits for the subject to be locked and subscribes to all resources of its node. The subscriptions are
// deleted after the check.
func (t *Test) subscribeAll(ctx context.Context) (*subscriber, error) {
	if err := t.needSync(t.Subject); err != nil {
		return nil, err
	}
	c, err := t.eventConsumer(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.lockedNow(ctx); err != nil {
		return nil, err
	}
	resources, err := t.eventResources(ctx)
	if err != nil {
		return nil, err
	}
	s := &subscriber{MailConsumer: c, resources: resources}
	for _, suffix := range resources {
		one, err := t.subscribe(ctx, c, events.Address(t.Subject.Node, suffix))
		if err != nil {
			return nil, lookAt(err, "the notification service of "+t.Subject.Node)
		}
		t.Cleanup("delete the subscription to "+one.Resource, func(ctx context.Context) error { return unlessGone(one.Unsubscribe(ctx)) })
		s.subscriptions = append(s.subscriptions, one)
	}
	return s, nil
}

// subscribe makes a subscription. A resource whose state is not known yet, as that of a system clock may be for some
// seconds, cannot be subscribed to.
func (t *Test) subscribe(ctx context.Context, c *events.MailConsumer, resource string) (*events.Subscription, error) {
	var made *events.Subscription
	var fault error
	_, err := t.until(ctx, "the state of "+resource+" to be known", t.Settings.LockWithin, func(ctx context.Context) (bool, string, error) {
		made, fault = c.Subscribe(ctx, c.API(), resource)
		if unlessGone(fault) != nil {
			return true, "", nil
		}
		return fault == nil, "", fault
	})
	if err == nil {
		err = fault
	}
	return made, err
}

// lockedNow waits until the subject is locked. That it stays so is for the sync area.
func (t *Test) lockedNow(ctx context.Context) error {
	_, err := t.until(ctx, t.Subject.String()+" to be locked, that is, "+t.locked(), t.Settings.LockWithin, t.lockedProbe(t.Subject))
	return lookAt(err, append([]string{process(t.Subject)}, t.upstreams(t.Subject)...)...)
}

// doubtful says whether an area has found fault with the system, so that what it stands for cannot be compared with.
func (t *Test) doubtful(area string) bool {
	return t.Failed(area, "") || slices.ContainsFunc(t.Inventory.Instances, func(i sut.Instance) bool { return t.Failed(area, i.Name) })
}

// unlessGone forgives that a subscription is not there any more: the check has said so, if that is wrong.
func unlessGone(err error) error {
	if status := (*events.StatusError)(nil); errors.As(err, &status) && status.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// judgeEvents compares what a subscriber was told with the current states, and returns all faults that it has found.
func (t *Test) judgeEvents(ctx context.Context, c *subscriber) error {
	if err := c.Compare(ctx, eventGrace); err != nil {
		return err
	}
	return lookAt(c.Err(), "the notification service of "+t.Subject.Node)
}

// untilEventAPI waits until the API is well.
func (t *Test) untilEventAPI(ctx context.Context, c *events.MailConsumer) error {
	_, err := t.until(ctx, "the notification API of "+t.Subject.Node+" to be well", t.Settings.LockWithin, func(ctx context.Context) (bool, string, error) {
		err := c.Health(ctx, c.API())
		return err == nil, "well", err
	})
	return lookAt(err, "the notification service of "+t.Subject.Node, "whether the operator's settings ask for it")
}

// clockAddresses are the addresses that the subject's clock may have in events: upstream names it by its NIC, or where
// that would be ambiguous, by its port.
func (t *Test) clockAddresses() []string {
	var all []string
	for _, port := range t.Subject.ReceivePorts {
		for _, name := range []string{metrics.Alias(port), port} {
			address := events.Address(t.Subject.Node, "/"+name+"/master")
			if !slices.Contains(all, address) {
				all = append(all, address)
			}
		}
	}
	return all
}

// valueTold looks up what an event tells of the subject's clock, by the address of the value: the values of all clocks of the
// node are in one event.
func (t *Test) valueTold(e events.Event, dataType string) (string, error) {
	for _, address := range t.clockAddresses() {
		for _, v := range e.Values {
			if v.DataType == dataType && v.Address == address {
				return v.Text, nil
			}
		}
	}
	return "", fmt.Errorf("no %s of %v in %s", dataType, t.clockAddresses(), e)
}

// toldState is the state of the subject's clock in an event of the lock state.
func (t *Test) toldState(e events.Event) (string, error) { return t.valueTold(e, events.Notification) }
