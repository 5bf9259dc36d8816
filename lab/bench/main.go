// Command bench measures how fast ptplab's labs are and how much memory they take, and prints a table.
//
//	go run ./lab/bench -json bench.json
//
// It runs at the top of the repository. A figure is the median of some repetitions; the load of the machine stands
// beside it, since it counts for as much as the code does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/engine/sim"
)

func main() {
	if sim.InGuest() { // the labs that this program makes boot it as their init
		lab.RunGuest()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:])
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(130)
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := parseFlags(args)
	if err != nil {
		return err
	}
	e, err := newEnvironment(ctx, o)
	if err != nil {
		return err
	}
	defer e.close()
	report := &Report{Machine: readMachine(), Repetitions: o.times}
	failed := e.measureAll(ctx, benches(), report)
	if len(report.Rows) == 0 {
		return errors.Join(failed, errors.New("nothing was measured"))
	}
	if err := report.print(os.Stdout); err != nil {
		return errors.Join(failed, err)
	}
	return errors.Join(failed, o.writeJSON(report))
}

// options are the flags.
type options struct {
	rows       *regexp.Regexp
	times      int
	json       string
	topologies string
	verbose    bool
}

func parseFlags(args []string) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	pattern := flags.String("run", "", "measure only rows whose name matches this `regexp`")
	flags.IntVar(&o.times, "n", 5, "how many `times` each row is measured")
	flags.StringVar(&o.json, "json", "", "write all that was measured to this `file` as well")
	flags.StringVar(&o.topologies, "topologies", "topologies", "the `folder` of the topology files")
	flags.BoolVar(&o.verbose, "v", false, "tell each measurement and the steps of each up")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 || o.times < 1 {
		return nil, errors.New("usage: bench [-run REGEXP] [-n TIMES] [-json FILE] [-v]")
	}
	var err error
	if o.rows, err = regexp.Compile(*pattern); err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	return o, nil
}

func (o *options) writeJSON(r *Report) error {
	if o.json == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(text, '\n'), 0o644)
}
