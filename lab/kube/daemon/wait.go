package daemon

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// retry is how long to wait before the next try of what has failed: longer each time, up to a bound.
func retry() wait.Backoff {
	return wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Steps: 1 << 30, Cap: 2 * time.Second}
}

// pause waits; it is false when ctx ended instead.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
