package l2

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/ptplab/ptplab/conformance/wait"
)

// Main probes from the machine it runs on until ctx ends, and prints what it knows as JSON_REPORT lines: the inventory at once, then
// whenever something new was heard, and every so often even if not. It is the program of a DaemonSet's pod; cmd calls it with the
// arguments after the program's name. Its own talk goes to stderr.
//
// As with the l2discovery daemon, L2DISCOVERY_ALLIFS takes all interfaces and SKIP_INTERFACES leaves some alone. A flag wins.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	d, err := parseDaemon(args, os.Getenv, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	d.log = slog.New(slog.NewTextHandler(stderr, nil))
	return d.run(ctx, MachineClock{}, stdout)
}

// daemon is a prober that prints.
type daemon struct {
	node     string
	interval time.Duration // between probes
	every    time.Duration // between reports when nothing happens
	probes   int           // how many to send; 0 for no end
	deadline time.Duration // when to stop; 0 for never
	skip     Skip
	all      bool
	log      *slog.Logger
}

func parseDaemon(args []string, getenv func(string) string, stderr io.Writer) (daemon, error) {
	var d daemon
	if text := getenv("L2DISCOVERY_ALLIFS"); text != "" {
		all, err := strconv.ParseBool(text)
		if err != nil {
			return d, fmt.Errorf("L2DISCOVERY_ALLIFS=%q: want true or false", text)
		}
		d.all = all
	}
	d.skip = ParseSkip(getenv("SKIP_INTERFACES"))
	host, err := os.Hostname()
	if err != nil {
		return d, fmt.Errorf("name this node: %w", err)
	}
	flags := flag.NewFlagSet("l2", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&d.node, "node", host, "`name` of this node, for skipped interfaces such as w1/eth0")
	flags.DurationVar(&d.interval, "interval", time.Second, "`time` between probe frames")
	flags.DurationVar(&d.every, "every", 5*time.Second, "print a report at least so often")
	flags.IntVar(&d.probes, "probes", 0, "stop sending after so `many` probe frames; 0 for never")
	flags.DurationVar(&d.deadline, "deadline", 0, "stop after this `time`; 0 for never")
	flags.BoolVar(&d.all, "all-interfaces", d.all, "also take interfaces that do not look physical")
	flags.Func("skip", "leave these interfaces alone, `names` with commas between", func(text string) error {
		d.skip = ParseSkip(text)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return d, err
	}
	switch {
	case flags.NArg() > 0:
		return d, fmt.Errorf("there are no arguments, but got %q", flags.Arg(0))
	case d.interval <= 0 || d.every <= 0:
		return d, errors.New("-interval and -every must be more than 0")
	case d.probes < 0 || d.deadline < 0:
		return d, errors.New("-probes and -deadline must not be negative")
	}
	return d, nil
}

// run probes and prints until the deadline or the end of ctx, neither of which is an error. The last report is printed at the end.
func (d daemon) run(ctx context.Context, clock wait.Clock, stdout io.Writer) error {
	p, err := openProber(Node{Name: d.node}, d.skip, d.all, d.log)
	if err != nil {
		return err
	}
	defer p.close()
	start, err := clock.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the time to probe: %w", err)
	}
	printed, due := -1, start
	for now, sent := start, 0; ; sent++ {
		ended := ctx.Err() != nil || d.deadline > 0 && now.Sub(start) >= d.deadline
		report, news := p.snapshot()
		if news != printed || !now.Before(due) || ended {
			if err := WriteLine(stdout, report); err != nil {
				return err
			}
			printed, due = news, now.Add(d.every)
		}
		if ended {
			return nil
		}
		if d.probes == 0 || sent < d.probes {
			if err := p.send(); err != nil {
				d.log.Warn(err.Error())
			}
		}
		err := clock.Sleep(ctx, d.interval)
		if err == nil {
			now, err = clock.Now(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("probe: %w", err)
		}
	}
}
