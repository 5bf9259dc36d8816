package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab"
)

func selftestCommand(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:     "selftest",
		Short:   "Check the lab kernel's NICs and clocks",
		Long:    "Check each knob of the lab kernel's NICs and clocks, for those who change the kernel.",
		Example: "  ptplab selftest",
		Hidden:  true,
		Args:    between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.inLab(name, cmd, func(ctx context.Context, l *lab.Lab) error { return l.Selftest(ctx, a.stdout) })
		},
	}
	labFlag(cmd, &name)
	return cmd
}
