package main

import (
	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab/topology"
)

func graphCommand(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "graph TOPOLOGY",
		Short: "Draw a topology file as mermaid or dot",
		Long:  "Draw what a topology file makes, as text for mermaid or graphviz.",
		Example: `  ptplab graph topologies/dnbc.yaml
  ptplab graph topologies/dnbc.yaml --format dot | dot -Tsvg >dnbc.svg`,
		Args:              between(1, 1),
		ValidArgsFunction: completeTopologies,
		RunE: func(_ *cobra.Command, args []string) error {
			if format != "mermaid" && format != "dot" {
				return usageErrorf("format %q: there are mermaid and dot", format)
			}
			plan, err := loadPlan(args[0])
			if err != nil {
				return err
			}
			if format == "dot" {
				return topology.DOT(a.stdout, plan)
			}
			return topology.Mermaid(a.stdout, plan)
		},
	}
	cmd.Flags().StringVar(&format, "format", "mermaid", "`language` of the drawing, mermaid or dot")
	completeFlag(cmd, "format", "mermaid", "dot")
	return cmd
}
