package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// Options say what a node is. Name, Enter and RunDir are needed.
type Options struct {
	Name   string            // which recommendations are for it, and the label "node" of its metrics
	Labels map[string]string // which recommendations are for it

	// Enter makes the command that runs argv inside the node: in its network namespace and with RunDir as /var/run.
	// It must replace itself by argv (exec), so that signals reach it and its mount namespace is the program's.
	Enter  func(argv []string) *exec.Cmd
	RunDir string // of the node, as this process sees it

	SecretDir   string                    // what is at /etc/ptp-secret-mount for the programs, as this process sees it; "": none
	Log         *slog.Logger              // nil: none
	Renumber    bool                      // files get their numbers by the order of the profiles alone, as upstream's do; else a profile keeps its number
	SystemClock bool                      // this node may steer CLOCK_REALTIME, which all nodes of a lab share
	PHC         func(iface string) string // which hardware clock an interface has, for aliases; nil: by the interfaces' names
	Programs    Programs                  // where the programs are inside the node
	ReadEvery   time.Duration             // how often output is read if nobody asks, at instants aligned to the clock; 0: 1 s
	LogBytes    int64                     // bound of each process's log file in RunDir/log, kept twice; 0: 4 MiB; below 0: no files
	LogTime     time.Duration             // for how long Logs has a line, unless there are very many; 0: 2 min
}

// Defaults of the options.
const (
	defaultReadEvery = time.Second            // in virtual time each reading costs as much as some ten PTP messages
	watchedReadEvery = 250 * time.Millisecond // while somebody watches or a process is to be started
	defaultLogBytes  = 4 << 20
	readBuffer       = 64 << 10 // as large as a pipe
)

// Node is one plain worker. Its methods may be called from any goroutine.
type Node struct {
	o    Options
	born time.Time     // when it was made
	mono time.Duration // CLOCK_MONOTONIC then

	applying sync.Mutex // held during Apply and Stop

	mu        sync.Mutex
	processes []*process // in the order in which they start
	chosen    []Chosen
	numbers   map[string]int
	history   history
	event     linuxptp.Event
	buffer    []byte
	dirty     bool
	change    uint64        // counts changes of states, roles, processes and profiles
	changes   chan struct{} // closed at the next change; nil while nobody waits
	told      bool          // that the system clock is not steered here
	halt      context.CancelFunc
	halted    chan struct{}
}

