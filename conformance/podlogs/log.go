package podlogs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// log is the file of one container. Its lines are whole: nothing is written between two halves of one.
type log struct {
	path string

	mu       sync.Mutex
	markers  bool
	file     *os.File
	memory   memory
	stream   Stream // that is being read
	newest   Stream // of the container that is known
	followed bool   // by a goroutine
	listed   bool   // the container is there, as far as is known
	cut      bool   // the stream has not been read to where it ended at the time, so that something may have been lost
	complete bool   // the stream has ended and been read to its end
	restart  bool   // the next line is the first after the container started anew
	lines    int
	fault    error // of the file
}

// fileName is the name of a container's file. Kubernetes' names need no change.
func fileName(suite Suite, s Stream) string {
	safe := func(name string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", r) {
				return r
			}
			return '-'
		}, name)
	}
	return fmt.Sprintf("%s_%s_%s.log", suite, safe(s.Pod), safe(s.Container))
}

// name is the same for all streams of a container.
func (s Stream) name() string { return s.Pod + "/" + s.Container }

func newLog(path string, stream Stream, markers bool) (*log, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	return &log{path: path, file: file, stream: stream, newest: stream, listed: true, cut: true, markers: markers}, nil
}

// read reads the stream from where it was left and writes what is new.
func (l *log) read(ctx context.Context, source Source, stream Stream, follow bool) error {
	l.mu.Lock()
	l.memory.reopened()
	since := l.memory.since()
	l.mu.Unlock()
	return source.Read(ctx, stream, since, follow, l.take)
}

// take writes a line unless it was written before.
func (l *log) take(line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.memory.last
	isNew, gap := l.memory.take(line)
	if !isNew {
		return
	}
	if gap {
		l.write(banner(line.At, "lines after "+stamp(before)+" may be missing here"))
	}
	if l.restart && l.markers {
		l.write(banner(line.At, fmt.Sprintf("pod %s: container %s was started anew, restart %d", l.stream.Pod, l.stream.Container, l.stream.Restart)))
	}
	l.restart = false
	l.write(line.Text)
	l.lines++
}

// lose says that the end of the stream cannot be had.
func (l *log) lose(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(banner(l.memory.last, fmt.Sprintf("lines after this may be missing, the log of restart %d is gone: %v", l.stream.Restart, err)))
}

// turnTo changes to another stream of the container, if it is one. l.mu is held.
func (l *log) turnTo(stream Stream) {
	if stream.Restart != l.stream.Restart {
		l.memory, l.restart, l.complete, l.cut = memory{}, true, false, true
	}
	l.stream = stream
	if stream.Restart >= l.newest.Restart {
		l.newest = stream
	}
}

// newContainer is the marker of a file that begins while the suite runs.
func newContainer(stream Stream, spec string) string {
	text := fmt.Sprintf("pod %s: container %s is new", stream.Pod, stream.Container)
	if spec != "" {
		text += "; spec: " + spec
	}
	return text
}

func (l *log) mark(at time.Time, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(banner(at, text))
}

// banner is a line that no program prints.
func banner(at time.Time, text string) string {
	return fmt.Sprintf("===== %s %s =====", stamp(at), strings.ReplaceAll(text, "\n", " "))
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// write keeps the first error and writes no more after it. l.mu is held.
func (l *log) write(line string) {
	if l.fault == nil {
		_, l.fault = l.file.WriteString(line + "\n")
	}
}

func (l *log) current() Stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stream
}

// isOld says whether the container has been started anew since the stream that is being read.
func (l *log) isOld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest.Restart > l.stream.Restart
}

// goOn changes to the stream that follows the present one.
func (l *log) goOn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.newest
	next.Restart = l.stream.Restart + 1
	next.Ended = next.Ended || next.Restart < l.newest.Restart
	l.turnTo(next)
}

// setListed notes whether the container is among those that are there.
func (l *log) setListed(streams []Stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listed = slices.ContainsFunc(streams, func(s Stream) bool { return s.name() == l.stream.name() })
}

func (l *log) setCut(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
}

func (l *log) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines
}

// releaseUnlessOld ends the following, unless a look has found meanwhile that the container was started anew.
func (l *log) releaseUnlessOld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followed = l.newest.Restart > l.stream.Restart
	return !l.followed
}

func (l *log) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followed = false
}

func (l *log) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(l.fault, l.file.Close()); err != nil {
		return fmt.Errorf("pod logs: %w", err)
	}
	return nil
}
