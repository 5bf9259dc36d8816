package podlogs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ptplab/ptplab/conformance/wait"
)

// Suite is the part of the suite that a file belongs to; it names the folder and begins the file's name.
type Suite string

// The parts of the suite: specs that run one after the other, and the soak tests, which run at once.
const (
	Serial   Suite = "serial"
	Parallel Suite = "parallel"
)

// Options say what to write and where. Dir, Suite and Clock are needed.
type Options struct {
	Dir     string     // LOG_ARTIFACTS_DIR; it is made
	Suite   Suite      //
	Markers bool       // LOG_TEST_MARKERS
	Clock   wait.Clock // of the system under test; the methods of the collector ask it for the time
	// Background, if not nil, sleeps between looks for new containers in a goroutine of the collector. It must not be the
	// clock of a system that is called from one goroutine only, and is for sources that follow.
	Background wait.Clock
	Every      time.Duration // between those looks; 0: 2 s
}

// defaultEvery is how often to look for new containers: a crashing one lives longer, as kubelet waits 10 s before it starts
// it the second time.
const defaultEvery = 2 * time.Second

// Collector writes logs to files. Make it with New. Its methods are called from one goroutine.
type Collector struct {
	source Source
	o      Options
	dir    string

	cancel context.CancelFunc // of what goes on in the background
	follow context.Context
	work   sync.WaitGroup

	looking sync.Mutex // held during a look
	mu      sync.Mutex // guards the fields below
	logs    map[string]*log
	spec    string // that runs now
}

// New makes a collector that does nothing yet.
func New(source Source, o Options) (*Collector, error) {
	switch {
	case source == nil || o.Clock == nil:
		return nil, errors.New("pod logs: a source and a clock are needed")
	case o.Dir == "":
		return nil, errors.New("pod logs: no directory")
	case o.Suite != Serial && o.Suite != Parallel:
		return nil, fmt.Errorf("pod logs: suite %q is neither %s nor %s", o.Suite, Serial, Parallel)
	case o.Background != nil && !source.Follows():
		return nil, errors.New("pod logs: a source that cannot wait is looked at in the foreground only")
	}
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	return &Collector{source: source, o: o, dir: filepath.Join(o.Dir, string(o.Suite)), logs: map[string]*log{}}, nil
}

// Start begins to collect: what containers that are there print from now on, and all that later ones print. Call Stop after
// it, also if it returns an error.
func (c *Collector) Start(ctx context.Context) error {
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return fmt.Errorf("pod logs: %w", err)
	}
	now, err := c.o.Clock.Now(ctx)
	if err != nil {
		return fmt.Errorf("pod logs: read the time: %w", err)
	}
	c.follow, c.cancel = context.WithCancel(context.WithoutCancel(ctx)) // Stop ends it, after it has read the rest
	if err := c.look(ctx, now, true); err != nil {
		return err
	}
	if c.o.Background != nil {
		c.work.Go(c.lookInBackground)
	}
	return nil
}

// Look reads what there is to read, if the source cannot wait, and takes up containers that are new.
func (c *Collector) Look(ctx context.Context) error {
	_, err := c.lookNow(ctx)
	return err
}

// lookNow looks, and returns the time before.
func (c *Collector) lookNow(ctx context.Context) (time.Time, error) {
	now, err := c.o.Clock.Now(ctx)
	if err != nil {
		return now, fmt.Errorf("pod logs: read the time: %w", err)
	}
	return now, c.look(ctx, now, false)
}

// SpecBegins marks in all files where a spec begins.
func (c *Collector) SpecBegins(ctx context.Context, name string) error {
	c.mu.Lock()
	c.spec = name
	c.mu.Unlock()
	return c.lookAndMark(ctx, "spec begins: %s", name)
}

// SpecEnds marks where a spec ends and how: "passed".
func (c *Collector) SpecEnds(ctx context.Context, name, outcome string) error {
	err := c.lookAndMark(ctx, "spec ends: %s: %s", name, outcome)
	c.mu.Lock()
	c.spec = ""
	c.mu.Unlock()
	return err
}

