package sabotage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// bare is a system that can do only what each must.
type bare struct{ sut.System }

// TestEventsNotApplicable wants every sabotage of notifications to say that a system has none.
func TestEventsNotApplicable(t *testing.T) {
	for _, s := range eventsSabotages() {
		if s.Area != specs.AreaEvents {
			continue
		}
		if _, _, err := s.Apply(t.Context(), bare{}); !errors.Is(err, ErrNotApplicable) {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

// eventNode is a system with one node, whose API answers the path of each request, and whose mail is written down.
type eventNode struct {
	sut.System
	mail []sut.Mail
	sent []string
}

func (s *eventNode) OpenMailbox(context.Context, string) (sut.Mailbox, error) { return s, nil }
func (s *eventNode) CrashNotifier(context.Context, string) error              { return nil }
func (s *eventNode) API() string                                              { return "http://w1" }
func (s *eventNode) Endpoint() string                                         { return "http://box" }
func (s *eventNode) Close(context.Context) error                              { return nil }
func (s *eventNode) Take(context.Context) ([]sut.Mail, error)                 { return s.mail, nil }
func (s *eventNode) RoundTrip(r *http.Request) (*http.Response, error) {
	s.sent = append(s.sent, r.Method+" "+r.URL.Path)
	return &http.Response{StatusCode: ok, Body: io.NopCloser(strings.NewReader(r.URL.Path + ` "LOCKED"`))}, nil
}

// opened is a mailbox of the system under the sabotage of a name.
func opened(t *testing.T, s *eventNode, name string) (*meddled, sut.Mailbox) {
	t.Helper()
	all := eventsSabotages()
	i := slices.IndexFunc(all, func(one Sabotage) bool { return one.Name == name })
	if i < 0 {
		t.Fatalf("there is no sabotage %s", name)
	}
	system, _, err := all[i].Apply(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	n := system.(*meddled)
	box, err := n.OpenMailbox(t.Context(), "w1")
	if err != nil {
		t.Fatal(err)
	}
	return n, box
}

func letter(path, state string) sut.Mail {
	return sut.Mail{Path: path, Body: []byte(`{"type":"event.sync.ptp-status.ptp-state-change","specversion":"1.0","value":"` + state + `"}`)}
}

// TestDelivery wants letters changed as the sabotages say.
func TestDelivery(t *testing.T) {
	s := &eventNode{mail: []sut.Mail{letter("/a", "LOCKED"), letter("/a", "HOLDOVER"), letter("/b", "LOCKED"), letter("/a", "FREERUN")}}
	for name, want := range map[string]string{
		"events muted":          "",
		"event of FREERUN lost": "/a LOCKED /a HOLDOVER /b LOCKED",
		"events come twice":     "/a LOCKED /a LOCKED /a HOLDOVER /a HOLDOVER /b LOCKED /b LOCKED /a FREERUN /a FREERUN",
		"events in wrong order": "/a LOCKED /b LOCKED /a FREERUN /a HOLDOVER",
	} {
		_, box := opened(t, s, name)
		mail, err := box.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range mail {
			for _, state := range []string{"LOCKED", "HOLDOVER", "FREERUN"} {
				if tells(m, state) {
					got = append(got, m.Path+" "+state)
				}
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"events come late", "events of no version of CloudEvents"} {
		_, box := opened(t, s, name)
		mail, err := box.Take(t.Context())
		if err != nil || len(mail) != len(s.mail) || mail[0].At.Equal(s.mail[0].At) && bytes.Equal(mail[0].Body, s.mail[0].Body) {
			t.Errorf("%s: %+v, %v", name, mail, err)
		}
	}
}

// TestAnswers wants the answers that are meant changed, and no other.
func TestAnswers(t *testing.T) {
	for _, test := range []struct{ name, path, want string }{
		{"CurrentState of a clock is wrong", "/x/lock-state/CurrentState", `/x/lock-state/CurrentState "HOLDOVER"`},
		{"CurrentState of a clock is wrong", "/x/sync-state/CurrentState", `/x/sync-state/CurrentState "LOCKED"`},
		{"CurrentState of a node is wrong", "/x/sync-state/CurrentState", `/x/sync-state/CurrentState "FREERUN"`},
		{"notification API only says that it is well", "/v1/health", "OK"},
		{"notification API only says that it is well", "/v1/publishers", "{}"},
		{"notification API dead", "/v2/health", "connect: connection refused"},
		{"events muted", "/v2/health", `/v2/health "LOCKED"`},
	} {
		_, box := opened(t, &eventNode{}, test.name)
		if got := asked(t, box, http.MethodGet, test.path); got != test.want {
			t.Errorf("%s, %s: %q, want %q", test.name, test.path, got, test.want)
		}
	}
}

// asked is what is answered to a request.
func asked(t *testing.T, box sut.Mailbox, method, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, box.API()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := read(box.RoundTrip(r))
	if err != nil {
		return err.Error()
	}
	return string(a.body)
}

// TestMend wants nothing left behind: a withheld deletion is made in the end, and a dead API takes deletions.
func TestMend(t *testing.T) {
	s := &eventNode{}
	n, box := opened(t, s, "deleted subscriptions live on")
	asked(t, box, http.MethodDelete, "/one")
	if len(s.sent) != 0 {
		t.Errorf("sent %q", s.sent)
	}
	if err := n.mend(t.Context()); err != nil || !slices.Equal(s.sent, []string{"DELETE /one"}) {
		t.Errorf("sent %q, %v", s.sent, err)
	}
	_, box = opened(t, s, "notification API dead")
	if got := asked(t, box, http.MethodDelete, "/two"); !strings.Contains(got, "refused") || !slices.Contains(s.sent, "DELETE /two") {
		t.Errorf("%s, sent %q", got, s.sent)
	}
}

// TestLostMailboxes wants those that were there at a crash lost, and later ones not.
func TestLostMailboxes(t *testing.T) {
	s := &eventNode{}
	n, old := opened(t, s, "notification service stays down after a crash")
	if got := asked(t, old, http.MethodGet, "/x"); got != `/x "LOCKED"` {
		t.Errorf("before the crash: %s", got)
	}
	if err := n.CrashNotifier(t.Context(), "w1"); err != nil {
		t.Fatal(err)
	}
	later, err := n.OpenMailbox(t.Context(), "w1")
	if err != nil {
		t.Fatal(err)
	}
	if got := asked(t, old, http.MethodGet, "/x"); !strings.Contains(got, "refused") {
		t.Errorf("after the crash: %s", got)
	}
	if got := asked(t, later, http.MethodGet, "/x"); got != `/x "LOCKED"` {
		t.Errorf("later: %s", got)
	}
}
