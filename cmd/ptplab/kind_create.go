package main

import (
	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab/kind"
)

// kindCreateCommand is the process in which kind makes the cluster of a lab. The lab's init starts it; people do not.
func kindCreateCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    kind.CreateCommand,
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return kind.RunCreate(a.stdin, a.stdout) },
	}
}
