package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/system"
	"github.com/ptplab/ptplab/conformance/report"
	"github.com/ptplab/ptplab/conformance/settings"
	"github.com/ptplab/ptplab/conformance/sut"
)

// target is what the suite looks at: a lab of this machine.
type target struct {
	sut.System
	name     string // "lab dnbc"
	isLab    bool
	programs string // a node to ask for the versions of its programs
	facts    []report.Fact
	close    func() error
}

// Unwrap is the system itself.
func (t *target) Unwrap() sut.System { return t.System }

// about says what was tested and with what.
func (t *target) about(ctx context.Context) []report.Fact {
	facts := append(t.facts, report.Fact{Name: "ptplab", Value: strings.TrimPrefix(buildVersion(debug.ReadBuildInfo()).String(), "ptplab ")})
	return append(facts, report.Programs(ctx, t, t.programs)...)
}

// inTarget opens what the suite is to look at for as long as a function needs it.
func (a *app) inTarget(labName string, s *settings.Settings, cmd *cobra.Command, do func(context.Context, *target) error) error {
	t, err := a.openTarget(labName, s, cmd)
	if err != nil {
		return err
	}
	return errors.Join(do(cmd.Context(), t), t.close())
}

func (a *app) openTarget(labName string, s *settings.Settings, cmd *cobra.Command) (*target, error) {
	l, err := a.open(labName, cmd.Name())
	if err != nil {
		return nil, err
	}
	return &target{
		System: system.New(l, l.Plan), name: "lab " + l.Name, isLab: true, programs: l.Plan.NICs[0].Owner, close: l.Close,
		facts: []report.Fact{
			{Name: "Lab", Value: fmt.Sprintf("%s, engine %s, %s time", l.Name, l.Engine, l.Time)},
			{Name: "Topology", Value: filepath.Base(l.Topology)},
		},
	}, nil
}
