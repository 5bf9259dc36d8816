package main

import (
	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/conformance/cluster"
)

// podCommand is what ptplab does in the pods that the suite starts in a cluster. People do not.
func podCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:                "pod",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return cluster.PodMain(cmd.Context(), args, a.stdout, a.stderr)
		},
	}
}
