package lab

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeStep is a step that writes down what is done to it.
type fakeStep struct {
	name                string
	state               State
	observeErr          error
	applyErr, removeErr error
	stays               bool // as it is, whatever Apply does
	did                 *[]string
}

func (s *fakeStep) Name() string { return s.name }

func (s *fakeStep) Observe(context.Context) (State, error) { return s.state, s.observeErr }

func (s *fakeStep) Apply(context.Context) error {
	*s.did = append(*s.did, "make "+s.name)
	if s.applyErr == nil && !s.stays {
		s.state.Have = s.state.Want
	}
	return s.applyErr
}

func (s *fakeStep) Remove(context.Context) error {
	*s.did = append(*s.did, "remove "+s.name)
	return s.removeErr
}

// journal collects the events of steps as "step event".
type journal []string

func (j *journal) tell(e StepEvent) { *j = append(*j, e.Step+" "+e.Event) }

func TestApplyMakesWhatIsMissingInOrder(t *testing.T) {
	var did []string
	steps := Steps{
		&fakeStep{name: "a", state: State{Have: 2, Want: 2}, did: &did},
		&fakeStep{name: "b", state: State{Have: 1, Want: 2}, did: &did},
		&fakeStep{name: "c", state: State{Want: 1}, did: &did},
	}
	var events journal
	touched, err := steps.Apply(t.Context(), events.tell)
	// b was there in part, before this run: it is not this run's to take away.
	if err != nil || len(touched) != 1 || touched[0].Name() != "c" {
		t.Fatalf("touched %v, %v", touched, err)
	}
	want := []string{"a ready", "b making", "b made", "c making", "c made"}
	if diff := cmp.Diff(want, []string(events)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"make b", "make c"}, did); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	did, events = nil, nil
	if touched, err := steps.Apply(t.Context(), events.tell); err != nil || len(touched) != 0 || len(did) != 0 {
		t.Errorf("a second Apply touched %d and did %q, %v", len(touched), did, err)
	}
}

// TestUndoOfWhatWasTouched is what up does when a step fails: the failed step goes too, what was there before stays,
// what comes later was never made.
func TestUndoOfWhatWasTouched(t *testing.T) {
	broken := errors.New("no such device")
	for name, set := range map[string]func(*fakeStep){
		"a step that fails":          func(s *fakeStep) { s.applyErr = broken },
		"a step that does not do it": func(s *fakeStep) { s.stays = true },
	} {
		t.Run(name, func(t *testing.T) {
			var did []string
			bad := &fakeStep{name: "c", state: State{Want: 3}, did: &did}
			set(bad)
			steps := Steps{
				&fakeStep{name: "a", state: State{Have: 1, Want: 1}, did: &did},
				&fakeStep{name: "b", state: State{Want: 1}, did: &did},
				bad,
				&fakeStep{name: "d", state: State{Want: 1}, did: &did},
			}
			var events journal
			touched, err := steps.Apply(t.Context(), events.tell)
			if err == nil || !strings.Contains(err.Error(), "make c") || bad.applyErr != nil && !errors.Is(err, broken) {
				t.Fatalf("error = %v, want that of c", err)
			}
			if bad.stays && !strings.Contains(err.Error(), "0 of 3") {
				t.Errorf("error = %v, want how far it is", err)
			}
			if err := touched.Remove(t.Context(), events.tell); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"make b", "make c", "remove c", "remove b"}, did); diff != "" {
				t.Errorf("done (-want +got):\n%s", diff)
			}
			want := []string{"a ready", "b making", "b made", "c making", "c removing", "c removed", "b removing", "b removed"}
			if diff := cmp.Diff(want, []string(events)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyStopsWhereItCannotSee(t *testing.T) {
	var did []string
	blind := errors.New("permission denied")
	steps := Steps{
		&fakeStep{name: "a", state: State{Want: 1}, did: &did},
		&fakeStep{name: "b", observeErr: blind, did: &did},
		&fakeStep{name: "c", state: State{Want: 1}, did: &did},
	}
	touched, err := steps.Apply(t.Context(), func(StepEvent) {})
	if !errors.Is(err, blind) || !strings.Contains(err.Error(), "look at b") || len(touched) != 1 {
		t.Errorf("touched %d, %v", len(touched), err)
	}
	if diff := cmp.Diff([]string{"make a"}, did); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
}

func TestRemoveGoesOnAfterFailures(t *testing.T) {
	var did []string
	first, second := errors.New("busy"), errors.New("gone astray")
	steps := Steps{
		&fakeStep{name: "a", did: &did, removeErr: first},
		&fakeStep{name: "b", did: &did},
		&fakeStep{name: "c", did: &did, removeErr: second},
		&fakeStep{name: "d", did: &did},
	}
	var events journal
	err := steps.Remove(t.Context(), events.tell)
	if !errors.Is(err, first) || !errors.Is(err, second) || !strings.Contains(err.Error(), "remove a: busy") {
		t.Errorf("error = %v, want both", err)
	}
	if diff := cmp.Diff([]string{"remove d", "remove c", "remove b", "remove a"}, did); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	want := []string{"d removing", "d removed", "c removing", "b removing", "b removed", "a removing"}
	if diff := cmp.Diff(want, []string(events)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestObserveChangesNothing(t *testing.T) {
	var did []string
	steps := Steps{
		&fakeStep{name: "a", state: State{Have: 1, Want: 1}, did: &did},
		&fakeStep{name: "b", state: State{Want: 1}, did: &did},
	}
	var events journal
	if err := steps.Observe(t.Context(), events.tell); err != nil || len(did) != 0 {
		t.Errorf("did %q, %v", did, err)
	}
	if diff := cmp.Diff([]string{"a ready", "b missing"}, []string(events)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
