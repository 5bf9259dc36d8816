//go:build lab

package system_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/ptplab/ptplab/cmd/ptplab/system"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/topology"
)

// TestMain makes this test binary the init of the labs that it boots, as ptplab is of its own.
func TestMain(m *testing.M) {
	if sim.InGuest() {
		lab.RunGuest()
	}
	m.Run()
}

// load reads one of the topologies that come with ptplab.
func load(t *testing.T, name string) *topology.Plan {
	t.Helper()
	top, err := topology.Load(filepath.Join("..", "..", "..", "topologies", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return topology.Expand(top, topology.Base{})
}

// boot makes a lab in a home of its own and takes it away when the test ends or down is called. Its clocks have locked.
func boot(t *testing.T, plan *topology.Plan) (s *system.System, down func()) {
	t.Helper()
	home := lab.Home{Dir: t.TempDir()}
	_, err := lab.Up(t.Context(), home, lab.UpOptions{Plan: plan, OnStep: func(lab.StepEvent) {}})
	if err != nil {
		t.Fatalf("up %s: %v", plan.Name, err)
	}
	var l *lab.Lab
	down = func() {
		if l == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := l.Close(); err != nil {
			t.Errorf("give lab %s back: %v", plan.Name, err)
		}
		l = nil
		if _, err := lab.Down(ctx, home, plan.Name); err != nil {
			t.Errorf("down %s: %v", plan.Name, err)
		}
	}
	t.Cleanup(down)
	if l, err = lab.Open(home, plan.Name, "test"); err != nil {
		t.Fatalf("open %s: %v", plan.Name, err)
	}
	return system.New(l, l.Plan), down
}
