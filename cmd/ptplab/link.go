package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/topology"
)

func linkCommand(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "link PORT up|down",
		Short: "Plug the cable of a port in or out",
		Long:  "Plug the cable of a port in or out. Both ends lose or get their carrier." + exitNote,
		Example: `  ptplab link w1/ens1f0 down
  ptplab link w1/ens1f0 up`,
		Args:              between(2, 2),
		ValidArgsFunction: completeLink,
		RunE: func(cmd *cobra.Command, args []string) error {
			port, err := parsePort(args[0])
			if err != nil {
				return err
			}
			if args[1] != "up" && args[1] != "down" {
				return usageErrorf("link %s %q: there are up and down", port, args[1])
			}
			return a.inLab(name, cmd, func(ctx context.Context, l *lab.Lab) error {
				if err := l.Link(ctx, port, args[1] == "up"); err != nil {
					return err
				}
				a.talk.Printf("the cable of %s is %s", port, map[string]string{"up": "plugged in", "down": "out"}[args[1]])
				return nil
			})
		},
	}
	labFlag(cmd, &name)
	return cmd
}

// parsePort reads a port as a user writes it, "w1/ens1f0".
func parsePort(s string) (topology.PortRef, error) {
	port, err := topology.ParsePortRef(s)
	if err != nil {
		return port, &codeError{exitUsage, err}
	}
	return port, nil
}
