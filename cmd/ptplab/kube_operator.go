package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/ptplab/ptplab/lab/kube/operator"
)

// operatorCommand is the PTP operator of a cluster's lab, in its pod. People do not call it.
func operatorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "ptp-operator",
		Short:  "Keep the PTP stack of a cluster",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(a.stderr, nil))
			klog.SetSlogLogger(log)
			config, err := rest.InClusterConfig()
			if err != nil {
				return fmt.Errorf("ptp-operator runs in a pod of a cluster: %w", err)
			}
			o, err := operator.New(config, operatorOptions(os.Getenv, log))
			if err != nil {
				return err
			}
			return o.Run(cmd.Context())
		},
	}
}

// operatorOptions are what the pod's variables say.
func operatorOptions(variable func(string) string, log *slog.Logger) operator.Options {
	return operator.Options{
		Namespace: variable("NAME_SPACE"), Identity: variable("POD_NAME"), Image: variable(operator.ImageVariable),
		SharedClock: variable(operator.SharedClockVariable) == "1", Log: log,
	}
}
