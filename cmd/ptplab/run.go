package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/lab"
)

func runCommand(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "run DURATION",
		Short: "Let the lab's time pass",
		Long: `Let so much of the lab's time pass and print what its clock says then. In virtual
time that takes seconds for an hour; in real time it waits.` + exitNote,
		Example: `  ptplab run 30s
  ptplab run 1h30m --lab dnbc`,
		Args:              between(1, 1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := time.ParseDuration(args[0])
			if err != nil || d <= 0 {
				return usageErrorf("duration %q: write a number with its unit, such as 30s, 5m or 1h30m", args[0])
			}
			return a.inLab(name, cmd, func(ctx context.Context, l *lab.Lab) error {
				a.talk.Begin("run "+args[0], talk.Wait)
				defer a.talk.End("")
				now, err := l.Run(ctx, d)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.stdout, now.UTC().Format(time.RFC3339Nano))
				return err
			})
		},
	}
	labFlag(cmd, &name)
	return cmd
}
