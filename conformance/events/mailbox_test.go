package events

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
)

// box is a mailbox of a simulated system: what is POSTed to it waits until it is taken.
type box struct {
	clock   *clock
	network InProcess
	mail    []sut.Mail
	fail    error
}

func (b *box) API() string                                       { return "http://w1:9043" }
func (b *box) Endpoint() string                                  { return "http://box" }
func (b *box) Close(context.Context) error                       { return nil }
func (b *box) RoundTrip(r *http.Request) (*http.Response, error) { return b.network.RoundTrip(r) }

func (b *box) Take(context.Context) ([]sut.Mail, error) {
	mail := b.mail
	b.mail = nil
	return mail, b.fail
}

func (b *box) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mail = append(b.mail, sut.Mail{At: b.clock.now, Path: r.URL.Path, Header: r.Header, Body: body})
	w.WriteHeader(http.StatusNoContent)
}

func newBox(t *testing.T) (*target, *box, *MailConsumer) {
	t.Helper()
	g, _ := newTarget(t)
	b := &box{clock: g.clock, network: g.network}
	g.network["box"] = b
	c, err := NewMailConsumer(b, Options{Clock: g.clock})
	if err != nil {
		t.Fatal(err)
	}
	return g, b, c
}

// TestMailConsumer goes through the states of a clock whose events wait in a mailbox.
func TestMailConsumer(t *testing.T) {
	g, b, c := newBox(t)
	s, err := c.Subscribe(t.Context(), c.API(), resource)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.History(0); len(got) != 1 || !got[0].Initial {
		t.Errorf("after the subscription: %v", got)
	}
	g.change(time.Second, Holdover)
	if r, err := c.Await(t.Context(), State(resource, "", Holdover, 1), 5*time.Second); err != nil || r.Latency() != 0 || r.Initial {
		t.Errorf("%+v, %v", r, err)
	}
	g.change(time.Second, Locked)
	if err := g.clock.Sleep(t.Context(), 10*time.Second); err != nil { // the mail waits, and is not late for that
		t.Fatal(err)
	}
	if err := c.Compare(t.Context(), 0); err != nil {
		t.Error(err)
	}
	if err := s.Unsubscribe(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Err(); err != nil {
		t.Error(err)
	}
	b.mail = []sut.Mail{{Path: "/nix", At: g.clock.now}}
	if err := c.Look(t.Context()); err != nil || len(c.Faults()) != 1 {
		t.Errorf("%v, faults %v", err, c.Faults())
	}
}

// TestMailConsumerLatency wants an event that arrives late called late, whenever it is taken.
func TestMailConsumerLatency(t *testing.T) {
	g, _, c := newBox(t)
	if _, err := c.Subscribe(t.Context(), c.API(), resource); err != nil {
		t.Fatal(err)
	}
	g.sabotage = func(g *target, event []byte) { g.clock.after(2*time.Second, func() { g.post(event) }) }
	g.change(time.Second, Holdover)
	if err := g.clock.Sleep(t.Context(), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := c.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := checks(c.Consumer); !slices.Equal(got, []Check{Late}) {
		t.Errorf("%v", c.Faults())
	}
}

// TestBrokenMailbox wants the error of a mailbox wherever it is looked into.
func TestBrokenMailbox(t *testing.T) {
	_, b, c := newBox(t)
	b.fail = errors.New("no postman")
	_, subscribe := c.Subscribe(t.Context(), c.API(), resource)
	_, await := c.Await(t.Context(), Class(resource, 6, 0), time.Second)
	for what, err := range map[string]error{"Look": c.Look(t.Context()), "Subscribe": subscribe, "Await": await} {
		if err == nil || !strings.Contains(err.Error(), "no postman") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := NewMailConsumer(b, Options{}); err == nil {
		t.Error("a consumer without a clock")
	}
}
