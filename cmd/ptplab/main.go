// Command ptplab makes PTP test labs, tests them and takes them away.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/ptplab/ptplab/cmd/ptplab/system"
	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/engine/sim"
)

func main() {
	if sim.InGuest() { // this binary is also the init of the lab's kernel
		lab.RunGuest(system.Extras()...)
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run does one command and returns its exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := untilInterrupted(ctx)
	defer stop()
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, talk: &talk.Talk{}}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	a.talk.Close()
	return a.conclude(ctx, err)
}

// untilInterrupted ends the context at Ctrl-C, at a request to terminate, and when the terminal goes away. A pipe
// that nobody reads any more gives an error to whoever writes to it, so that up can still clean up.
func untilInterrupted(ctx context.Context) (context.Context, func()) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(ctx, signals...)
	return ctx, func() { stop(); signal.Stop(pipe) }
}
