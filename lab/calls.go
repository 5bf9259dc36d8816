package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/topology"
)

// Status tells what the lab is now.
func (l *Lab) Status(ctx context.Context) (*Status, error) {
	var s Status
	if err := l.call(ctx, opStatus, nil, &s, nil); err != nil {
		return nil, err
	}
	s.Name, s.Engine, s.Time = l.Name, l.Engine, string(l.Time)
	return &s, nil
}

// Run lets d of the lab's time pass and returns its clock. In real time it waits.
func (l *Lab) Run(ctx context.Context, d time.Duration) (time.Time, error) {
	var now time.Time
	err := l.call(ctx, opRun, RunArgs{d}, &now, nil)
	return now, err
}

// Exec runs a command in a node and returns its exit status. The lab's time passes while it runs.
func (l *Lab) Exec(ctx context.Context, args ExecArgs, stdout, stderr io.Writer) (int, error) {
	var r ExecResult
	var werr error
	err := l.call(ctx, opExec, args, &r, onEvent(func(o Output) {
		_, err1 := stdout.Write(o.Stdout)
		_, err2 := stderr.Write(o.Stderr)
		werr = errors.Join(werr, err1, err2)
	}))
	return r.Exit, errors.Join(err, werr)
}

// Terminal runs a command in a node on a terminal of its own. For each input it gets a turn: the bytes are
// typed, the input's time passes, and what the command printed goes to screen. In time modes other than real,
// no time passes between turns. It ends when the command does.
func (l *Lab) Terminal(ctx context.Context, args ExecArgs, next func() (TerminalInput, error), screen io.Writer) (int, error) {
	if err := l.mustRun(); err != nil {
		return 0, err
	}
	client, err := l.dial(ctx)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	call, err := client.Start(ctx, opTerminal, args)
	if err != nil {
		return 0, l.explain(err)
	}
	var r ExecResult
	for {
		in, err := next()
		if err != nil {
			return 0, err
		}
		if err := call.Input(in); err != nil {
			return 0, l.explain(err)
		}
		raw, err := call.Next(&r)
		if errors.Is(err, io.EOF) {
			return r.Exit, nil
		}
		if err != nil {
			return 0, l.explain(err)
		}
		var o Output
		if err := json.Unmarshal(raw, &o); err != nil {
			return 0, err
		}
		if _, err := screen.Write(o.Stdout); err != nil {
			return 0, err
		}
	}
}

// Link plugs the cable of a port in or out. Both ends see it.
func (l *Lab) Link(ctx context.Context, port topology.PortRef, up bool) error {
	return l.call(ctx, opLink, LinkArgs{port, up}, nil, nil)
}

// SetCable changes delay, asymmetry, jitter and loss of the cable of a port until the next up.
func (l *Lab) SetCable(ctx context.Context, port topology.PortRef, c topology.Cable) error {
	return l.call(ctx, opCable, CableArgs{port, c}, nil, nil)
}

// SetClock steps the hardware clock of a port's NIC to an error of ns from ideal time.
func (l *Lab) SetClock(ctx context.Context, port topology.PortRef, ns int64) error {
	return l.call(ctx, opClock, ClockArgs{port, ns}, nil, nil)
}

// Truth samples the true time error of hardware clocks while the lab's time passes.
func (l *Lab) Truth(ctx context.Context, args TruthArgs) ([]TrueError, error) {
	var r []TrueError
	err := l.call(ctx, opTruth, args, &r, nil)
	return r, err
}

// Metrics is what a node's metrics endpoint serves, in Prometheus' text format.
func (l *Lab) Metrics(ctx context.Context, node string) (string, error) {
	var text string
	err := l.call(ctx, opMetrics, NodeArgs{node}, &text, nil)
	return text, err
}

// Logs tells the lines that the processes of a node, or of all, have printed, oldest first, and those that they
// print while follow passes.
func (l *Lab) Logs(ctx context.Context, args LogsArgs, tell func(LogLine)) error {
	return l.call(ctx, opLogs, args, nil, onEvent(tell))
}

// Apply replaces the PtpConfig objects of the lab's workers with those of a YAML text.
func (l *Lab) Apply(ctx context.Context, yaml []byte) error {
	return l.call(ctx, opApply, ApplyArgs{yaml}, nil, nil)
}

