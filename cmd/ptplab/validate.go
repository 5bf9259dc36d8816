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
