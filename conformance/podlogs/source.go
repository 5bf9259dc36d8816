package podlogs

import (
	"context"
	"time"
)

// Stream is what one container prints from its start to its end.
type Stream struct {
	Pod       string // "linuxptp-daemon-x7k2p"
	Container string // "linuxptp-daemon-container"
	Restart   int    // how often the container has been started anew before
	Ended     bool   // the container prints no more
}

// Line is one line of a log.
type Line struct {
	At   time.Time // when it was printed, by the clock of its node; zero if not known
	Text string    // without its newline
}

// Source has the logs of containers.
type Source interface {
	// Streams lists the streams that there are now. Those of deleted pods may be missing.
	Streams(ctx context.Context) ([]Stream, error)
	// Read tells the lines of a stream that were printed at or after an instant, oldest first; the zero time asks for all
	// that there still are. Some lines from before the instant do no harm. With follow it waits for further ones until
	// the container or the connection ends, or the context.
	Read(ctx context.Context, stream Stream, since time.Time, follow bool, tell func(Line)) error
	// Follows says whether Read can wait. Then it is called from goroutines of the collector, else only by the methods of
	// the collector.
	Follows() bool
}
