package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/topology"
)

func downCommand(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "down [LAB|TOPOLOGY...]",
		Short: "Take labs away and leave nothing behind",
		Long: `Take labs away, by name or by topology file, and leave nothing behind. With one
lab, it need not be named. A lab that is not there is fine.` + exitNote,
		Example: `  ptplab down
  ptplab down dnbc
  ptplab down topologies/dnbc.yaml
  ptplab down --all`,
		ValidArgsFunction: completeLabsOrTopologies,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.down(cmd.Context(), args, all) },
	}
	cmd.Flags().BoolVar(&all, "all", false, "take all labs away")
	return cmd
}

func (a *app) down(ctx context.Context, args []string, all bool) error {
	home, err := lab.DefaultHome()
	if err != nil {
		return err
	}
	names, err := downNames(home, args, all)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		a.talk.Printf("there is no lab, nothing to do")
	}
	var faults []error
	for _, name := range names {
		a.talk.Begin("down "+name, talk.Wait)
		found, err := lab.Down(ctx, home, name)
		a.talk.End("")
		switch {
		case err != nil:
			faults = append(faults, err)
		case found:
			a.talk.Printf("lab %s is gone", name)
		default:
			a.talk.Printf("there is no lab %s, nothing to do", name)
		}
	}
	return errors.Join(faults...)
}

// downNames are the labs that the arguments mean.
func downNames(home lab.Home, args []string, all bool) ([]string, error) {
	if all && len(args) > 0 {
		return nil, usageErrorf("--all means every lab; leave out %s", strings.Join(args, " "))
	}
	if len(args) == 0 {
		names, err := home.Names()
		if err == nil && len(names) > 1 && !all {
			err = usageErrorf("there are %d labs: %s; name those to take away, or use --all", len(names), strings.Join(names, ", "))
		}
		return names, err
	}
	var names []string
	for _, arg := range args {
		name, err := labOf(arg)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// labOf is the lab that an argument means, a name or a topology file.
func labOf(arg string) (string, error) {
	if !isFile(arg) {
		if err := topology.CheckLabName(arg); err != nil {
			return "", usageErrorf("%w", err)
		}
		return arg, nil
	}
	t, err := topology.Load(arg)
	if err != nil {
		return "", &codeError{exitUsage, err}
	}
	return t.Name, nil
}

// isFile says whether an argument looks like a file and not like the name of a lab, which has no dot and no slash.
func isFile(arg string) bool {
	if strings.ContainsRune(arg, filepath.Separator) || strings.ContainsRune(arg, '.') {
		return true
	}
	info, err := os.Stat(arg)
	return err == nil && info.Mode().IsRegular() && topology.CheckLabName(arg) != nil
}
