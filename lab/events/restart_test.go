package events

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestRestartTellsAnew wants the subscribers of a crashed server to be told the present state, and nothing that was
// never true.
func TestRestartTellsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, box := newFakeNode(), &inbox{}
		n.set(master(0, locked), system(0, locked))
		s := newServer(t, n, box, filepath.Join(t.TempDir(), "subscriptions"))
		made := subscribe(t, s, "http://c/1", LockState)
		subscribe(t, s, "http://c/2", OSClock)
		box.take("http://c/1")
		box.take("http://c/2")
		s.Crash()
		if !aborted(s, "GET", "/health", "") {
			t.Error("a crashed server answers")
		}
		time.Sleep(time.Minute)
		n.set(master(0, holdover), system(0, locked)) // nobody is there to tell it
		time.Sleep(time.Minute)
		n.set(master(0, locked), system(0, locked))
		if got := box.take("http://c/1"); got != nil {
			t.Errorf("a crashed server sends %q", got)
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got, want := box.take("http://c/1"), []string{"lock-state ens1fx/master=LOCKED ens1fx/master=-7"}; !slices.Equal(got, want) {
			t.Errorf("told anew %q, want %q", got, want)
		}
		if got, want := box.take("http://c/2"), []string{"os-clock-sync-state CLOCK_REALTIME=LOCKED CLOCK_REALTIME=27"}; !slices.Equal(got, want) {
			t.Errorf("told anew %q, want %q", got, want)
		}
		if code, _ := call(s, "GET", "/subscriptions/"+made.SubscriptionId, ""); code != 200 {
			t.Errorf("the subscription: %d", code)
		}
		n.set(master(0, holdover), system(0, locked))
		synctest.Wait()
		if got := box.take("http://c/1"); len(got) != 1 {
			t.Errorf("the next change: %q", got)
		}
	})
}

// TestRestartKnowsNothing starts both the server and its node anew: no state is told until there is one.
func TestRestartKnowsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, box := newFakeNode(), &inbox{}
		n.set(master(0, locked))
		s := newServer(t, n, box, filepath.Join(t.TempDir(), "subscriptions"))
		subscribe(t, s, "http://c/1", LockState)
		subscribe(t, s, "http://c/1", SyncState)
		box.take("http://c/1")
		s.Crash()
		n.set()
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := box.take("http://c/1"); got != nil {
			t.Errorf("told without knowing: %q", got)
		}
		n.set(master(0, locked))
		synctest.Wait()
		want := []string{"lock-state ens1fx/master=LOCKED ens1fx/master=-7", "sync-state sync/sync-status/sync-state=LOCKED"}
		if got := box.take("http://c/1"); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
}

// TestDeletedStaysDeleted restarts after a deletion.
func TestDeletedStaysDeleted(t *testing.T) {
	n := newFakeNode()
	n.set(master(0, locked))
	s := newServer(t, n, &inbox{}, filepath.Join(t.TempDir(), "subscriptions"))
	gone := subscribe(t, s, "http://c/1", LockState)
	subscribe(t, s, "http://c/2", LockState)
	if code, _ := call(s, "DELETE", "/subscriptions/"+gone.SubscriptionId, ""); code != 204 {
		t.Fatal(code)
	}
	s.Crash()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if code, _ := call(s, "GET", "/subscriptions/"+gone.SubscriptionId, ""); code != 404 {
		t.Errorf("the deleted subscription: %d", code)
	}
}

// TestCrashAndStop compares what the two do with an event that waits.
func TestCrashAndStop(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(*Server)
		want int
	}{
		"crash": {func(s *Server) { s.Crash() }, 0},
		"stop":  {func(s *Server) { s.Stop(context.Background()) }, 2},
		"stop in a hurry": {func(s *Server) {
			ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
			defer cancel()
			s.Stop(ctx)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, box := newFakeNode(), &inbox{}
				n.set(master(0, locked))
				s := newServer(t, n, box, filepath.Join(t.TempDir(), "subscriptions"))
				subscribe(t, s, "http://c/1", LockState)
				box.take("http://c/1")
				box.fate = func(r *http.Request) (*http.Response, error) {
					select {
					case <-time.After(time.Second):
						return answer(http.StatusNoContent), nil
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
				}
				for _, state := range []string{holdover, freeRun} {
					n.set(master(0, state))
					synctest.Wait()
				}
				test.end(s)
				if got := box.take("http://c/1"); len(got) != test.want {
					t.Errorf("delivered %q", got)
				}
				if stored(t, s.o.Store) != 1 {
					t.Error("the subscription is not stored any more")
				}
			})
		})
	}
}
