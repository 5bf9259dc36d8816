package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab"
)

func statusCommand(a *app) *cobra.Command {
	var name string
	var watch bool
	var output formatValue
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell each port's role, offset and true error",
		Long: `Tell each port's PTP hardware clock, cable, role and state, the offset that ptp4l
believes in, and the true error, which only a lab knows. No time passes in the
lab, but with --watch it passes as fast as here.` + exitNote,
		Example: `  ptplab status
  ptplab status --watch
  ptplab status -o json | jq '.ports[] | select(.state == "HOLDOVER")'`,
		Args: between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if watch {
				return a.watchStatus(cmd.Context(), name, output.format)
			}
			return a.inLab(name, cmd, func(ctx context.Context, l *lab.Lab) error {
				s, err := l.Status(ctx)
				if err != nil {
					return err
				}
				a.talk.Printf("%s", statusHeadline(s))
				err = writeStatus(a.stdout, s, output.format)
				if output.format == "table" && len(s.Faults) > 0 {
					a.talk.Printf("%s", strings.TrimSuffix(faultLines(s), "\n"))
				}
				return err
			})
		},
	}
	labFlag(cmd, &name)
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "print it again each second and let the lab's time pass")
	outputFlag(cmd, &output, "table", "json", "yaml")
	return cmd
}

// writeStatus writes a status in one of the formats.
func writeStatus(w io.Writer, s *lab.Status, format string) error {
	switch format {
	case "json":
		return writeJSON(w, s)
	case "yaml":
		return writeYAML(w, s)
	}
	return statusTable(s).write(w)
}

// watchStatus prints the status each second until it is interrupted.
func (a *app) watchStatus(ctx context.Context, name, format string) error {
	source := func(ctx context.Context, first bool) (s *lab.Status, err error) {
		l, err := a.open(name, "status --watch")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		if !first {
			if err := passSecond(ctx, l); err != nil {
				return nil, err
			}
		}
		return l.Status(ctx)
	}
	w := &watcher{next: source, every: tick, format: format, out: a.stdout}
	if f, ok := a.stdout.(*os.File); ok && format == "table" && isTerminal(f) {
		w.screen = f
	}
	return w.run(ctx)
}

// statusHeadline is the lab in one line.
func statusHeadline(s *lab.Status) string {
	return fmt.Sprintf("lab %s, engine %s, %s time, %s", s.Name, s.Engine, s.Time, clockText(s.Now))
}

// faultLines are what is not as it should be, a line each.
func faultLines(s *lab.Status) string {
	var text strings.Builder
	for _, fault := range s.Faults {
		fmt.Fprintf(&text, "fault: %s\n", fault)
	}
	return text.String()
}