func (c *Collector) lookAndMark(ctx context.Context, format string, args ...any) error {
	now, err := c.lookNow(ctx)
	c.mark(now, format, args...)
	return err
}

// Stop reads what has come until now, marks the end of the suite and closes the files. The error tells what could not be
// read or written.
func (c *Collector) Stop(ctx context.Context) error {
	if c.cancel == nil {
		return nil
	}
	now, err := c.lookNow(ctx)
	c.cancel()
	c.work.Wait()
	c.cancel = nil
	var rest []error
	if c.source.Follows() {
		rest = c.readRest(ctx)
	}
	c.mark(now, "suite %s ends", c.o.Suite)
	return errors.Join(err, errors.Join(rest...), c.close())
}

// readRest reads once more each log that may have got lines since its connection was cut. That of a deleted pod may be
// gone, which its file then says.
func (c *Collector) readRest(ctx context.Context) (faults []error) {
	for _, l := range c.all() {
		if l.complete && !l.isOld() {
			continue
		}
		err := c.readToNow(ctx, l)
		switch {
		case err != nil && l.listed:
			faults = append(faults, fmt.Errorf("pod logs: %w", err))
		case err != nil && l.cut:
			l.lose(err)
		}
	}
	return faults
}

// look asks for the streams and reads or follows them. At the first look, what was printed before does not matter.
func (c *Collector) look(ctx context.Context, now time.Time, first bool) error {
	c.looking.Lock()
	defer c.looking.Unlock()
	streams, err := c.source.Streams(ctx)
	if err != nil {
		return fmt.Errorf("pod logs: list the containers: %w", err)
	}
	slices.SortFunc(streams, func(a, b Stream) int {
		if byName := strings.Compare(a.name(), b.name()); byName != 0 {
			return byName
		}
		return a.Restart - b.Restart
	})
	for _, l := range c.all() {
		l.setListed(streams)
	}
	var faults []error
	for _, stream := range streams {
		l, err := c.logOf(stream, now, first)
		if err != nil {
			return err
		}
		if c.source.Follows() {
			c.attend(l, stream)
			continue
		}
		l.mu.Lock()
		l.turnTo(stream)
		l.mu.Unlock()
		if err := l.read(ctx, c.source, stream, false); err != nil {
			faults = append(faults, fmt.Errorf("pod logs: %s: %w", stream.name(), err))
		}
	}
	return errors.Join(faults...)
}

// logOf finds the log of a stream's container or begins it.
func (c *Collector) logOf(stream Stream, now time.Time, first bool) (*log, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l, ok := c.logs[stream.name()]; ok {
		return l, nil
	}
	path := filepath.Join(c.dir, fileName(c.o.Suite, stream))
	l, err := newLog(path, stream, c.o.Markers)
	if err != nil {
		return nil, fmt.Errorf("pod logs: %w", err)
	}
	text := newContainer(stream, c.spec)
	if first {
		l.memory.start = now
		text = fmt.Sprintf("suite %s begins", c.o.Suite)
	}
	if c.o.Markers {
		l.mark(now, text)
	}
	c.logs[stream.name()] = l
	return l, nil
}

// lookInBackground looks until Stop. A look that fails is made up for by the next, and Stop tells of its own.
func (c *Collector) lookInBackground() {
	for c.follow.Err() == nil {
		if now, err := c.o.Background.Now(c.follow); err == nil {
			_ = c.look(c.follow, now, false)
		}
		if err := c.o.Background.Sleep(c.follow, c.o.Every); err != nil {
			return
		}
	}
}

// mark writes a line into all files.
func (c *Collector) mark(at time.Time, format string, args ...any) {
	if !c.o.Markers {
		return
	}
	for _, l := range c.all() {
		l.mark(at, fmt.Sprintf(format, args...))
	}
}

// all lists the logs by name.
func (c *Collector) all() []*log {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*log
	for _, l := range c.logs {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *log) int { return strings.Compare(a.path, b.path) })
	return all
}

func (c *Collector) close() error {
	var faults []error
	for _, l := range c.all() {
		faults = append(faults, l.close())
	}
	return errors.Join(faults...)
}
