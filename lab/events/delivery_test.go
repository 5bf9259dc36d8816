package events

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestOrderedDelivery wants each subscriber to get all changes in order, however slow another one is.
func TestOrderedDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, box := newFakeNode(), &inbox{}
		n.set(master(0, locked))
		s := newServer(t, n, box, "")
		subscribe(t, s, "http://slow/1", LockState)
		subscribe(t, s, "http://quick/1", LockState)
		box.fate = func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "slow" {
				time.Sleep(3 * time.Second)
			}
			return answer(http.StatusNoContent), nil
		}
		box.take("http://slow/1")
		box.take("http://quick/1")
		var want []string
		for i, state := range []string{holdover, freeRun, locked, holdover, locked} {
			n.set(master(0, state))
			synctest.Wait()
			want = append(want, "lock-state ens1fx/master="+state+" ens1fx/master=-7")
			if got := box.take("http://quick/1"); !slices.Equal(got, want[i:]) {
				t.Errorf("change %d to the quick one: %q, want %q", i, got, want[i])
			}
		}
		time.Sleep(20 * time.Second)
		if got := box.take("http://slow/1"); !slices.Equal(got, want) {
			t.Errorf("to the slow one: %q", got)
		}
	})
}

// TestOnlyChangesAreTold wants an event for each resource that a change is of, with what changed, and none otherwise.
func TestOnlyChangesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, box := newFakeNode(), &inbox{}
		n.set(master(0, locked), master(1, locked), system(0, locked))
		s := newServer(t, n, box, "")
		for i, suffix := range []string{LockState, OSClock, SyncState} {
			subscribe(t, s, fmt.Sprintf("http://c/%d", i), suffix)
		}
		told := func() (all []string) {
			synctest.Wait()
			for i := range 3 {
				all = append(all, box.take(fmt.Sprintf("http://c/%d", i))...)
			}
			return all
		}
		for _, test := range []struct {
			do   func()
			want []string
		}{
			{func() {}, []string{
				"lock-state ens1fx/master=LOCKED ens1fx/master=-7 ens2fx/master=LOCKED ens2fx/master=-7",
				"os-clock-sync-state CLOCK_REALTIME=LOCKED CLOCK_REALTIME=27", "sync-state sync/sync-status/sync-state=LOCKED"}},
			{func() { c := master(0, locked); c.OffsetNs = 9; n.set(c, master(1, locked), system(0, locked)) }, nil},
			{func() { n.set(master(0, locked), master(1, holdover), system(0, locked)) }, []string{
				"lock-state ens2fx/master=HOLDOVER ens2fx/master=-7", "sync-state sync/sync-status/sync-state=HOLDOVER"}},
			{func() { n.set(master(0, freeRun), master(1, holdover), system(0, locked)) }, []string{
				"lock-state ens1fx/master=FREERUN ens1fx/master=-7", "os-clock-sync-state CLOCK_REALTIME=FREERUN CLOCK_REALTIME=27", "sync-state sync/sync-status/sync-state=FREERUN"}},
			{func() { n.set(master(0, freeRun), system(0, locked)) }, []string{"lock-state ens2fx/master=FREERUN ens2fx/master=-7"}},
			{func() { n.set(master(0, freeRun), system(0, locked)) }, nil},
		} {
			test.do()
			if got := told(); !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		}
	})
}

// TestUnreachable wants an endpoint dropped after ten failures in a row of the kinds that mean that nobody is there.
func TestUnreachable(t *testing.T) {
	fail := func(err error) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	for _, test := range []struct {
		name    string
		fate    func(*http.Request) (*http.Response, error)
		dropped bool
	}{
		{"connection refused", refused, true},
		{"name not known", fail(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "c", IsNotFound: true}}), true},
		{"time-out of the dial", fail(&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}), true},
		{"time-out of the answer", fail(&url.Error{Op: "Post", URL: "http://c", Err: context.DeadlineExceeded}), true},
		{"connection reset", fail(errors.New("connection reset by peer")), false},
		{"another answer", func(*http.Request) (*http.Response, error) { return answer(http.StatusInternalServerError), nil }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, box := newFakeNode(), &inbox{}
				n.set(master(0, locked))
				store := filepath.Join(t.TempDir(), "subscriptions")
				s := newServer(t, n, box, store)
				subscribe(t, s, "http://c/1", LockState)
				subscribe(t, s, "http://c/1", SyncState)
				other := subscribe(t, s, "http://d/1", LockState)
				box.fate = func(r *http.Request) (*http.Response, error) {
					if r.URL.Host == "c" {
						return test.fate(r)
					}
					return answer(http.StatusNoContent), nil
				}
				for i, state := 0, ""; i < 5; i++ { // two events each
					if left := stored(t, store); left != 3 {
						t.Fatalf("%d left after %d failures", left, 2*i)
					}
					if state = holdover; i%2 == 1 {
						state = locked
					}
					n.set(master(0, state))
					synctest.Wait()
				}
				want := 3
				if test.dropped {
					want = 1
				}
				if left := stored(t, store); left != want {
					t.Errorf("%d are left after 10 failures, want %d", left, want)
				}
				if code, _ := call(s, "GET", "/subscriptions/"+other.SubscriptionId, ""); code != 200 {
					t.Errorf("the other endpoint's subscription: %d", code)
				}
			})
		})
	}
}

