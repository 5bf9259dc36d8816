package sut

import (
	"context"
	"time"
)

// Logs is implemented by a System that keeps what the PTP programs of its nodes print, and the daemon that runs them.
type Logs interface {
	// Logs lists the lines of a node that came at or after an instant, oldest first; the zero time asks for all that
	// there still are.
	Logs(ctx context.Context, node string, since time.Time) ([]LogLine, error)
}

// LogLine is one line of a log.
type LogLine struct {
	At      time.Time // in the system's time
	Process string    // configuration file of the process, "ptp4l.0.config", where it is known; "" for the daemon itself
	Text    string
}
