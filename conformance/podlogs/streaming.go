package podlogs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Open opens the log of a container from an instant on, with follow until the container ends. Each line begins with its
// time and a space, as Kubernetes writes it if asked for time stamps (PodLogOptions: timestamps, sinceTime, follow). If the
// container has been started once more than the stream's Restart says, its previous log is wanted (PodLogOptions:
// previous); an older one is an error, never another log.
type Open func(ctx context.Context, stream Stream, since time.Time, follow bool) (io.ReadCloser, error)

// Streaming is a source that waits for lines: list is its Streams.
func Streaming(list func(ctx context.Context) ([]Stream, error), open Open) Source {
	return streaming{list, open}
}

type streaming struct {
	list func(ctx context.Context) ([]Stream, error)
	open Open
}

func (s streaming) Follows() bool { return true }

func (s streaming) Streams(ctx context.Context) ([]Stream, error) { return s.list(ctx) }

func (s streaming) Read(ctx context.Context, stream Stream, since time.Time, follow bool, tell func(Line)) error {
	log, err := s.open(ctx, stream, since, follow)
	if err != nil {
		return fmt.Errorf("open the log of %s in %s: %w", stream.Container, stream.Pod, err)
	}
	unblock := context.AfterFunc(ctx, func() { log.Close() }) // a reader that does not look at ctx
	defer unblock()
	err = readLines(log, follow, tell)
	if closed := log.Close(); err == nil && ctx.Err() == nil {
		err = closed
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("read the log of %s in %s: %w", stream.Container, stream.Pod, err)
	}
	return nil
}

// longest is how many bytes of a line are kept together; the rest is a line of its own.
const longest = 1 << 20

// readLines tells each line. What comes after the last newline may be half a line: it is told only if the log was
// asked for as it is, without following it.
func readLines(r io.Reader, follow bool, tell func(Line)) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var line []byte
	var last time.Time
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		whole := err == nil || errors.Is(err, io.EOF) && !follow && len(line) > 0
		if whole || len(line) >= longest {
			told := parseLine(strings.TrimSuffix(string(line), "\n"), last)
			last = told.At
			tell(told)
			line = line[:0]
		}
		switch {
		case err == nil, errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil
		default:
			return err
		}
	}
}

// parseLine takes the time off a line. A line without one is of the time of that before it.
func parseLine(text string, before time.Time) Line {
	stamp, rest, ok := strings.Cut(text, " ")
	if at, err := time.Parse(time.RFC3339Nano, stamp); err == nil && (ok || rest == "") {
		return Line{At: at, Text: rest}
	}
	return Line{At: before, Text: text}
}
