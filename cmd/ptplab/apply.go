package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab"
)

func applyCommand(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "Replace the PtpConfig objects of the workers",
		Long: `Replace the PtpConfig objects of the lab's workers with those of a YAML file, or of
stdin for -. Each worker runs what is recommended for it, as in a cluster.` + exitNote,
		Example: `  ptplab apply ptpconfigs.yaml
  ptplab apply - <ptpconfigs.yaml`,
		Args: between(1, 1),
		ValidArgsFunction: cobra.FixedCompletions([]string{"yaml", "yml"},
			cobra.ShellCompDirectiveFilterFileExt),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := a.readFile(args[0])
			if err != nil {
				return usageErrorf("%w", err)
			}
			return a.inLab(name, cmd, func(ctx context.Context, l *lab.Lab) error {
				if err := l.Apply(ctx, text); err != nil {
					return err
				}
				a.talk.Printf("applied %s to the workers of lab %s", args[0], l.Name)
				return nil
			})
		},
	}
	labFlag(cmd, &name)
	return cmd
}

// maxConfig is the largest file of PtpConfig objects that is read, in bytes.
const maxConfig = 4 << 20

// readFile reads a file, or stdin for "-".
func (a *app) readFile(path string) ([]byte, error) {
	from := a.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxConfig+1))
	if err == nil && len(text) > maxConfig {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxConfig)
	}
	return text, err
}