// stored counts the subscriptions in the file.
func stored(t *testing.T, path string) int {
	t.Helper()
	all, err := load(path)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestSuccessForgivesFailures counts only failures in a row.
func TestSuccessForgivesFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, box := newFakeNode(), &inbox{}
		n.set(master(0, locked))
		store := filepath.Join(t.TempDir(), "subscriptions")
		s := newServer(t, n, box, store)
		subscribe(t, s, "http://c/1", LockState)
		sent := 0
		box.fate = func(r *http.Request) (*http.Response, error) {
			if sent++; sent%maxFailures == 0 {
				return answer(http.StatusNoContent), nil
			}
			return refused(r)
		}
		for i := range 4 * maxFailures {
			n.set(master(0, []string{holdover, locked}[i%2]))
			synctest.Wait()
		}
		if got := stored(t, store); got != 1 || sent != 4*maxFailures {
			t.Errorf("%d subscriptions after %d events", got, sent)
		}
	})
}

// TestSilentEndpoint lets an endpoint take the request and never answer.
func TestSilentEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNode()
		n.set(master(0, locked))
		silent := false
		store := filepath.Join(t.TempDir(), "subscriptions")
		s := newServer(t, n, roundTripper(func(r *http.Request) (*http.Response, error) {
			if silent {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return answer(http.StatusNoContent), nil
		}), store)
		subscribe(t, s, "http://c/1", LockState)
		silent = true
		for i := range 10 {
			n.set(master(0, []string{holdover, locked}[i%2]))
			synctest.Wait()
		}
		time.Sleep(99 * time.Second) // the last of ten times 10 s is not over
		if stored(t, store) != 1 {
			t.Error("dropped before the tenth failure")
		}
		time.Sleep(2 * time.Second)
		if stored(t, store) != 0 {
			t.Error("not dropped")
		}
	})
}

// TestBacklogIsBounded wants the oldest of too many waiting events to go.
func TestBacklogIsBounded(t *testing.T) {
	c := &client{wake: make(chan struct{}, 1)}
	for i := range maxWaiting + 5 {
		c.push(delivery{fmt.Sprint(i), nil})
	}
	if d, ok := c.next(t.Context()); len(c.queue) != maxWaiting-1 || d.subscription != "5" || !ok {
		t.Errorf("%d wait, first %s", len(c.queue), d.subscription)
	}
}

// TestDeletedWhileWaiting wants nothing sent to a subscription that is gone.
func TestDeletedWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, box := newFakeNode(), &inbox{}
		n.set(master(0, locked))
		s := newServer(t, n, box, "")
		lock := subscribe(t, s, "http://c/1", LockState)
		subscribe(t, s, "http://c/1", SyncState)
		box.take("http://c/1")
		box.fate = func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return answer(http.StatusNoContent), nil
		}
		n.set(master(0, holdover)) // both events wait, the first is on its way
		synctest.Wait()
		n.set(master(0, freeRun))
		synctest.Wait()
		if code, _ := call(s, "DELETE", "/subscriptions/"+lock.SubscriptionId, ""); code != 204 {
			t.Fatal(code)
		}
		time.Sleep(time.Minute)
		want := []string{"lock-state ens1fx/master=HOLDOVER ens1fx/master=-7", "sync-state sync/sync-status/sync-state=HOLDOVER", "sync-state sync/sync-status/sync-state=FREERUN"}
		if got := box.take("http://c/1"); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
}

// TestChangeDuringCreation changes the state while the initial notification is on its way.
func TestChangeDuringCreation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, box := newFakeNode(), &inbox{}
		n.set(master(0, locked))
		s := newServer(t, n, box, "")
		synctest.Wait()
		box.fate = func(*http.Request) (*http.Response, error) {
			box.fate = nil
			n.set(master(0, holdover))
			time.Sleep(time.Second)
			return answer(http.StatusNoContent), nil
		}
		subscribe(t, s, "http://c/1", LockState)
		synctest.Wait()
		want := []string{"lock-state ens1fx/master=LOCKED ens1fx/master=-7", "lock-state ens1fx/master=HOLDOVER ens1fx/master=-7"}
		if got := box.take("http://c/1"); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
}
