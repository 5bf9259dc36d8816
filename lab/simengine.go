package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/ptplab/ptplab/lab/agent"
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

// Dial returns when the agent has greeted, that is, when it has finished with earlier callers. One that does not in
// patience is stuck; 0 waits for ever.
func (e *simEngine) Dial(ctx context.Context, patience time.Duration) (net.Conn, error) {
	conn, err := e.machine.Dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if patience > 0 {
		conn.SetReadDeadline(time.Now().Add(patience))
	}
	if _, err := io.ReadFull(conn, make([]byte, len(greeting))); err != nil {
		conn.Close()
		switch cause := context.Cause(ctx); {
		case cause != nil:
			return nil, cause
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, fmt.Errorf("%w for %s", agent.ErrStuck, patience)
		case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
			return nil, agent.ErrGone
		}
		return nil, fmt.Errorf("the lab kernel does not answer: %w", err)
	}
	return conn, nil
}
