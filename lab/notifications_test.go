package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/lab/agent"
)

// TestRefusedSettings wants the settings as they were after some that are refused.
func TestRefusedSettings(t *testing.T) {
	w := NewWorld(WorldOptions{})
	for _, c := range []OperatorConfig{{true, "1.0"}, {false, "boo"}} {
		if _, err := w.setOperator(t.Context(), nil, c); agent.KindOf(err) != refused {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if got, want := w.operator(), (OperatorConfig{EnableEventPublisher: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, err := w.setOperator(t.Context(), nil, OperatorConfig{APIVersion: "2.0"}); err != nil {
		t.Error(err)
	}
	if got, want := w.operator(), (OperatorConfig{APIVersion: "2.0"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestNoSuchThing asks for what a lab without anything does not have.
func TestNoSuchThing(t *testing.T) {
	w := NewWorld(WorldOptions{})
	for name, do := range map[string]func(context.Context) error{
		"crash":   func(ctx context.Context) error { _, err := w.crashNotifier(ctx, nil, NodeArgs{"w1"}); return err },
		"request": func(ctx context.Context) error { _, err := w.request(ctx, nil, HTTPArgs{Node: "w1"}); return err },
		"open":    func(ctx context.Context) error { _, err := w.openMailbox(ctx, nil, NodeArgs{"w1"}); return err },
		"take":    func(ctx context.Context) error { _, err := w.takeMail(ctx, nil, MailboxArgs{"w1-1"}); return err },
		"close":   func(ctx context.Context) error { _, err := w.closeMailbox(ctx, nil, MailboxArgs{"w1-1"}); return err },
	} {
		if err := do(t.Context()); agent.KindOf(err) != "usage" {
			t.Errorf("%s: %v, want an error of usage", name, err)
		}
	}
}

// TestEveryOperationIsKnown wants each operation for notifications served under its name.
func TestEveryOperationIsKnown(t *testing.T) {
	w := NewWorld(WorldOptions{})
	for _, op := range []string{opOperator, opSetOperator, opCrashNotifier, opHTTP, opOpenMailbox, opTakeMail, opCloseMailbox} {
		if w.notification(op) == nil {
			t.Errorf("%s is not known", op)
		}
	}
	if w.notification("post") != nil {
		t.Error("post is known")
	}
}

func TestMailbox(t *testing.T) {
	b := &mailbox{}
	begun := time.Now()
	send := func(method, path, body string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/cloudevents+json")
		b.ServeHTTP(w, r)
		return w.Code
	}
	for _, test := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/event/0", "one", 204}, {"POST", "/event/1", "", 204}, {"GET", "/event/0", "", 405},
		{"POST", "/event/0", strings.Repeat("x", maxBody+1), 400},
	} {
		if got := send(test.method, test.path, test.body); got != test.want {
			t.Errorf("%s %s %.10q: %d, want %d", test.method, test.path, test.body, got, test.want)
		}
	}
	mail := b.take()
	if len(mail) != 2 || mail[0].Path != "/event/0" || string(mail[0].Body) != "one" || mail[1].Path != "/event/1" ||
		mail[0].Header.Get("Content-Type") != "application/cloudevents+json" || mail[0].At.Before(begun) || mail[1].At.Before(mail[0].At) {
		t.Errorf("%+v", mail)
	}
	if again := b.take(); again != nil {
		t.Errorf("taken twice: %+v", again)
	}
	for range maxMail {
		send("POST", "/", "")
	}
	if got := send("POST", "/", ""); got != http.StatusInsufficientStorage || len(b.take()) != maxMail {
		t.Errorf("beyond its bound: %d", got)
	}
}

// TestMailThroughTheAgent wants a letter as it was after it has been carried out as JSON.
func TestMailThroughTheAgent(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 2, 123456789, time.UTC)
	sent := Mail{At: at, Path: "/event/0", Header: http.Header{"A": {"b", "c"}}, Body: []byte{0, 255, '"'}}
	text, err := json.Marshal([]Mail{sent})
	if err != nil {
		t.Fatal(err)
	}
	var got []Mail
	if err := json.Unmarshal(text, &got); err != nil || len(got) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	if g := got[0]; !g.At.Equal(at) || g.Path != sent.Path || !bytes.Equal(g.Body, sent.Body) || len(g.Header["A"]) != 2 {
		t.Errorf("%+v", g)
	}
}
