// Package system makes a lab of plain nodes the system under test of the conformance suite.
package system

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/topology"
)

// Lab is what a System needs of a lab; *lab.Lab has it.
type Lab interface {
	Run(ctx context.Context, d time.Duration) (time.Time, error)
	Exec(ctx context.Context, args lab.ExecArgs, stdout, stderr io.Writer) (int, error)
	Metrics(ctx context.Context, node string) (string, error)
	Link(ctx context.Context, port topology.PortRef, up bool) error
	SetCable(ctx context.Context, port topology.PortRef, c topology.Cable) error
	SetClock(ctx context.Context, port topology.PortRef, ns int64) error
	Truth(ctx context.Context, args lab.TruthArgs) ([]lab.TrueError, error)
	Logs(ctx context.Context, args lab.LogsArgs, tell func(lab.LogLine)) error
	Configs(ctx context.Context) (*lab.Configs, error)
	PutConfig(ctx context.Context, yaml []byte) error
	DeleteConfig(ctx context.Context, name string) error
	SetLabel(ctx context.Context, worker, key string, present bool) error
	Extra(ctx context.Context, name string, args, result any) error
	PutSecret(ctx context.Context, s lab.Secret) error
	DeleteSecret(ctx context.Context, name string) error
	Restart(ctx context.Context, worker string) error
	Ready(ctx context.Context, worker string) (lab.Readiness, error)
	Devices(ctx context.Context, worker string) ([]lab.Device, error)
	Loads(ctx context.Context, window time.Duration) ([]lab.Load, error)
}

// System is a lab as the suite sees it.
type System struct {
	lab  Lab
	plan *topology.Plan
}

// New makes a lab with a plan the system under test.
func New(l Lab, plan *topology.Plan) *System { return &System{l, plan} }

var (
	_ sut.System       = (*System)(nil)
	_ sut.Truth        = (*System)(nil)
	_ sut.Saboteur     = (*System)(nil)
	_ sut.Logs         = (*System)(nil)
	_ sut.Configurer   = (*System)(nil)
	_ sut.SecretKeeper = (*System)(nil)
	_ sut.Daemon       = (*System)(nil)
	_ sut.Unprivileged = (*System)(nil)
	_ sut.Devices      = (*System)(nil)
	_ sut.Loads        = (*System)(nil)
	_ l2.Discoverer    = (*System)(nil)
)

// Now is the lab's clock.
func (s *System) Now(ctx context.Context) (time.Time, error) { return s.lab.Run(ctx, 0) }

// Sleep lets the lab's time pass.
func (s *System) Sleep(ctx context.Context, d time.Duration) error {
	_, err := s.lab.Run(ctx, d)
	return err
}

// Exec runs a program on a node.
func (s *System) Exec(ctx context.Context, node string, argv []string) (sut.Result, error) {
	var stdout, stderr bytes.Buffer
	exit, err := s.lab.Exec(ctx, lab.ExecArgs{Node: node, Command: argv}, &stdout, &stderr)
	return sut.Result{Stdout: stdout.String(), Stderr: stderr.String(), Exit: exit}, err
}

// Metrics are those of a node.
func (s *System) Metrics(ctx context.Context, node string) ([]byte, error) {
	text, err := s.lab.Metrics(ctx, node)
	return []byte(text), err
}

// SetLink plugs a cable in or out.
func (s *System) SetLink(ctx context.Context, port sut.PortRef, up bool) error {
	return s.lab.Link(ctx, ref(port), up)
}

// TrueError samples hardware clocks.
func (s *System) TrueError(ctx context.Context, ports []sut.PortRef, duration, interval time.Duration) ([]sut.Series, error) {
	args := lab.TruthArgs{Duration: duration, Interval: interval}
	for _, p := range ports {
		args.Ports = append(args.Ports, ref(p))
	}
	measured, err := s.lab.Truth(ctx, args)
	if err != nil {
		return nil, err
	}
	if len(measured) != len(ports) {
		return nil, fmt.Errorf("true errors of %d clocks for %d ports", len(measured), len(ports))
	}
	series := make([]sut.Series, len(ports))
	for i, m := range measured {
		if m.Port != ref(ports[i]) {
			return nil, fmt.Errorf("true errors of %s for %s", m.Port, ports[i])
		}
		series[i].Port = ports[i]
		for n, ns := range m.Samples {
			series[i].Samples = append(series[i].Samples, sut.Sample{At: time.Duration(n) * interval, ErrorNs: float64(ns)})
		}
	}
	return series, nil
}

// SetClockError steps a hardware clock.
func (s *System) SetClockError(ctx context.Context, port sut.PortRef, errorNs int64) error {
	return s.lab.SetClock(ctx, ref(port), errorNs)
}

// SetAsymmetry delays what a port sends by further ns than the topology says, and nothing of what it receives.
func (s *System) SetAsymmetry(ctx context.Context, port sut.PortRef, asymmetryNs int64) error {
	cable := s.plan.CableOf(ref(port))
	if cable == nil {
		return fmt.Errorf("asymmetry at %s: the port has no cable", port)
	}
	return s.lab.SetCable(ctx, ref(port), slower(*cable, ref(port), asymmetryNs))
}

// slower is a cable on which frames from one end take ns longer, and those from the other as long as before: half of
// ns goes into the delay, which counts both ways. Of an odd ns, 1 ns may go the other way.
func slower(c topology.Cable, from topology.PortRef, ns int64) topology.Cable {
	c.DelayNs += ns / 2
	if c.A == from {
		c.AsymmetryNs += ns
	} else {
		c.AsymmetryNs -= ns
	}
	return c
}

func ref(p sut.PortRef) topology.PortRef {
	return topology.PortRef{Owner: p.Node, Port: p.Interface}
}
