package specs

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"github.com/ptplab/ptplab/conformance/events"
	"github.com/ptplab/ptplab/conformance/sut"
)

// v1Port is where systems up to 4.18 serve version 1.0 of the API.
const v1Port = "9085"

// checkV1 uses version 1.0 of the API, if the user asks for that and the subject's node serves it.
func checkV1(ctx context.Context, t *Test) error {
	if !t.Settings.V1Regression && t.Settings.EventAPI != events.V1 {
		return Skipped("version 1.0 of the notification API was not asked for")
	}
	if err := t.needSync(t.Subject); err != nil {
		return err
	}
	box, err := t.eventMailbox(ctx)
	if err != nil {
		return err
	}
	c, err := events.NewMailConsumer(box, events.Options{Clock: t.System, Version: events.V1, MaxLatency: eventLatency, Interval: eventLook})
	if err != nil {
		return err
	}
	base, err := v1Base(ctx, box, c)
	if err != nil {
		return Skipped(fmt.Sprintf("%s does not serve version 1.0 of the notification API: %v", t.Subject.Node, err))
	}
	if err := t.lockedNow(ctx); err != nil {
		return err
	}
	published, err := c.Publishers(ctx, base)
	if err == nil && len(published) == 0 {
		err = fmt.Errorf("%s publishes nothing by version 1.0 of the notification API", t.Subject.Node)
	}
	if err != nil {
		return err
	}
	s, err := c.Subscribe(ctx, base, events.Address(t.Subject.Node, events.LockState))
	if err != nil {
		return err
	}
	t.Cleanup("delete the subscription to "+s.Resource, func(ctx context.Context) error { return unlessGone(s.Unsubscribe(ctx)) })
	current, err := c.CurrentState(ctx, base, s.Resource)
	if err != nil {
		return err
	}
	if state, _ := current.Find(events.Notification, ""); state != events.Locked {
		return fmt.Errorf("CurrentState of %s by version 1.0 is %s, expected %s", t.Subject, current, events.Locked)
	}
	return c.Err()
}

// v1Base is the base URL under which version 1.0 answers: the mailbox's own, or that with the port of old systems.
func v1Base(ctx context.Context, box sut.Mailbox, c *events.MailConsumer) (string, error) {
	err := c.Health(ctx, box.API())
	if err == nil {
		return box.API(), nil
	}
	u, parseErr := url.Parse(box.API())
	if parseErr != nil {
		return "", parseErr
	}
	u.Host = net.JoinHostPort(u.Hostname(), v1Port)
	if c.Health(ctx, u.String()) == nil {
		return u.String(), nil
	}
	return "", err
}
