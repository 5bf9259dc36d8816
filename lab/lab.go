package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/engine"
	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/image"
	"github.com/ptplab/ptplab/lab/topology"
)

// recordName is the file of a lab's record in its directory.
const recordName = "lab.json"

// Record is what a lab's directory says about it: how to find the lab again. What is in the lab, only the lab
// says.
type Record struct {
	Name     string           `json:"name"`
	Engine   string           `json:"engine"`
	Time     sim.Mode         `json:"time"`
	Topology string           `json:"topology"` // path of the file, as it was given
	Created  time.Time        `json:"created"`
	Plan     *topology.Plan   `json:"plan"`
	Stack    Stack            `json:"stack,omitempty"`  // of a lab with a cluster
	Node     *image.NodeImage `json:"node,omitempty"`   // of a lab with a cluster
	Merged   string           `json:"merged,omitempty"` // the user's kubeconfig, if the lab's context was added to it
}

// Lab is one lab, seen from outside and locked for one command.
type Lab struct {
	Record
	Patience time.Duration // wall time for which the lab may give no sign of life; Open sets Patience
	home     Home
	lock     *Lock
	engine   engine.Engine
}

// NotFoundError says that there is no such lab.
type NotFoundError struct {
	Name   string
	Others []string
}

// Error names the labs that there are.
func (e *NotFoundError) Error() string {
	if e.Name == "" {
		return "there is no lab; make one with: ptplab up TOPOLOGY"
	}
	if len(e.Others) == 0 {
		return fmt.Sprintf("there is no lab %s, nor any other; make one with: ptplab up TOPOLOGY", e.Name)
	}
	return fmt.Sprintf("there is no lab %s; there is %s", e.Name, strings.Join(e.Others, ", "))
}

// AmbiguousError says that a command needs to know which of several labs it is for.
type AmbiguousError struct{ Names []string }

// Error tells how to choose.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("there are %d labs (%s); choose one with --lab", len(e.Names), strings.Join(e.Names, ", "))
}

// Open locks a lab for a command; with no name, the only one there is.
func Open(home Home, name, command string) (*Lab, error) {
	names, err := home.Names()
	if err != nil {
		return nil, err
	}
	switch {
	case name == "" && len(names) == 0:
		return nil, &NotFoundError{}
	case name == "" && len(names) > 1:
		return nil, &AmbiguousError{names}
	case name == "":
		name = names[0]
	}
	if err := topology.CheckLabName(name); err != nil {
		return nil, err
	}
	if !home.has(name) {
		return nil, &NotFoundError{name, names}
	}
	l, err := open(home, name, command)
	switch {
	case l == nil:
		return nil, err
	case err != nil:
		return nil, errors.Join(err, l.Close())
	case !l.exists(): // a lock that a killed command left
		others := slices.DeleteFunc(names, func(n string) bool { return n == name })
		return nil, errors.Join(&NotFoundError{name, others}, l.closeUnmade())
	}
	return l, nil
}

// exists says whether the lab has a directory.
func (l *Lab) exists() bool {
	_, err := os.Stat(l.dir())
	return err == nil
}

// open locks a lab that may not exist yet. Where its record cannot be read, it returns the locked lab and the error.
func open(home Home, name, command string) (*Lab, error) {
	lock, err := home.acquire(name, command)
	if err != nil {
		return nil, err
	}
	l := &Lab{Record: Record{Name: name}, Patience: Patience, home: home, lock: lock}
	l.engine = &simEngine{machine: sim.Machine{Dir: l.dir()}}
	text, err := os.ReadFile(l.recordFile())
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &l.Record)
	}
	l.Name = name // the directory's: a copied record must not lead to another lab
	if err != nil {
		return l, fmt.Errorf("read the record of lab %s: %w; take the lab away with: ptplab down %s", name, err, name)
	}
	return l, nil
}

// Close gives the lab back to other commands. The lab goes on.
func (l *Lab) Close() error { return l.lock.Release() }

func (l *Lab) dir() string        { return l.home.dir(l.Name) }
func (l *Lab) recordFile() string { return filepath.Join(l.dir(), recordName) }

// save writes the record, whole or not at all.
func (l *Lab) save() error {
	text, err := json.MarshalIndent(l.Record, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(l.dir(), 0o700); err != nil {
		return err
	}
	temp := l.recordFile() + ".new"
	if err := os.WriteFile(temp, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temp, l.recordFile())
}

// Running says whether the lab's kernel runs.
func (l *Lab) Running() (bool, error) { return l.engine.Running() }

// ResidentKB is the host memory that the lab takes, kB.
func (l *Lab) ResidentKB() (int64, error) { return l.engine.ResidentKB() }

// Patience is how long, in wall time, a lab may give no sign of life, unless a Lab says otherwise. A healthy one gives
// one every few seconds of its own time and with each step; a program that spins on the clock in virtual time gives none.
const Patience = 2 * time.Minute

// call does one operation in the lab.
func (l *Lab) call(ctx context.Context, op string, args, result any, onEvent func(json.RawMessage)) error {
	if err := l.mustRun(); err != nil {
		return err
	}
	client, err := l.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	return l.explain(client.Call(ctx, op, args, result, onEvent))
}

// mustRun says what to do with a lab whose kernel has ended.
func (l *Lab) mustRun() error {
	running, err := l.engine.Running()
	if err != nil {
		return err
	}
	if !running {
		return fmt.Errorf("lab %s does not run: its kernel has ended%s; take it away with: ptplab down %s",
			l.Name, quote(l.engine.LastWords()), l.Name)
	}
	return nil
}

// dial connects to the agent and waits until it listens.
func (l *Lab) dial(ctx context.Context) (*agent.Client, error) {
	conn, err := l.engine.Dial(ctx, l.Patience)
	if err != nil {
		return nil, l.explain(err)
	}
	client := agent.NewClient(conn)
	client.Patience = l.Patience
	return client, nil
}

// explain adds the kernel's last words to an error that means its end.
func (l *Lab) explain(err error) error {
	switch {
	case errors.Is(err, agent.ErrStuck):
		return fmt.Errorf("lab %s: %w: a program in it may spin without letting time pass; its console ends with%s",
			l.Name, err, quote(l.engine.LastWords()))
	case errors.Is(err, agent.ErrGone):
		return fmt.Errorf("lab %s: %w%s", l.Name, err, quote(l.engine.LastWords()))
	}
	return err
}

func quote(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return "\n    " + strings.Join(lines, "\n    ") + "\n"
}

// onEvent decodes each event into a T for tell.
func onEvent[T any](tell func(T)) func(json.RawMessage) {
	return func(raw json.RawMessage) {
		var v T
		if json.Unmarshal(raw, &v) == nil && tell != nil {
			tell(v)
		}
	}
}
