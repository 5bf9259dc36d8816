package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/ptplab/ptplab/lab/engine/sim"
)

// simEngine is a sim.Machine with what it is to boot.
type simEngine struct {
	machine sim.Machine
	spec    sim.Spec // of Boot
}

func (e *simEngine) Name() string                   { return "sim" }
func (e *simEngine) Running() (bool, error)         { return e.machine.Running() }
func (e *simEngine) Stop(ctx context.Context) error { return e.machine.Stop(ctx) }
func (e *simEngine) LastWords() []string            { return e.machine.LastWords() }
func (e *simEngine) ResidentKB() (int64, error)     { return e.machine.ResidentKB() }

func (e *simEngine) Boot(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program's file: %w", err)
	}
	cpu, err := sim.PickCPU()
	if err != nil {
		return err
	}
	e.spec.Binary, e.spec.CPU = self, cpu
	return e.machine.Boot(ctx, e.spec)
}

// Dial returns when the agent has greeted, that is, when it has finished with earlier callers.
func (e *simEngine) Dial(ctx context.Context) (net.Conn, error) {
	conn, err := e.machine.Dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := io.ReadFull(conn, make([]byte, len(greeting))); err != nil {
		conn.Close()
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, fmt.Errorf("the lab kernel does not answer: %w", err)
	}
	return conn, nil
}
