package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab"
)

func kubeconfigCommand(a *app) *cobra.Command {
	var name string
	var merge bool
	cmd := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of a kubeconfig for the lab's cluster",
		Long: `Print the path of a kubeconfig by which programs of this machine reach the cluster of a
lab that was made with --nodes kind. It is of use as long as the lab runs.

With --merge, its context is added to your own kubeconfig ($KUBECONFIG, or
~/.kube/config) under the name ptplab-LAB. Your current context stays as it is, and
ptplab down takes what was added away again.` + exitNote,
		Example: `  export KUBECONFIG=$(ptplab kubeconfig)
  kubectl --kubeconfig $(ptplab kubeconfig) get nodes
  ptplab kubeconfig --merge && kubectl --context ptplab-dnbc get pods -A`,
		Args: between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.inLab(name, cmd, func(ctx context.Context, l *lab.Lab) error { return a.kubeconfig(ctx, l, merge) })
		},
	}
	labFlag(cmd, &name)
	cmd.Flags().BoolVar(&merge, "merge", false, "add the lab's context to your own kubeconfig as well")
	return cmd
}

func (a *app) kubeconfig(ctx context.Context, l *lab.Lab, merge bool) error {
	path, err := l.Kubeconfig(ctx)
	if err != nil {
		return err
	}
	if merge {
		into, err := l.MergeKubeconfig(path)
		if err != nil {
			return err
		}
		a.talk.Printf("%s has the context %s now; your current context is as it was", into, l.KubeContext())
	}
	_, err = fmt.Fprintln(a.stdout, path)
	return err
}
