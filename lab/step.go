package lab

import (
	"context"
	"errors"
	"fmt"
)

// A Step makes one part of a lab. Each method may be called in any state, any number of times.
type Step interface {
	Name() string
	Observe(ctx context.Context) (State, error) // what exists now; changes nothing
	Apply(ctx context.Context) error            // bring the part to what the topology asks for
	Remove(ctx context.Context) error           // delete what carries the lab's mark; never reads the topology
}

// State is how much of a step's part exists.
type State struct {
	Have int    `json:"have"` // pieces that are as they should be
	Want int    `json:"want"` // pieces that the topology asks for
	Note string `json:"note,omitempty"`
}

// Done says that the part is as it should be.
func (s State) Done() bool { return s.Have >= s.Want }

// String is "9 of 9" or "9 of 9, note".
func (s State) String() string {
	text := fmt.Sprintf("%d of %d", s.Have, s.Want)
	if s.Note != "" {
		text += ", " + s.Note
	}
	return text
}

// StepEvent is one thing that happened to one step.
type StepEvent struct {
	Step  string `json:"step"`
	Event string `json:"event"` // one of the Step... constants
	State State  `json:"state"`
}

// What can happen to a step.
const (
	StepReady    = "ready"    // it was as it should be
	StepMissing  = "missing"  // a dry run would make it
	StepMaking   = "making"   // it is being made; State tells how far
	StepMade     = "made"     // it has been made
	StepRemoving = "removing" // it is being taken away
	StepRemoved  = "removed"  // it has been taken away
)

// Steps is a lab as the list of its parts, in the order in which they are made.
type Steps []Step

// Observe tells the state of each step.
func (l Steps) Observe(ctx context.Context, tell func(StepEvent)) error {
	for _, s := range l {
		state, err := s.Observe(ctx)
		if err != nil {
			return fmt.Errorf("look at %s: %w", s.Name(), err)
		}
		event := StepReady
		if !state.Done() {
			event = StepMissing
		}
		tell(StepEvent{s.Name(), event, state})
	}
	return nil
}

// Apply makes what is not as it should be. It returns the steps of which nothing was there before, also when it fails:
// those may be removed to undo it. A step that was there in part is not this run's to take away.
func (l Steps) Apply(ctx context.Context, tell func(StepEvent)) (touched Steps, err error) {
	for _, s := range l {
		state, err := s.Observe(ctx)
		if err != nil {
			return touched, fmt.Errorf("look at %s: %w", s.Name(), err)
		}
		if state.Done() {
			tell(StepEvent{s.Name(), StepReady, state})
			continue
		}
		tell(StepEvent{s.Name(), StepMaking, state})
		if state.Have == 0 {
			touched = append(touched, s)
		}
		if err := s.Apply(ctx); err != nil {
			return touched, fmt.Errorf("make %s: %w", s.Name(), err)
		}
		if state, err = s.Observe(ctx); err != nil {
			return touched, fmt.Errorf("look at %s: %w", s.Name(), err)
		}
		if !state.Done() {
			return touched, fmt.Errorf("make %s: it is %s after all was done", s.Name(), state)
		}
		tell(StepEvent{s.Name(), StepMade, state})
	}
	return touched, nil
}

// Remove takes the steps away, last first. It goes on after a failure and returns all of them.
func (l Steps) Remove(ctx context.Context, tell func(StepEvent)) error {
	var faults []error
	for i := len(l) - 1; i >= 0; i-- {
		tell(StepEvent{Step: l[i].Name(), Event: StepRemoving})
		if err := l[i].Remove(ctx); err != nil {
			faults = append(faults, fmt.Errorf("remove %s: %w", l[i].Name(), err))
			continue
		}
		tell(StepEvent{Step: l[i].Name(), Event: StepRemoved})
	}
	return errors.Join(faults...)
}
