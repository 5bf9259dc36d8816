package wait

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// virtual is a clock that only sleeping moves.
type virtual struct{ now time.Time }

func (v *virtual) Now(context.Context) (time.Time, error) { return v.now, nil }

func (v *virtual) Sleep(ctx context.Context, d time.Duration) error {
	v.now = v.now.Add(d)
	return ctx.Err()
}

// after is satisfied from a time on.
func (v *virtual) after(d time.Duration) Probe {
	start := v.now
	return func(context.Context) (bool, string, error) {
		passed := v.now.Sub(start)
		return passed >= d, "at " + passed.String(), nil
	}
}

func TestUntil(t *testing.T) {
	clock := &virtual{}
	took, err := Until(context.Background(), clock, "a tick", 10*time.Second, time.Second, clock.after(3*time.Second))
	if err != nil || took != 3*time.Second {
		t.Errorf("took %v, %v; want 3s", took, err)
	}
}

func TestUntilProbesAtTheDeadline(t *testing.T) {
	clock := &virtual{}
	took, err := Until(context.Background(), clock, "a tick", 2500*time.Millisecond, time.Second, clock.after(2500*time.Millisecond))
	if err != nil || took != 2500*time.Millisecond {
		t.Errorf("took %v, %v; want 2.5s", took, err)
	}
}

func TestUntilGivesUp(t *testing.T) {
	clock := &virtual{}
	_, err := Until(context.Background(), clock, "a lock", 5*time.Second, time.Second, clock.after(time.Hour))
	if err == nil || err.Error() != "waited 5s for a lock; last seen: at 5s" {
		t.Errorf("got %v", err)
	}
	_, err = Until(context.Background(), clock, "a lock", 5*time.Second, time.Second, func(context.Context) (bool, string, error) {
		return true, "fine", errors.New("no answer")
	})
	if err == nil || !strings.HasSuffix(err.Error(), "last seen: no answer") {
		t.Errorf("a probe with an error: %v", err)
	}
}

func TestUntilStopsWithTheContext(t *testing.T) {
	clock := &virtual{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Until(ctx, clock, "a lock", time.Hour, time.Second, clock.after(time.Hour))
	if !errors.Is(err, context.Canceled) || clock.now.Sub(time.Time{}) > time.Second {
		t.Errorf("got %v at %v", err, clock.now)
	}
}

func TestHolding(t *testing.T) {
	clock := &virtual{}
	start := clock.now
	flap := func(context.Context) (bool, string, error) { // true from 1 s on, but not at 4 s
		at := clock.now.Sub(start)
		return at >= time.Second && at != 4*time.Second, "seen", nil
	}
	took, err := Until(context.Background(), clock, "a steady lock", time.Minute, time.Second, Holding(clock, 5*time.Second, flap))
	if err != nil || took != 10*time.Second {
		t.Errorf("took %v, %v; want 10s: 5 s of holding after the flap at 4 s", took, err)
	}
}
