package lab

import (
	"context"
	"fmt"
	"slices"

	"github.com/ptplab/ptplab/lab/topology"
)

// Steps is the lab as the list of its parts, in the order in which they are made. The last one only waits, where there is
// anything to wait for.
func (w *World) Steps(plan *topology.Plan, stack Stack) Steps {
	p := part{world: w, plan: plan}
	network := Steps{&placesStep{p}, &nicsStep{p}, &cablesStep{p}, &switchesStep{p}}
	if !hasCluster(plan) {
		return append(network, &clocksStep{p}, &lockStep{p})
	}
	nodes := Steps{&dockerStep{p}, &nodeImageStep{p}, &clusterStep{p}}
	if stack == StackNone {
		return slices.Concat(nodes, network, Steps{&clocksStep{p}})
	}
	return slices.Concat(nodes, Steps{&stackStep{p}}, network, Steps{&clocksStep{p}, &configsStep{p}, &lockStep{p}})
}

// part is what all steps have.
type part struct {
	world *World
	plan  *topology.Plan
	told  func(State)
}

// piecewise is a step that tells of each piece that it has made.
type piecewise interface{ onPiece(func(State)) }

// sized is a step that knows how many pieces it would make, without looking.
type sized interface{ size() State }

func (p *part) onPiece(tell func(State)) { p.told = tell }

// made tells that have of want pieces are done.
func (p *part) made(have, want int) {
	if p.told != nil {
		p.told(State{Have: have, Want: want})
	}
}

// note tells how far a step is that has no pieces, and what it does.
func (p *part) note(text string, have, want int) {
	if p.told != nil {
		p.told(State{Have: have, Want: want, Note: text})
	}
}

// each does something with each piece and tells how far it is. It ends with ctx.
func each[T any](ctx context.Context, p *part, pieces []T, do func(context.Context, T) error) error {
	for i, piece := range pieces {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := do(ctx, piece); err != nil {
			return err
		}
		p.made(i+1, len(pieces))
	}
	return nil
}

// count is a State of the pieces for which ok says yes.
func count[T any](pieces []T, ok func(T) (bool, error)) (State, error) {
	s := State{Want: len(pieces)}
	for _, piece := range pieces {
		good, err := ok(piece)
		if err != nil {
			return s, err
		}
		if good {
			s.Have++
		}
	}
	return s, nil
}

// placesStep is the network and mount namespaces of workers, external grandmasters and switches.
type placesStep struct{ part }

func (s *placesStep) Name() string { return "namespaces" }
func (s *placesStep) size() State  { return State{Want: len(owners(s.plan))} }

func (s *placesStep) Observe(ctx context.Context) (State, error) {
	return count(owners(s.plan), func(o string) (bool, error) {
		if s.world.inContainer(s.plan, o) {
			return s.world.cluster.holds(ctx, s.world.place(o))
		}
		return s.world.place(o).exists()
	})
}

func (s *placesStep) Apply(ctx context.Context) error {
	if hasCluster(s.plan) {
		s.world.watchNodes(s.plan)
	}
	return each(ctx, &s.part, owners(s.plan), func(ctx context.Context, o string) error {
		if s.world.inContainer(s.plan, o) {
			return s.world.cluster.settle(ctx, s.world.place(o), nil)
		}
		if err := s.world.place(o).create(); err != nil {
			return fmt.Errorf("namespaces of %s: %w", o, err)
		}
		return nil
	})
}

func (s *placesStep) Remove(context.Context) error { return s.world.removePlaces() }
