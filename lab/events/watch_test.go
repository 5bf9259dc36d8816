package events

import (
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestWatchedWhileSubscribed wants the node watched while there are subscriptions, those of an earlier life included,
// and at no other time.
func TestWatchedWhileSubscribed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, box := newFakeNode(), &inbox{}
		n.set(master(0, locked))
		s := newServer(t, n, box, filepath.Join(t.TempDir(), "subscriptions"))
		watched := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.watched != want {
				t.Errorf("%s: %d watch the node, want %d", when, n.watched, want)
			}
		}
		watched("nobody is subscribed", 0)
		first := subscribe(t, s, "http://c/1", LockState)
		watched("one is subscribed", 1)
		subscribe(t, s, "http://c/2", LockState)
		watched("two are subscribed", 1)
		call(s, "DELETE", "/subscriptions/"+first.SubscriptionId, "")
		watched("one is left", 1)
		s.Crash()
		watched("crashed", 0)
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		watched("started with a stored subscription", 1)
		call(s, "DELETE", "/subscriptions", "")
		watched("all are deleted", 0)
		time.Sleep(time.Minute)
		n.set(master(0, holdover)) // nobody sees it
		time.Sleep(time.Minute)
		box.take("http://c/1")
		subscribe(t, s, "http://c/1", LockState)
		watched("subscribed anew", 1)
		if got, want := box.take("http://c/1"), []string{"lock-state ens1fx/master=HOLDOVER ens1fx/master=-7"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}