// Configs are the PtpConfig objects of the lab's workers and the labels of each worker, as they are now.
func (l *Lab) Configs(ctx context.Context) (*Configs, error) {
	var c Configs
	if err := l.call(ctx, opConfigs, nil, &c, nil); err != nil {
		return nil, err
	}
	return &c, nil
}

// PutConfig adds the PtpConfig objects of a YAML text to those of the lab's workers, or replaces those of the same name.
// Those that are not valid change nothing, and the error is a *RefusedError.
func (l *Lab) PutConfig(ctx context.Context, yaml []byte) error {
	return asRefused(l.call(ctx, opPutConfig, ApplyArgs{yaml}, nil, nil))
}

// DeleteConfig deletes a PtpConfig object of the lab's workers. One that does not exist is no error.
func (l *Lab) DeleteConfig(ctx context.Context, name string) error {
	return l.call(ctx, opDeleteConfig, NameArgs{name}, nil, nil)
}

// SetLabel puts a label with an empty value on a worker, or takes it away. What is recommended for it runs there then.
func (l *Lab) SetLabel(ctx context.Context, worker, key string, present bool) error {
	return l.call(ctx, opLabel, LabelArgs{worker, key, present}, nil, nil)
}

// PutSecret creates a secret or replaces the one of its name. One with a name or key that cannot be is a *RefusedError.
func (l *Lab) PutSecret(ctx context.Context, s Secret) error {
	return asRefused(l.call(ctx, opPutSecret, s, nil, nil))
}

// DeleteSecret deletes a secret. One that does not exist is no error.
func (l *Lab) DeleteSecret(ctx context.Context, name string) error {
	return l.call(ctx, opDeleteSecret, NameArgs{name}, nil, nil)
}

// Restart stops all that a worker runs and starts it anew, as a daemon's new pod would. It returns when the old programs
// have ended and the new ones been started.
func (l *Lab) Restart(ctx context.Context, worker string) error {
	return l.call(ctx, opRestart, NodeArgs{worker}, nil, nil)
}

// Ready is what a worker's /ready says.
func (l *Lab) Ready(ctx context.Context, worker string) (Readiness, error) {
	var r Readiness
	err := l.call(ctx, opReady, NodeArgs{worker}, &r, nil)
	return r, err
}

// Devices are the interfaces of a worker that make hardware time stamps.
func (l *Lab) Devices(ctx context.Context, worker string) ([]Device, error) {
	var all []Device
	err := l.call(ctx, opDevices, NodeArgs{worker}, &all, nil)
	return all, err
}

// Loads measures for a time how much CPU time the programs of each worker use. It is an *UnavailableError unless the
// lab's time is real.
func (l *Lab) Loads(ctx context.Context, window time.Duration) ([]Load, error) {
	var all []Load
	err := l.call(ctx, opLoads, RunArgs{window}, &all, nil)
	if agent.KindOf(err) == unavailable {
		err = &UnavailableError{err.Error()}
	}
	return all, err
}

// UnavailableError says that a lab cannot do something as it is.
type UnavailableError struct{ Reason string }

// Error is the reason.
func (e *UnavailableError) Error() string { return e.Reason }

// Extra does an operation that the lab's RunGuest was given, and puts what it returns into result.
func (l *Lab) Extra(ctx context.Context, name string, args, result any) error {
	raw, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("encode arguments of %s: %w", name, err)
	}
	return l.call(ctx, opExtra, ExtraArgs{name, raw}, result, nil)
}

// RefusedError says that an object is not valid, and so changed nothing.
type RefusedError struct{ Reason string }

// Error is the reason.
func (e *RefusedError) Error() string { return e.Reason }

// asRefused makes a *RefusedError of an error by which the lab turned an object down.
func asRefused(err error) error {
	if agent.KindOf(err) == refused {
		return &RefusedError{err.Error()}
	}
	return err
}

// Selftest checks the lab kernel's NICs and clocks, each knob of them, and tells each check.
func (l *Lab) Selftest(ctx context.Context, out io.Writer) error {
	return l.call(ctx, opSelftest, nil, nil, onEvent(func(o Output) { out.Write(o.Stdout) }))
}
