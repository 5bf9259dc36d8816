package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab/topology"
)

func validateCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "validate TOPOLOGY...",
		Short: "Check topology files and say what they make",
		Long:  "Check topology files, say everything that is wrong with them, or what they make." + exitNote,
		Example: `  ptplab validate topologies/dnbc.yaml
  ptplab validate topologies/*.yaml`,
		Args:              between(1, -1),
		ValidArgsFunction: completeTopologies,
		RunE: func(_ *cobra.Command, args []string) error {
			var all topology.Faults
			var others []error
			t := newTable("FILE", "LAB", ">WORKERS", ">NICS", ">PORTS", ">CABLES", ">VLANS")
			for _, file := range args {
				plan, err := loadPlan(file)
				var faults topology.Faults
				switch {
				case errors.As(err, &faults):
					all = append(all, faults...)
				case err != nil:
					others = append(others, err)
				default:
					s := sizeOf(plan)
					t.add(file, plan.Name, fmt.Sprint(s.workers), fmt.Sprint(s.nics), fmt.Sprint(s.ports), fmt.Sprint(s.cables), fmt.Sprint(s.vlans))
				}
			}
			if len(t.rows) > 1 {
				others = append(others, t.write(a.stdout))
			}
			if len(all) > 0 {
				others = append(others, all)
			}
			return errors.Join(others...)
		},
	}
}

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
