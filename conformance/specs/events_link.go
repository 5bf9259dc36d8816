package specs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/events"
	"github.com/ptplab/ptplab/conformance/sut"
)

// checkEventLink takes all receive links of the subject down and up again, and wants to be told of each change of its
// state, once, in order and soon. Who has unsubscribed must be told nothing.
func checkEventLink(ctx context.Context, t *Test) error {
	for _, port := range t.Subject.ReceivePorts {
		if slices.Contains(t.Settings.SkipInterfaces, port) {
			return Skipped(fmt.Sprintf("port %s of %s is not to be taken down", port, t.Subject))
		}
	}
	before, err := t.baseline(ctx)
	if err != nil {
		return err
	}
	c, err := t.subscribeAll(ctx)
	if err != nil {
		return err
	}
	deaf, err := t.unsubscribed(ctx)
	if err != nil {
		return err
	}
	mark, deafMark := c.Mark(), deaf.Mark()
	if err := t.loseLinks(ctx, c, mark); err != nil {
		return err
	}
	for _, port := range t.Subject.ReceivePorts {
		if err := t.comeBack(ctx, sut.PortRef{Node: t.Subject.Node, Interface: port}, before); err != nil {
			return err
		}
	}
	if err := t.judgeEvents(ctx, c); err != nil {
		return err
	}
	if err := deaf.Look(ctx); err != nil {
		return err
	}
	if got := deaf.History(deafMark); len(got) > 0 {
		return fmt.Errorf("an event came to a subscription that was deleted: %s", got[0])
	}
	return t.checkOrder(c.History(mark))
}

// unsubscribed is a consumer whose subscription is deleted again.
func (t *Test) unsubscribed(ctx context.Context) (*events.MailConsumer, error) {
	c, err := t.eventConsumer(ctx)
	if err != nil {
		return nil, err
	}
	s, err := c.Subscribe(ctx, c.API(), events.Address(t.Subject.Node, events.LockState))
	if err != nil {
		return nil, err
	}
	return c, s.Unsubscribe(ctx)
}

// loseLinks takes the links down until the subject runs free, and up again, and awaits the event of each state.
func (t *Test) loseLinks(ctx context.Context, c *subscriber, mark int) error {
	for _, port := range t.Subject.ReceivePorts {
		if err := t.linkDown(ctx, sut.PortRef{Node: t.Subject.Node, Interface: port}); err != nil {
			return err
		}
	}
	holdover, err := t.awaitState(ctx, c, events.Holdover, mark, t.Settings.HoldoverWithin)
	if err != nil {
		return err
	}
	freeRun, err := t.awaitState(ctx, c, events.FreeRun, mark, t.Settings.Holdover+t.Settings.HoldoverWithin)
	if err != nil {
		return err
	}
	if lasted := freeRun.Time.Sub(holdover.Time); lasted < t.Settings.Holdover-time.Second {
		return fmt.Errorf("FREERUN of %s is told %s after HOLDOVER, expected after about %s, its holdOverTimeout", t.Subject, lasted, t.Settings.Holdover)
	}
	mark = c.Mark()
	for _, port := range t.Subject.ReceivePorts {
		if err := t.System.SetLink(ctx, sut.PortRef{Node: t.Subject.Node, Interface: port}, true); err != nil {
			return fmt.Errorf("set link of %s up: %w", port, err)
		}
	}
	locked, err := t.awaitState(ctx, c, events.Locked, mark, t.Settings.LockWithin)
	if err != nil {
		return err
	}
	t.measureSeconds("latency of the event of HOLDOVER", holdover.Latency())
	t.measureSeconds("latency of the event of LOCKED", locked.Latency())
	return nil
}

// awaitState waits for an event of the subject's lock state.
func (t *Test) awaitState(ctx context.Context, c *subscriber, state string, mark int, deadline time.Duration) (events.Received, error) {
	resource := events.Address(t.Subject.Node, events.LockState)
	r, err := c.Await(ctx, events.Wanted{What: state + " of " + t.Subject.String(), After: mark, Match: func(r events.Received) bool {
		got, err := t.toldState(r.Event)
		return r.Resource == resource && err == nil && got == state
	}}, deadline)
	return r, lookAt(err, "the notification service of "+t.Subject.Node, "whether its metrics show "+state)
}

// checkOrder wants the subject's states told as HOLDOVER, FREERUN, LOCKED. Until a clock has settled it may leave LOCKED
// again.
func (t *Test) checkOrder(history []events.Received) error {
	var told []string
	for _, r := range history {
		if r.Resource != events.Address(t.Subject.Node, events.LockState) {
			continue
		}
		if state, err := t.toldState(r.Event); err == nil {
			told = append(told, state)
		}
	}
	want := []string{events.Holdover, events.FreeRun, events.Locked}
	if len(told) < len(want) || !slices.Equal(told[:len(want)], want) || told[len(told)-1] != events.Locked {
		return fmt.Errorf("the states of %s were told as %s, expected %s", t.Subject, strings.Join(told, ", "), strings.Join(want, ", "))
	}
	return nil
}
