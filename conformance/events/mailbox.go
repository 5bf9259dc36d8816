package events

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

// MailConsumer is a Consumer that gets its events through a mailbox near a node, for systems that nobody can reach from
// outside, or whose time passes only while they are asked for something. It takes the mail after each request and each
// look, and judges each event by the time at which it arrived in the mailbox.
type MailConsumer struct {
	*Consumer
	box sut.Mailbox
}

// NewMailConsumer makes a consumer of the events of a mailbox. Of o, Endpoint, Transport and Received are not used.
func NewMailConsumer(box sut.Mailbox, o Options) (*MailConsumer, error) {
	m := &MailConsumer{box: box}
	if o.Clock != nil {
		o.Clock = postman{o.Clock, m}
	}
	o.Endpoint, o.Transport, o.Received = box.Endpoint(), carrier{m}, nil
	var err error
	m.Consumer, err = New(o)
	return m, err
}

// API is the base URL of the node's API, as the methods of a Consumer want it.
func (m *MailConsumer) API() string { return m.box.API() }

// Look takes what has arrived.
func (m *MailConsumer) Look(ctx context.Context) error {
	mail, err := m.box.Take(ctx)
	if err != nil {
		return fmt.Errorf("take events: %w", err)
	}
	for _, letter := range mail {
		m.receive(strings.TrimPrefix(letter.Path, eventPath), letter.Header.Get("Content-Type"), letter.Body, letter.At)
	}
	return nil
}

// carrier sends requests through the mailbox. The initial notification of a subscription has arrived when the API
// answers the request for it, and is taken while the subscription is still being made.
type carrier struct{ m *MailConsumer }

// RoundTrip sends one request.
func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.m.box.RoundTrip(r)
	if lookErr := c.m.Look(r.Context()); err == nil && lookErr != nil {
		answer.Body.Close()
		return nil, lookErr
	}
	return answer, err
}

// postman is a clock that takes the mail after each sleep.
type postman struct {
	wait.Clock
	m *MailConsumer
}

// Sleep lets d of the system's time pass.
func (p postman) Sleep(ctx context.Context, d time.Duration) error {
	if err := p.Clock.Sleep(ctx, d); err != nil {
		return err
	}
	return p.m.Look(ctx)
}
