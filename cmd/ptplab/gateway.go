package main

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/engine/sim/gateway"
)

// gatewayCommand is the process that joins a lab's kernel to the network outside. ptplab up starts it; people do not.
func gatewayCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    sim.GatewayCommand,
		Hidden: true,
		Args:   cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := gateway.New(slog.New(slog.NewTextHandler(a.stderr, nil)))
			if err != nil {
				return err
			}
			return sim.RunGateway(cmd.Context(), server)
		},
	}
}
