package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// between wants so many arguments; most below 0 means any number.
func between(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		usage := strings.TrimSuffix(cmd.UseLine(), " [flags]")
		if len(args) < least {
			return usageErrorf("something is missing; usage: %s", usage)
		}
		return usageErrorf("%q is one too many; usage: %s", args[most], usage)
	}
}

// oneOf wants arguments that are among the command's ValidArgs.
func oneOf(cmd *cobra.Command, args []string) error {
	if err := cobra.OnlyValidArgs(cmd, args); err != nil {
		return usageErrorf("%w; there are %s", err, strings.Join(cmd.ValidArgs, ", "))
	}
	return nil
}
