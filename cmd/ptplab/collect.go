package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/lab"
)

// collectLimit is how long collect may take unless told otherwise.
const collectLimit = 30 * time.Minute

// collectFlags are the options of collect.
type collectFlags struct {
	lab      string
	captures []string
	filter   string
	force    bool
	timeout  time.Duration
}

func collectCommand(a *app) *cobra.Command {
	var f collectFlags
	cmd := &cobra.Command{
		Use:   "collect [FILE.tar.gz]",
		Short: "Write all that tells of a lab to one file",
		Long: `Write all that tells how the lab is, and how it came to be so, to a compressed tar
file, for a report or to look at later, and print its name; without FILE, it is
ptplab-LAB-TIME.tar.gz in this directory. What cannot be collected is told at the
end and in the file; the rest is in it all the same, and the exit status is 1. The
data of secrets is never in it. In the file, all is in a folder ptplab-LAB:

` + layoutText() + exitNote,
		Example: `  ptplab collect
  ptplab collect broken.tar.gz --pcap w1/ens1f0:10s`,
		Args: between(0, 1),
		ValidArgsFunction: cobra.FixedCompletions([]string{"tar.gz", "tgz"},
			cobra.ShellCompDirectiveFilterFileExt),
		RunE: func(cmd *cobra.Command, args []string) error { return a.collect(cmd, f, args) },
	}
	labFlag(cmd, &f.lab)
	cmd.Flags().StringArrayVar(&f.captures, "pcap", nil, "capture what a port sends and receives, `PORT:DURATION`; may be repeated: one after the other")
	cmd.Flags().StringVar(&f.filter, "pcap-filter", "", "`filter` of tcpdump for --pcap, or all; default the frames of PTP")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace FILE if it is there")
	timeoutFlag(cmd, &f.timeout, collectLimit)
	return cmd
}

// layoutText lists the folders of a collection, with lines that a terminal shows whole.
func layoutText() string {
	const indent = 16
	var lines []string
	for _, entry := range lab.CollectLayout() {
		name := entry[0]
		for _, line := range wrap(entry[1], lineWidth-indent-4) {
			lines = append(lines, fmt.Sprintf("  %-*s %s", indent, name, line))
			name = ""
		}
	}
	return strings.Join(lines, "\n")
}

// collector is what collect needs of a lab.
type collector interface {
	Collect(ctx context.Context, w io.Writer, o lab.CollectOptions) ([]*lab.CollectError, error)
}

func (a *app) collect(cmd *cobra.Command, f collectFlags, args []string) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	return a.inLab(f.lab, cmd, func(ctx context.Context, l *lab.Lab) error {
		path := fmt.Sprintf("ptplab-%s-%s.tar.gz", l.Name, time.Now().Format("20060102-150405"))
		if len(args) == 1 {
			path = args[0]
		}
		ctx, cancel := withTimeout(ctx, f.timeout)
		defer cancel()
		return ended(ctx, a.collectTo(ctx, l, path, f.force, o))
	})
}

// options are what is asked of the library.
func (f collectFlags) options() (o lab.CollectOptions, err error) {
	for _, text := range f.captures {
		capture, err := lab.ParseCapture(text)
		if err != nil {
			return o, usageErrorf("--pcap %s: %w", text, err)
		}
		o.Captures = append(o.Captures, capture)
	}
	switch f.filter {
	case "":
		o.Filter = lab.PTPFilter
	case "all":
	default:
		o.Filter = f.filter
	}
	return o, nil
}

// collectTo collects into a file that gets its name when it is whole.
func (a *app) collectTo(ctx context.Context, from collector, path string, force bool, o lab.CollectOptions) error {
	if err := mayWrite(path, force); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(file.Name()) // which is gone if all went well
	a.talk.Begin("collect", talk.Wait)
	o.Tell = func(part string) { a.talk.Update(part, 0, 0) }
	faults, err := from.Collect(ctx, file, o)
	a.talk.End("")
	if err := errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	if err := publish(file.Name(), path, force); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(a.stdout, path); err != nil {
		return err
	}
	return collectFaults(faults)
}

// mayWrite says early what publish would say at the end.
func mayWrite(path string, force bool) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return usageErrorf("%s is a directory; name a file", path)
	case !force:
		return existsError(path)
	}
	return nil
}

func existsError(path string) error {
	return usageErrorf("%s is there already; replace it with --force", path)
}

// publish gives a file its name. Without force, one that has it stays.
func publish(temporary, path string, force bool) error {
	if force {
		return os.Rename(temporary, path)
	}
	err := os.Link(temporary, path) // which, unlike a rename, replaces nothing
	if errors.Is(err, fs.ErrExist) {
		return existsError(path)
	}
	if err != nil { // a file system without links
		if err := mayWrite(path, force); err != nil {
			return err
		}
		return os.Rename(temporary, path)
	}
	return nil
}

// collectFaults is the error of what could not be collected, nil if all was.
func collectFaults(faults []*lab.CollectError) error {
	if len(faults) == 0 {
		return nil
	}
	var all []error
	for _, f := range faults {
		all = append(all, errors.New(f.Error())) // whatever was behind it, it is this command's own failure
	}
	all = append(all, fmt.Errorf("%s could not be collected; the rest is in the file", plural(len(faults), "part")))
	return errors.Join(all...)
}
