package system

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab"
)

// notifyingLab is a lab with notifications that a test has written down.
type notifyingLab struct {
	fakeLab
	asked    lab.HTTPArgs
	settings lab.OperatorConfig
	fail     error
}

func (f *notifyingLab) CrashNotifier(context.Context, string) error { return f.fail }
func (f *notifyingLab) HTTP(_ context.Context, args lab.HTTPArgs) (lab.HTTPAnswer, error) {
	f.asked = args
	return lab.HTTPAnswer{Status: 409, Header: http.Header{"A": {"b"}}, Body: []byte("no")}, f.fail
}
func (f *notifyingLab) OpenMailbox(_ context.Context, node string) (lab.MailboxPlace, error) {
	return lab.MailboxPlace{ID: node + "-1", API: "http://127.0.0.1:9043", Endpoint: "http://127.0.0.1:40000"}, f.fail
}
func (f *notifyingLab) TakeMail(_ context.Context, id string) ([]lab.Mail, error) {
	return []lab.Mail{{At: time.Unix(7, 0), Path: "/" + id, Header: http.Header{"A": {"b"}}, Body: []byte("hello")}}, f.fail
}
func (f *notifyingLab) CloseMailbox(context.Context, string) error { return f.fail }
func (f *notifyingLab) Operator(context.Context) (lab.OperatorConfig, error) {
	return f.settings, f.fail
}
func (f *notifyingLab) SetOperator(_ context.Context, c lab.OperatorConfig) error {
	f.settings = c
	return f.fail
}

func TestMailboxOfALab(t *testing.T) {
	f := &notifyingLab{}
	box, err := New(f, nil).OpenMailbox(t.Context(), "w1")
	if err != nil {
		t.Fatal(err)
	}
	if box.API() != "http://127.0.0.1:9043" || box.Endpoint() != "http://127.0.0.1:40000" {
		t.Errorf("%s, %s", box.API(), box.Endpoint())
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", box.API()+"/x?y=z", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("C", "d")
	answer, err := box.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 409 || answer.Header.Get("A") != "b" || string(body) != "no" {
		t.Errorf("%+v %q, %v", answer, body, err)
	}
	want := lab.HTTPArgs{Node: "w1", Method: "POST", URL: "http://127.0.0.1:9043/x?y=z", Header: http.Header{"C": {"d"}}, Body: []byte("body")}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	mail, err := box.Take(t.Context())
	if diff := cmp.Diff([]sut.Mail{{At: time.Unix(7, 0), Path: "/w1-1", Header: http.Header{"A": {"b"}}, Body: []byte("hello")}}, mail); diff != "" || err != nil {
		t.Errorf("%v, mail (-want +got):\n%s", err, diff)
	}
	if err := box.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestNotificationsThatFail(t *testing.T) {
	f := &notifyingLab{}
	s := New(f, nil)
	box, err := s.OpenMailbox(t.Context(), "w1")
	if err != nil {
		t.Fatal(err)
	}
	f.fail = errors.New("the lab is gone")
	_, open := s.OpenMailbox(t.Context(), "w1")
	_, take := box.Take(t.Context())
	r, err := http.NewRequestWithContext(t.Context(), "GET", box.API(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, carry := box.RoundTrip(r)
	_, get := s.OperatorConfig(t.Context())
	for what, err := range map[string]error{
		"open": open, "take": take, "carry": carry, "get": get, "close": box.Close(t.Context()), "crash": s.CrashNotifier(t.Context(), "w1"),
		"set": s.SetOperatorConfig(t.Context(), sut.OperatorConfig{}),
	} {
		if !errors.Is(err, f.fail) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOperatorOfALab(t *testing.T) {
	f := &notifyingLab{settings: lab.OperatorConfig{EnableEventPublisher: true}}
	s := New(f, nil)
	if got, err := s.OperatorConfig(t.Context()); err != nil || got != (sut.OperatorConfig{EnableEventPublisher: true}) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := s.SetOperatorConfig(t.Context(), sut.OperatorConfig{APIVersion: "2.0"}); err != nil || f.settings != (lab.OperatorConfig{APIVersion: "2.0"}) {
		t.Errorf("%+v, %v", f.settings, err)
	}
	f.fail = &lab.RefusedError{Reason: "v1 is no longer supported"}
	var turnedDown *sut.RefusedError
	err := s.SetOperatorConfig(t.Context(), sut.OperatorConfig{APIVersion: "1.0"})
	if !errors.As(err, &turnedDown) || turnedDown.Reason != "v1 is no longer supported" || turnedDown.Object != "PtpOperatorConfig default" {
		t.Errorf("%v", err)
	}
}

// TestLabWithoutNotifications wants the reason for which specs are skipped.
func TestLabWithoutNotifications(t *testing.T) {
	s := New(&fakeLab{}, nil)
	_, open := s.OpenMailbox(t.Context(), "w1")
	_, get := s.OperatorConfig(t.Context())
	for what, err := range map[string]error{
		"open": open, "crash": s.CrashNotifier(t.Context(), "w1"), "get": get, "set": s.SetOperatorConfig(t.Context(), sut.OperatorConfig{}),
	} {
		if unavailable := (*sut.UnavailableError)(nil); !errors.As(err, &unavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
