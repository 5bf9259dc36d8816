package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/topology"
)

// Deadlines, in wall time. They are some times what the figures are to be, for loaded machines.
const (
	upLimit   = 10 * time.Minute
	runLimit  = 5 * time.Minute
	downLimit = time.Minute
)

// trial is one lab, made in a home of its own and measured while it is made and taken away.
type trial struct {
	e    *environment
	home lab.Home
	plan *topology.Plan
	up   time.Duration // how long it took to all clocks locked
}

// loadPlan reads one of the topology files.
func (e *environment) loadPlan(file string) (*topology.Plan, error) {
	t, err := topology.Load(filepath.Join(e.topologies, file))
	if err != nil {
		return nil, err
	}
	return topology.Expand(t, topology.Base{}), nil
}

// starPlan is a lab of n workers on one switch.
func starPlan(n int) (*topology.Plan, error) {
	t, err := topology.Parse(fmt.Sprintf("star-%d.yaml", n), topology.Star(n))
	if err != nil {
		return nil, err
	}
	return topology.Expand(t, topology.Base{}), nil
}

// try makes a lab, does something with it and takes it away, and returns how long down took.
func (e *environment) try(ctx context.Context, plan *topology.Plan, do func(context.Context, *trial) error) (down time.Duration, err error) {
	dir, err := os.MkdirTemp(e.dir, plan.Name+"-")
	if err != nil {
		return 0, err
	}
	t := &trial{e: e, home: lab.Home{Dir: filepath.Join(dir, "home")}, plan: plan}
	err = t.make(ctx)
	if err == nil {
		err = do(ctx, t)
	}
	down, downErr := t.takeAway(ctx)
	return down, errors.Join(err, downErr, os.RemoveAll(dir))
}

// make is the lab's up.
func (t *trial) make(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, upLimit, fmt.Errorf("up of %s took longer than %s", t.plan.Name, upLimit))
	defer cancel()
	begun := time.Now()
	at := begun
	_, err := lab.Up(ctx, t.home, lab.UpOptions{Plan: t.plan, Topology: t.plan.Name, OnStep: func(ev lab.StepEvent) {
		if ev.Event == lab.StepMade {
			now := time.Now()
			t.e.detail("%-14s %7.3f s, %s", ev.Step, now.Sub(at).Seconds(), ev.State)
			at = now
		}
	}})
	t.up = time.Since(begun)
	return err
}

// takeAway is the lab's down, also after an interrupt.
func (t *trial) takeAway(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downLimit)
	defer cancel()
	begun := time.Now()
	_, err := lab.Down(ctx, t.home, t.plan.Name)
	return time.Since(begun), err
}

// rate lets simulated time pass and returns how much of it goes by in a second of wall time, and in a second of CPU time,
// which tells what the lab could do on a machine that does nothing else.
func (t *trial) rate(ctx context.Context, simulated time.Duration) (wall, cpu float64, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runLimit, fmt.Errorf("%s of %s took longer than %s", simulated, t.plan.Name, runLimit))
	defer cancel()
	l, err := lab.Open(t.home, t.plan.Name, "bench")
	if err != nil {
		return 0, 0, err
	}
	defer l.Close()
	before, err := t.cpuSeconds()
	if err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	if _, err := l.Run(ctx, simulated); err != nil {
		return 0, 0, err
	}
	took := time.Since(begun).Seconds()
	after, err := t.cpuSeconds()
	return simulated.Seconds() / took, simulated.Seconds() / (after - before), err
}

// memory is what the lab takes on the host, MB.
func (t *trial) memory() (float64, error) {
	l, err := lab.Open(t.home, t.plan.Name, "bench")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	kb, err := l.ResidentKB()
	return float64(kb) * 1024 / 1e6, err
}
