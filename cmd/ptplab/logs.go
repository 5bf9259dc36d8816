package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/engine/sim"
)

func logsCommand(a *app) *cobra.Command {
	var name string
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs [NODE]",
		Short: "Print what ptp4l and its like have said",
		Long: `Print what the processes of a node, or of all nodes, have said. With -f, go on as
they say more, and let the lab's time pass as fast as here. Of a worker that is a
node of a cluster, it is the log of its linuxptp-daemon pod: each line begins with
the name of its container.` + exitNote,
		Example: `  ptplab logs w1
  ptplab logs -f`,
		Args:              between(0, 1),
		ValidArgsFunction: completeNodes,
		RunE: func(cmd *cobra.Command, args []string) error {
			node := ""
			if len(args) == 1 {
				node = args[0]
			}
			p := &logPrinter{out: a.stdout, withNode: node == ""}
			if follow {
				return a.followLogs(cmd.Context(), name, node, p)
			}
			return a.inLab(name, cmd, func(ctx context.Context, l *lab.Lab) error { return printLogs(ctx, l, node, p) })
		},
	}
	labFlag(cmd, &name)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on as there is more")
	return cmd
}

// followLogs prints lines until it is interrupted, those of each second at its end. Where time does not pass by itself, a
// second passes each second. In between the lab is free for other commands.
func (a *app) followLogs(ctx context.Context, name, node string, p *logPrinter) error {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var known overlap
	stop := func() {}
	defer func() { stop() }()
	pods := func(l *lab.Lab) (err error) {
		stop, err = followPods(ctx, l, node, p)
		return err
	}
	for {
		err := a.followOnce(ctx, name, node, p, &known, pods)
		if ctx.Err() != nil {
			return errStopped()
		}
		if err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return errStopped()
		}
	}
}

// followOnce prints what is new, and the first time lets pods be followed.
func (a *app) followOnce(ctx context.Context, name, node string, p *logPrinter, known *overlap, pods func(*lab.Lab) error) error {
	l, err := a.open(name, "logs -f")
	if is[*lab.BusyError](err) && known.begun() {
		return nil // its turn comes
	}
	if err != nil {
		return err
	}
	defer l.Close()
	if err := knowsNode(l.Plan, node); err != nil {
		return err
	}
	if !known.begun() {
		if err := pods(l); err != nil {
			return err
		}
	}
	var lines []lab.LogLine
	args := lab.LogsArgs{Node: node}
	if known.begun() && l.Time != sim.Real {
		args.Follow = tick
	}
	if isPod(l.Plan, node) {
		err = mustRun(l)
	} else {
		err = l.Logs(ctx, args, func(line lab.LogLine) { lines = append(lines, line) })
	}
	for _, line := range known.news(lines) {
		p.print(line)
	}
	return errors.Join(err, p.failed())
}

// logPrinter prints log lines and keeps the first error. Several goroutines may print.
type logPrinter struct {
	out      io.Writer
	withNode bool

	mu  sync.Mutex
	err error
}

func (p *logPrinter) print(l lab.LogLine) { p.line(l.Node, "", l.Text) }

// line prints a line of a node, and of one of its containers unless container is empty.
func (p *logPrinter) line(node, container, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return
	}
	prefix := ""
	if p.withNode {
		prefix = fmt.Sprintf("%-4s ", node)
	}
	if container != "" {
		prefix += fmt.Sprintf("%-25s ", container)
	}
	_, p.err = fmt.Fprintf(p.out, "%s%s\n", prefix, text)
}

func (p *logPrinter) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// overlap finds what is new in lines that begin with lines that are known already, for each node by itself.
type overlap struct{ last map[string][]lab.LogLine }

// overlapLines is how many lines must agree to be the same place.
const overlapLines = 50

func (o *overlap) begun() bool { return o.last != nil }

// news are the lines that come after those that were known.
func (o *overlap) news(lines []lab.LogLine) []lab.LogLine {
	perNode := map[string][]lab.LogLine{}
	for _, l := range lines {
		perNode[l.Node] = append(perNode[l.Node], l)
	}
	skip := map[string]int{}
	for node, all := range perNode {
		skip[node] = after(all, o.last[node])
	}
	if o.last == nil {
		o.last = map[string][]lab.LogLine{}
	}
	for node, all := range perNode {
		o.last[node] = all[max(0, len(all)-overlapLines):]
	}
	var fresh []lab.LogLine
	for _, l := range lines {
		if skip[l.Node] > 0 {
			skip[l.Node]--
			continue
		}
		fresh = append(fresh, l)
	}
	return fresh
}

// after is the index in all that follows the known lines, 0 where they are not there any more.
func after(all, known []lab.LogLine) int {
	for end := len(all); end >= len(known) && len(known) > 0; end-- {
		match := true
		for i := range known {
			if all[end-len(known)+i] != known[i] {
				match = false
				break
			}
		}
		if match {
			return end
		}
	}
	return 0
}
