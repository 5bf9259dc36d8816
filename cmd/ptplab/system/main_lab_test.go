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
		lab.RunGuest(system.Extras()...)
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

// opened is a lab in a home of its own.
type opened struct {
	home lab.Home
	plan *topology.Plan
	mode sim.Mode
	*lab.Lab
}

// boot makes a lab in a home of its own and takes it away when the test ends or down is called. Its clocks have locked.
func boot(t *testing.T, plan *topology.Plan) (s *system.System, down func()) {
	t.Helper()
	s, l := bootLab(t, plan)
	return s, func() { l.down(t) }
}

// bootLab is boot for tests that need the lab itself.
func bootLab(t *testing.T, plan *topology.Plan) (*system.System, *opened) {
	t.Helper()
	return bootIn(t, plan, sim.Virtual)
}

// bootIn is bootLab in a time mode.
func bootIn(t *testing.T, plan *topology.Plan, mode sim.Mode) (*system.System, *opened) {
	t.Helper()
	l := &opened{home: lab.Home{Dir: t.TempDir()}, plan: plan, mode: mode}
	t.Cleanup(func() { l.down(t) })
	l.up(t)
	return system.New(l.Lab, plan), l
}

// up makes the lab and opens it.
func (l *opened) up(t *testing.T) {
	t.Helper()
	if _, err := lab.Up(t.Context(), l.home, lab.UpOptions{Plan: l.plan, Time: l.mode, OnStep: func(lab.StepEvent) {}}); err != nil {
		t.Fatalf("up %s: %v", l.plan.Name, err)
	}
	again, err := lab.Open(l.home, l.plan.Name, "test")
	if err != nil {
		t.Fatalf("open %s: %v", l.plan.Name, err)
	}
	if l.Lab == nil {
		l.Lab = again
		return
	}
	*l.Lab = *again // systems that were made of it go on
}

// upAgain gives the lab back, as a second up needs it, and opens it again.
func (l *opened) upAgain(t *testing.T) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatalf("give lab %s back: %v", l.plan.Name, err)
	}
	l.up(t)
}

// down takes the lab away, once.
func (l *opened) down(t *testing.T) {
	if l.Lab == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	if err := l.Close(); err != nil {
		t.Errorf("give lab %s back: %v", l.plan.Name, err)
	}
	l.Lab = nil
	if _, err := lab.Down(ctx, l.home, l.plan.Name); err != nil {
		t.Errorf("down %s: %v", l.plan.Name, err)
	}
}
