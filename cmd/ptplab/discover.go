package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/conformance/arrange"
	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/settings"
)

func discoverCommand(a *app) *cobra.Command {
	var name string
	var timeout time.Duration
	var output formatValue
	cmd := &cobra.Command{
		Use:   "discover",
		Short: "Find out how the ports are cabled, and for which test modes",
		Long: `Let every port that looks physical send probe frames (ethertype 0x88B5) and listen
for those of the others and for PTP, and print what was heard: ports, LANs,
network cards, grandmasters. The table also says for which test modes the
cabling is good, and with which ports; and if for none, what is missing.`,
		Example: `  ptplab discover
  ptplab discover -o mermaid
  ptplab discover --kubeconfig ~/.kube/config --skip-interfaces eno1 -o json`,
		Args: between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := settings.Resolve(settings.Input{Flags: cmd.Flags(), LookupEnv: os.LookupEnv})
			if err != nil {
				return &codeError{exitUsage, err}
			}
			return a.inTarget(name, s, cmd, func(ctx context.Context, t *target) error {
				ctx, cancel := withTimeout(ctx, timeout)
				defer cancel()
				return a.discover(ctx, t, s, output.format)
			})
		},
	}
	labFlag(cmd, &name)
	suiteFlags(cmd, "kubeconfig", "nodes-selector", "skip-interfaces", "external-gm")
	timeoutFlag(cmd, &timeout, time.Minute)
	outputFlag(cmd, &output, "table", "json", "mermaid")
	return cmd
}

func (a *app) discover(ctx context.Context, t *target, s *settings.Settings, format string) error {
	a.talk.Begin("discover the ports of "+t.name, talk.Wait)
	graph, err := arrange.Discover(ctx, t, arrange.Options{Skip: s.SkipInterfaces, Generate: s.Generate()})
	a.talk.End("")
	if err != nil {
		return ended(ctx, err)
	}
	switch format {
	case "json":
		return graph.WriteJSON(a.stdout)
	case "mermaid":
		return graph.WriteMermaid(a.stdout)
	}
	if err := graph.WriteTable(a.stdout); err != nil {
		return err
	}
	return a.tellModes(ctx, graph, s.ExternalGrandmaster)
}

// tellModes prints for each mode the ports that it would use, or why the cabling does not give it.
func (a *app) tellModes(ctx context.Context, graph *l2.Graph, external bool) error {
	fmt.Fprintln(a.stdout)
	for _, mode := range ptpconfig.Modes() {
		if mode == ptpconfig.Discovery {
			continue
		}
		choice, err := arrange.Choose(ctx, graph, mode, external)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			fmt.Fprintln(a.stdout, hanging(string(mode)+": no. ", err.Error()))
			continue
		}
		fmt.Fprintln(a.stdout, hanging(string(mode)+": ", choice.Solution.String()))
	}
	return nil
}

// hanging is a paragraph whose further lines are indented.
func hanging(title, text string) string {
	lines := wrap(title+text, lineWidth-2)
	for i := range lines[1:] {
		lines[i+1] = "  " + lines[i+1]
	}
	out := lines[0]
	for _, l := range lines[1:] {
		out += "\n" + l
	}
	return out
}
