package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/topology"
)

func completionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the script by which a shell completes ptplab",
		Long:  "Print the script by which a shell completes commands, labs, nodes and ports.",
		Example: `  source <(ptplab completion bash)
  ptplab completion fish >~/.config/fish/completions/ptplab.fish`,
		Args:      cobra.MatchAll(between(1, 1), oneOf),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return cmd.Root().GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(a.stdout)
			}
			return cmd.Root().GenFishCompletion(a.stdout, true)
		},
	}
}

// completeFlag makes a flag complete to a few words.
func completeFlag(cmd *cobra.Command, flag string, words ...string) {
	complete := cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // no such flag
	}
}

// completeTopologies completes to topology files.
func completeTopologies(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeLabs completes to the labs that there are.
func completeLabs(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return labNames(), cobra.ShellCompDirectiveNoFileComp
}

func completeLabsOrTopologies(_ *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	names := slices.DeleteFunc(labNames(), func(n string) bool {
		return slices.Contains(args, n) || !strings.HasPrefix(n, start)
	})
	if len(names) == 0 {
		return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeNodes completes the first argument to the nodes of the lab.
func completeNodes(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	plan := labPlan(cmd)
	if len(args) > 0 || plan == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var nodes []string
	for _, n := range plan.NICs {
		if !slices.Contains(nodes, n.Owner) {
			nodes = append(nodes, n.Owner)
		}
	}
	return nodes, cobra.ShellCompDirectiveNoFileComp
}

// completeLink completes a port that has a cable, then up or down.
func completeLink(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch plan := labPlan(cmd); {
	case len(args) == 1:
		return []string{"up", "down"}, cobra.ShellCompDirectiveNoFileComp
	case len(args) > 1 || plan == nil:
		return nil, cobra.ShellCompDirectiveNoFileComp
	default:
		var ports []string
		for _, c := range plan.Cables {
			ports = append(ports, c.A.String(), c.B.String())
		}
		return ports, cobra.ShellCompDirectiveNoFileComp
	}
}

func labNames() []string {
	home, err := lab.DefaultHome()
	if err != nil {
		return nil
	}
	names, err := home.Names()
	if err != nil {
		return nil // completion has nobody to tell
	}
	return names
}

// labPlan is the plan of the lab that --lab names, or of the only one; nil if there is none.
func labPlan(cmd *cobra.Command) *topology.Plan {
	name := cmd.Flag("lab").Value.String()
	if name == "" {
		names := labNames()
		if len(names) != 1 {
			return nil
		}
		name = names[0]
	}
	home, err := lab.DefaultHome()
	if err != nil {
		return nil
	}
	record, err := home.Record(name)
	if err != nil {
		return nil
	}
	return record.Plan
}
