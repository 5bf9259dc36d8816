package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/lab/image/suite"
)

func imageSuiteCommand(a *app) *cobra.Command {
	var o suite.Options
	cmd := &cobra.Command{
		Use:   "suite FILE",
		Short: "Write a container image of the conformance suite",
		Long: `Write a container image of the conformance suite to a file that docker load and
podman load take, and print its digest. The image has this ptplab, certificates
and nothing else. A container of it runs ptplab test against the cluster of the
kubeconfig that is mounted at /tmp/config, and writes its reports to /output.` + exitNote,
		Example: `  ptplab image suite suite.tar && podman load -i suite.tar
  podman run -e PTP_TEST_MODE=OC -v ~/.kube/config:/tmp/config:Z \
      -v .:/output:Z localhost/ptplab-suite`,
		Args: between(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Program == "" {
				o.Version = buildVersion(debug.ReadBuildInfo()).Version
			}
			digest, err := suite.Write(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.stdout, digest)
			return err
		},
	}
	cmd.Flags().StringVar(&o.Tag, "tag", suite.DefaultTag, "`name` that the image gets when it is loaded")
	cmd.Flags().StringVar(&o.Program, "program", "", "put this `file` into the image, a ptplab for another machine, not the running one")
	cmd.Flags().StringVar(&o.CA, "ca", "", "`file` of certificates, PEM; default those of this system")
	return cmd
}
