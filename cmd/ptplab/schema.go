package main

import (
	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab/topology"
)

func schemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "schema",
		Short:             "Print the JSON Schema of topology files",
		Long:              "Print the JSON Schema of topology files, with which editors complete and check them.",
		Example:           "  ptplab schema >topology.schema.json",
		Args:              between(0, 0),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			text, err := topology.Schema()
			if err != nil {
				return err
			}
			_, err = a.stdout.Write(text)
			return err
		},
	}
}
