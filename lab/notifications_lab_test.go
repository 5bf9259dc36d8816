//go:build lab

package lab_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/events"
)

// notified is a lab under test with the notification API of its worker w1.
type notified struct {
	*testing.T
	*lab.Lab
}

// call sends a request to the API from inside the worker and gives the status of the answer, 0 if nobody answers.
func (n notified) call(method, path string, body any) int {
	n.Helper()
	args := lab.HTTPArgs{Node: "w1", Method: method, URL: "http://127.0.0.1:9043" + events.Base + path}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			n.Fatal(err)
		}
		args.Body = text
	}
	answer, err := n.HTTP(n.Context(), args)
	if err != nil && !strings.Contains(err.Error(), "connection refused") {
		n.Errorf("%s %s: %v", method, path, err)
	}
	return answer.Status
}

// healthy wants the API there, or not.
func (n notified) healthy(when string, want bool) {
	n.Helper()
	if got := n.call("GET", "/health", nil) == 200; got != want {
		n.Errorf("%s the API is there: %v, want %v", when, got, want)
	}
}

// mailbox opens a mailbox and subscribes it to the clock's state.
func (n notified) mailbox() lab.MailboxPlace {
	n.Helper()
	p, err := n.OpenMailbox(n.Context(), "w1")
	if err != nil {
		n.Fatal(err)
	}
	ask := map[string]string{"EndpointUri": p.Endpoint + "/x", "ResourceAddress": events.Address("w1", events.LockState)}
	if got := n.call("POST", "/subscriptions", ask); got != 201 {
		n.Fatalf("subscription of %s: %d", p.Endpoint, got)
	}
	return p
}

// told takes the states that were told to a mailbox.
func (n notified) told(p lab.MailboxPlace, want ...string) {
	n.Helper()
	mail, err := n.TakeMail(n.Context(), p.ID)
	if err != nil {
		n.Fatal(err)
	}
	var got []string
	for _, m := range mail {
		var e struct {
			Data struct{ Values []struct{ Value string } }
		}
		if err := json.Unmarshal(m.Body, &e); err != nil || len(e.Data.Values) == 0 {
			n.Fatalf("%s: %v", m.Body, err)
		}
		got = append(got, e.Data.Values[0].Value)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		n.Errorf("%s was told %v, want %v", p.ID, got, want)
	}
}

func (n notified) pass(d time.Duration) {
	n.Helper()
	if _, err := n.Lab.Run(n.Context(), d); err != nil {
		n.Fatal(err)
	}
}

// TestNotifications follows the notification service of a worker through crashes, the operator's settings and a second
// up, with two mailboxes.
func TestNotifications(t *testing.T) {
	b := newBench(t)
	b.up(topologyFile("oc"))
	n := notified{t, b.open("oc")}
	one, two := n.mailbox(), n.mailbox()
	n.told(one, "LOCKED")
	n.told(two, "LOCKED")

	if err := n.CrashNotifier(t.Context(), "w1"); err != nil {
		t.Fatal(err)
	}
	n.healthy("after a crash", false)
	n.pass(900 * time.Millisecond)
	n.healthy("0.9 s after a crash", false)
	n.pass(200 * time.Millisecond)
	n.healthy("1.1 s after a crash", true)
	n.told(one, "LOCKED")
	n.told(two, "LOCKED")

	if err := n.CloseMailbox(t.Context(), two.ID); err != nil {
		t.Error(err)
	}
	if _, err := n.TakeMail(t.Context(), two.ID); err == nil {
		t.Error("a closed mailbox has mail")
	}
	n.settings(lab.OperatorConfig{}, one)

	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	b.up(topologyFile("oc"))
	n.Lab = b.open("oc")
	n.healthy("after a second up", true)
	n.told(one)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	b.must("down", "oc")
	b.nothingLeft("after down")
}

// settings turns the publisher off, which a crash in between does not undo, and on again.
func (n notified) settings(off lab.OperatorConfig, box lab.MailboxPlace) {
	n.Helper()
	set := func(ctx context.Context, c lab.OperatorConfig) {
		n.Helper()
		if err := n.SetOperator(ctx, c); err != nil {
			n.Fatal(err)
		}
	}
	before, err := n.Operator(n.Context())
	if err != nil {
		n.Fatal(err)
	}
	if err := n.CrashNotifier(n.Context(), "w1"); err != nil {
		n.Fatal(err)
	}
	set(n.Context(), off)
	n.pass(2 * time.Second)
	n.healthy("with the publisher off", false)
	n.told(box)
	if err := n.CrashNotifier(n.Context(), "w1"); err == nil || !strings.Contains(err.Error(), "the event publisher is off") {
		n.Errorf("crash with the publisher off: %v", err)
	}
	set(n.Context(), before)
	n.healthy("with the publisher on again", true)
	n.pass(time.Second)
	n.told(box, "LOCKED")
	var turnedDown *lab.RefusedError
	if err := n.SetOperator(n.Context(), lab.OperatorConfig{APIVersion: "1.0"}); !errors.As(err, &turnedDown) {
		n.Errorf("version 1.0: %v", err)
	}
	n.healthy("after a refusal", true)
	n.pass(2 * time.Second)
	n.told(box)
}
