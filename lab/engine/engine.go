// Package engine says what ptplab needs of the place where a lab's kernel runs.
package engine

import (
	"context"
	"net"
	"time"
)

// Engine is one lab's kernel and the way to the agent in it.
type Engine interface {
	// Name is how a user asks for it: "sim".
	Name() string
	// Running says whether the kernel runs, from what is there, not from a note.
	Running() (bool, error)
	// Boot starts the kernel and returns when its agent answers.
	Boot(ctx context.Context) error
	// Dial opens a stream to the agent, or fails when the agent does not answer in patience; 0 waits for ever.
	Dial(ctx context.Context, patience time.Duration) (net.Conn, error)
	// Stop ends the kernel with all that runs in it; it is fine when nothing runs.
	Stop(ctx context.Context) error
	// LastWords are the last lines that the kernel printed, for a report of its end.
	LastWords() []string
	// ResidentKB is the host memory that the kernel takes, kB.
	ResidentKB() (int64, error)
}
