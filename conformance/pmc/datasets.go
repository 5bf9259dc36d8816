package pmc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ptplab/ptplab/conformance/sut"
)

// State is what an instance says of its place in the synchronization tree.
type State struct {
	ClockIdentity       string // own identity, "001122.fffe.330a02"; defaultDS, IEEE 1588-2019 8.2.1
	Domain              int    // domainNumber, defaultDS
	StepsRemoved        int    // boundary clocks and last hop up to the grandmaster; currentDS, 8.2.2
	ParentIdentity      string // clockIdentity of parentPortIdentity, the instance it listens to; parentDS, 8.2.3
	GrandmasterIdentity string // parentDS
	GrandmasterClass    int    // clockClass of the grandmaster, parentDS
}

// ReadState asks an instance for its default, current and parent data sets.
func ReadState(ctx context.Context, r Runner, i sut.Instance) (State, error) {
	answers, err := Get(ctx, r, i, "DEFAULT_DATA_SET", "CURRENT_DATA_SET", "PARENT_DATA_SET")
	if err != nil {
		return State{}, err
	}
	var state State
	err = errors.Join(
		readDefault(answers["DEFAULT_DATA_SET"][0], &state),
		readCurrent(answers["CURRENT_DATA_SET"][0], &state),
		readParent(answers["PARENT_DATA_SET"][0], &state),
	)
	if err != nil {
		return State{}, fmt.Errorf("answer of %s: %w", i, err)
	}
	return state, nil
}

func readDefault(r Response, s *State) (err error) {
	if s.ClockIdentity, err = r.text("clockIdentity"); err != nil {
		return err
	}
	s.Domain, err = r.number("domainNumber")
	return err
}

func readCurrent(r Response, s *State) (err error) {
	s.StepsRemoved, err = r.number("stepsRemoved")
	return err
}

func readParent(r Response, s *State) error {
	parent, err := r.text("parentPortIdentity")
	if err != nil {
		return err
	}
	identity, _, ok := strings.Cut(parent, "-")
	if !ok {
		return fmt.Errorf("%s: parentPortIdentity %q has no port number", r.TLV, parent)
	}
	s.ParentIdentity = identity
	if s.GrandmasterIdentity, err = r.text("grandmasterIdentity"); err != nil {
		return err
	}
	s.GrandmasterClass, err = r.number("gm.ClockClass")
	return err
}
