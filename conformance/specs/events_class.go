package specs

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/ptplab/ptplab/conformance/events"
	"github.com/ptplab/ptplab/conformance/pmc"
	"github.com/ptplab/ptplab/conformance/sut"
)

// receiverClass is the clockClass of an instance that can only be a time receiver, IEEE 1588-2019 table 4. The daemon and
// the event API tell it since 4.21; before, they told the grandmaster's.
const receiverClass = 255

// checkEventClass compares the subject's clock class as it is told in three ways, before and after a crash of the
// notification service, which must keep its subscriptions and tell each subscriber the state that there is.
func checkEventClass(ctx context.Context, t *Test) error {
	c, err := t.subscribeAll(ctx)
	if err != nil {
		return err
	}
	if err := t.classesAgree(ctx, c, t.Settings.LockWithin); err != nil {
		return err
	}
	free := t.freeRunning(c.History(0))
	mark := c.Mark()
	n, _ := sut.As[sut.Notifications](t.System)
	if err := n.CrashNotifier(ctx, t.Subject.Node); err != nil {
		return err
	}
	if err := t.untilEventAPI(ctx, c.MailConsumer); err != nil {
		return fmt.Errorf("after a crash of the notification service: %w", err)
	}
	if err := t.awaitReplay(ctx, c, mark); err != nil {
		return err
	}
	if err := t.classesAgree(ctx, c, replayWithin); err != nil {
		return fmt.Errorf("after a crash of the notification service: %w", err)
	}
	for _, address := range t.freeRunning(c.History(mark)) {
		if !slices.Contains(free, address) {
			return fmt.Errorf("after a crash of the notification service FREERUN of %s was told, which was never true: %s", address, t.Subject)
		}
	}
	return t.judgeEvents(ctx, c)
}

// awaitReplay wants every subscription kept, and the present state of its resource told again.
func (t *Test) awaitReplay(ctx context.Context, c *subscriber, mark int) error {
	for _, s := range c.subscriptions {
		if err := s.Exists(ctx); err != nil {
			return fmt.Errorf("the subscription to %s did not outlive a restart of the notification service: %w", s.Resource, err)
		}
	}
	for _, s := range c.subscriptions {
		again := events.Wanted{What: "of " + s.Resource + " after a restart of the notification service", After: mark,
			Match: func(r events.Received) bool { return r.Resource == s.Resource }}
		if _, err := c.Await(ctx, again, replayWithin); err != nil {
			return lookAt(err, "the notification service of "+t.Subject.Node)
		}
	}
	return nil
}

// freeRunning lists the addresses of which FREERUN was told.
func (t *Test) freeRunning(history []events.Received) []string {
	var all []string
	for _, r := range history {
		for _, v := range r.Values {
			if v.DataType == events.Notification && v.Text == events.FreeRun {
				all = append(all, v.Address)
			}
		}
	}
	return all
}

// classesAgree waits until CurrentState, metric and pmc tell one clock class of the subject.
func (t *Test) classesAgree(ctx context.Context, c *subscriber, deadline time.Duration) error {
	_, err := t.until(ctx, "one clock class of "+t.Subject.String(), deadline, func(ctx context.Context) (bool, string, error) {
		event, err := t.eventClass(ctx, c)
		if err != nil {
			return false, "", err
		}
		set, err := t.scrape(ctx, t.Subject.Node)
		if err != nil {
			return false, "", err
		}
		metric, err := set.ClockClass(t.Subject.Node, path.Base(t.Subject.Config))
		if err != nil {
			return false, "", err
		}
		state, err := pmc.ReadState(ctx, t.System, t.Subject)
		if err != nil {
			return false, "", err
		}
		return t.sameClass(event, metric, state.GrandmasterClass), fmt.Sprintf("event %d, metric %d, gm.ClockClass by pmc %d", event, metric, state.GrandmasterClass), nil
	})
	return lookAt(err, "the notification service of "+t.Subject.Node, process(t.Subject))
}

// sameClass holds an event's clock class to those that the metric and pmc tell. If they cannot both be true, that is for
// the area of clock classes, and here pmc counts.
func (t *Test) sameClass(event, metric, byPMC int) bool {
	believable := func(class int) bool {
		return class == byPMC || class == receiverClass && t.Subject.Type == sut.Ordinary
	}
	if !believable(metric) {
		return believable(event)
	}
	return event == metric
}

// eventClass is the current clock class of the subject by the event API.
func (t *Test) eventClass(ctx context.Context, c *subscriber) (int, error) {
	current, err := c.CurrentState(ctx, c.API(), events.Address(t.Subject.Node, events.ClockClass))
	if err != nil {
		return 0, err
	}
	text, err := t.valueTold(current, events.Metric)
	if err != nil {
		return 0, err
	}
	class, err := strconv.ParseFloat(text, 64) // upstream may write 6.000
	return int(class), err
}