// New makes a node that runs nothing yet. It makes the run directory.
func New(o Options) (*Node, error) {
	if o.Name == "" || o.Enter == nil || o.RunDir == "" {
		return nil, errors.New("node: Name, Enter and RunDir are needed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.ReadEvery <= 0 {
		o.ReadEvery = defaultReadEvery
	}
	if o.LogBytes == 0 {
		o.LogBytes = defaultLogBytes
	}
	o.Programs = o.Programs.withDefaults()
	if err := os.MkdirAll(o.RunDir, 0o755); err != nil {
		return nil, fmt.Errorf("run directory of node %s: %w", o.Name, err)
	}
	return &Node{o: o, born: time.Now(), mono: monotonic(), numbers: map[string]int{}, buffer: make([]byte, readBuffer), history: history{keep: o.LogTime}}, nil
}

// Apply makes the node run what the objects recommend for it, and nothing else. Processes for which nothing changes
// keep running; upstream stops and starts everything. It returns when the processes are started, not when they are
// locked. Objects with faults change nothing.
func (n *Node) Apply(ctx context.Context, configs []PtpConfig) error {
	n.applying.Lock()
	defer n.applying.Unlock()
	for i := range configs {
		if err := configs[i].Validate(); err != nil {
			return fmt.Errorf("PtpConfig %s: %w", clip(configs[i].Metadata.Name), err)
		}
	}
	chosen, dangling := Choose(configs, n.o.Name, n.o.Labels)
	if dangling != nil {
		n.o.Log.Warn("profiles refer to others that do not apply", "node", n.o.Name, "error", dangling)
	}
	numbers := renumber(chosen, n.oldNumbers())
	r := renderer{paths: n.o.Programs, numbers: numbers, secrets: n.o.SecretDir}
	if n.o.SystemClock {
		r.steers = SteersSystemClock(chosen)
	}
	wanted, err := r.render(chosen)
	if err != nil {
		return fmt.Errorf("node %s: %w", n.o.Name, err)
	}
	keep, gone := n.exchange(wanted, chosen, numbers)
	n.stop(ctx, gone)
	for _, p := range gone {
		if err := n.clean(p); err != nil {
			return fmt.Errorf("node %s: %w", n.o.Name, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return n.begin(wanted, keep)
}

// oldNumbers are those that profiles keep.
func (n *Node) oldNumbers() map[string]int {
	if n.o.Renumber {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.numbers
}

// exchange takes the processes that are not wanted any more out of the node's care, and gives those that stay by the
// name of their configuration.
func (n *Node) exchange(wanted []program, chosen []Chosen, numbers map[string]int) (keep map[string]*process, gone []*process) {
	n.mu.Lock()
	defer n.mu.Unlock()
	keep = map[string]*process{}
	for _, p := range n.processes {
		i := slices.IndexFunc(wanted, func(w program) bool { return w.same(&p.program) })
		if i < 0 {
			gone = append(gone, p)
			continue
		}
		p.limits, p.filter = wanted[i].limits, wanted[i].filter
		keep[p.config] = p
	}
	n.processes = slices.DeleteFunc(n.processes, func(p *process) bool { return keep[p.config] != p })
	n.chosen, n.numbers, n.dirty = chosen, numbers, true
	return keep, gone
}

// begin writes the configurations of new programs, starts them in order, and sees that somebody looks after them.
func (n *Node) begin(wanted []program, keep map[string]*process) error {
	for i := range wanted {
		if w := &wanted[i]; keep[w.config] == nil {
			if err := writeFile(filepath.Join(n.o.RunDir, w.config), w.text); err != nil {
				return fmt.Errorf("node %s: %w", n.o.Name, err)
			}
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for _, c := range n.chosen {
		n.say(now, "", "Profile Name: "+c.Profile.Name)
	}
	var all, fresh []*process
	for i := range wanted {
		p := keep[wanted[i].config]
		if p == nil {
			p = &process{program: wanted[i], clock: newClock(&wanted[i], now), state: Waiting, changed: now, out: -1}
			p.log = logFile{path: filepath.Join(n.o.RunDir, "log", p.config[:len(p.config)-len("config")]+"log"), limit: n.o.LogBytes}
			fresh = append(fresh, p)
		}
		all = append(all, p)
	}
	n.processes = all
	for _, p := range fresh {
		if len(p.gates) == 0 {
			n.start(p, now)
		} else {
			n.tellSystemClock(now, p)
		}
	}
	n.dirty = true
	n.publish()
	n.supervise()
	return nil
}

// tellSystemClock says once that a phc2sys of this node only measures.
func (n *Node) tellSystemClock(now time.Time, p *process) {
	if !p.measures || n.told {
		return
	}
	n.told = true
	n.say(now, p.config, "phc2sys runs with free_running: all nodes of a lab share one CLOCK_REALTIME, and this program may not steer it")
	n.o.Log.Info("phc2sys only measures here: another may steer the lab's one CLOCK_REALTIME", "node", n.o.Name, "process", p.config)
}

// say puts a line of the node itself into its log.
func (n *Node) say(now time.Time, config, text string) {
	n.history.add(now, config, []byte(text))
	n.history.wake()
}

// writeFile replaces a file at once: a reader sees the old or the new one.
func writeFile(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Stop ends all processes and removes their files; logs stay. It may be called again, and Apply after it.
func (n *Node) Stop(ctx context.Context) error {
	n.applying.Lock()
	defer n.applying.Unlock()
	_, gone := n.exchange(nil, nil, map[string]int{})
	n.stop(ctx, gone)
	n.mu.Lock()
	halt, halted := n.halt, n.halted
	n.halt, n.halted = nil, nil
	n.publish()
	n.mu.Unlock()
	if halt != nil {
		halt()
		<-halted
	}
	var errs []error
	for _, p := range gone {
		errs = append(errs, n.clean(p))
	}
	return errors.Join(errs...)
}

// Profiles gives the profiles that the node runs, in the order in which they start.
func (n *Node) Profiles() []Chosen {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.chosen)
}

// Number gives the N of a profile's files, ptp4l.N.config, by its qualified name.
func (n *Node) Number(profile string) (int, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	number, found := n.numbers[profile]
	return number, found
}

// WaitChange waits until something changes that is not just a number: the state of a clock, port or process, a
// grandmaster, a clock class, a profile. seen is what the last call gave, 0 at first; it gives the count to pass next.
func (n *Node) WaitChange(ctx context.Context, seen uint64) (uint64, error) {
	for {
		n.mu.Lock()
		n.look()
		change := n.change
		if change == seen && n.changes == nil {
			n.changes = make(chan struct{})
		}
		changes := n.changes
		n.mu.Unlock()
		if change != seen {
			return change, nil
		}
		select {
		case <-ctx.Done():
			return seen, ctx.Err()
		case <-changes:
		}
	}
}

// publish counts a change, if there was one, and wakes who waits for it.
func (n *Node) publish() {
	if !n.dirty {
		return
	}
	n.dirty = false
	n.change++
	if n.changes != nil {
		close(n.changes)
		n.changes = nil
	}
}
