package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/lab"
)

// execFlags are the options of exec.
type execFlags struct {
	lab        string
	stdin, tty bool
}

func execCommand(a *app) *cobra.Command {
	var f execFlags
	cmd := &cobra.Command{
		Use:   "exec NODE [-i] [-t] -- COMMAND...",
		Short: "Run a command in a node",
		Long: `Run a command in a worker, switch or external grandmaster, as root, and return its
exit status. The lab's time passes while it runs; with -t, as fast as here.`,
		Example: `  ptplab exec w1 -- ethtool -T ens1f0
  ptplab exec sw1 -- ovs-vsctl show
  ptplab exec -it w1`,
		Args:              between(1, -1),
		ValidArgsFunction: completeNodes,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.exec(cmd, f, args) },
	}
	labFlag(cmd, &f.lab)
	cmd.Flags().BoolVarP(&f.stdin, "interactive", "i", false, "give it what comes on stdin")
	cmd.Flags().BoolVarP(&f.tty, "tty", "t", false, "give it a terminal; without a command, a shell")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return usageErrorf("%w; what belongs to the command in the node comes after --", err)
	})
	return cmd
}

func (a *app) exec(cmd *cobra.Command, f execFlags, args []string) error {
	e := lab.ExecArgs{Node: args[0], Command: args[1:]}
	if len(e.Command) == 0 {
		if !f.tty {
			return usageErrorf("no command to run in %s; write it after --, or ask for a shell with -it", e.Node)
		}
		e.Command = []string{"bash"}
	}
	if f.tty {
		return a.execTerminal(cmd, f, e)
	}
	if f.stdin {
		text, err := io.ReadAll(a.stdin)
		if err != nil {
			return fmt.Errorf("read stdin: %w", err)
		}
		e.Stdin = text
	}
	return a.inLab(f.lab, cmd, func(ctx context.Context, l *lab.Lab) error {
		return exitWith(l.Exec(ctx, e, a.stdout, a.stderr))
	})
}

// exitWith makes the exit status of a command in a node ours.
func exitWith(status int, err error) error {
	if err == nil && status != 0 {
		return &codeError{code: status}
	}
	return err
}

func (a *app) execTerminal(cmd *cobra.Command, f execFlags, e lab.ExecArgs) error {
	in, ok := a.stdin.(*os.File)
	if !ok || !isTerminal(in) {
		return usageErrorf("-t needs a terminal, and stdin is none; leave out -t")
	}
	return a.inLab(f.lab, cmd, func(ctx context.Context, l *lab.Lab) error {
		a.talk = &talk.Talk{} // the screen is the command's
		return exitWith(runTerminal(ctx, l, e, in, a.stdout, os.Getenv("TERM")))
	})
}
