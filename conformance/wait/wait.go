// Package wait waits for things to happen in the system under test, in that system's own time.
package wait

import (
	"context"
	"fmt"
	"time"
)

// Clock is the time of the system under test.
type Clock interface {
	Now(ctx context.Context) (time.Time, error)
	Sleep(ctx context.Context, d time.Duration) error
}

// Probe looks once. It says whether what is waited for is the case and what it saw, in a few words; an error is a sight as well,
// not the end of the wait.
type Probe func(ctx context.Context) (done bool, seen string, err error)

// Error says that a wait ended in vain.
type Error struct {
	Subject string        // what was waited for
	Waited  time.Duration // in the system's time
	Seen    string        // the last thing seen
	Cause   error         // why the wait ended before its deadline, or nil
}

// Error is one sentence with the subject, how long the wait took and the last thing seen.
func (e *Error) Error() string {
	text := fmt.Sprintf("waited %s for %s; last seen: %s", e.Waited.Round(time.Millisecond), e.Subject, e.Seen)
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause, such as context.Canceled.
func (e *Error) Unwrap() error { return e.Cause }

// Until probes every interval until the probe is satisfied, and returns how long that took. After deadline it gives
// up with an *Error. The probe is made at least once, and once more at the deadline.
func Until(ctx context.Context, clock Clock, subject string, deadline, interval time.Duration, probe Probe) (time.Duration, error) {
	start, err := clock.Now(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the time to wait for %s: %w", subject, err)
	}
	failed := Error{Subject: subject, Seen: "nothing"}
	for {
		done, seen, err := probe(ctx)
		if err != nil {
			done, seen = false, err.Error()
		}
		failed.Seen = seen
		now, err := clock.Now(ctx)
		if err != nil {
			failed.Cause = err
			return failed.Waited, &failed
		}
		failed.Waited = now.Sub(start)
		if done {
			return failed.Waited, nil
		}
		if failed.Waited >= deadline {
			return failed.Waited, &failed
		}
		if err := clock.Sleep(ctx, min(interval, deadline-failed.Waited)); err != nil {
			failed.Cause = err
			return failed.Waited, &failed
		}
	}
}

// Holding makes a probe that is satisfied once the given one has been for a time without a break.
func Holding(clock Clock, hold time.Duration, probe Probe) Probe {
	var since time.Time
	return func(ctx context.Context) (bool, string, error) {
		done, seen, err := probe(ctx)
		if err != nil || !done {
			since = time.Time{}
			return false, seen, err
		}
		now, err := clock.Now(ctx)
		if err != nil {
			return false, seen, err
		}
		if since.IsZero() {
			since = now
		}
		held := now.Sub(since)
		if held < hold {
			return false, fmt.Sprintf("%s, so far for %s of %s", seen, held, hold), nil
		}
		return true, seen, nil
	}
}
