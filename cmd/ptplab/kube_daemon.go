package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/ptplab/ptplab/lab/kube/daemon"
)

// daemonCommands are what the containers of a lab's linuxptp-daemon pods run. People do not.
func daemonCommands(a *app) []*cobra.Command {
	return []*cobra.Command{linuxptpDaemonCommand(a), eventProxyCommand(a)}
}

// The variables that the daemon set sets: upstream's, and whether all nodes have one CLOCK_REALTIME.
const (
	nodeVariable      = "NODE_NAME"
	namespaceVariable = "NAME_SPACE"
	sharedVariable    = "PTPLAB_SHARED_CLOCK"
)

func linuxptpDaemonCommand(a *app) *cobra.Command {
	var socket string
	cmd := &cobra.Command{
		Use:    "linuxptp-daemon",
		Short:  "Run on this node what the PtpConfigs of its cluster recommend",
		Hidden: true,
		Args:   cobra.NoArgs,
		Long: `Runs in a pod, in the network and process namespaces of a node: ptp4l, phc2sys and
ts2phc as the PtpConfigs of the cluster recommend, with metrics on port 9091,
/ready and /status on 8081. Prints what the programs print on stdout.

NODE_NAME and NAME_SPACE say which pod this is. PTPLAB_SHARED_CLOCK=1
says that all nodes share one CLOCK_REALTIME: then one of them steers it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needVariables(nodeVariable, namespaceVariable); err != nil {
				return err
			}
			log := a.podLog()
			klog.SetSlogLogger(log)
			config, err := rest.InClusterConfig()
			if err != nil {
				return fmt.Errorf("find the API server: %w", err)
			}
			client, err := dynamic.NewForConfig(config)
			if err != nil {
				return fmt.Errorf("client of %s: %w", config.Host, err)
			}
			return daemon.Run(cmd.Context(), daemon.Options{
				Node: os.Getenv(nodeVariable), Namespace: os.Getenv(namespaceVariable),
				SharedClock: os.Getenv(sharedVariable) == "1", Client: client, Socket: socket, Stdout: a.stdout, Log: log,
			})
		},
	}
	socketFlag(cmd, &socket)
	return cmd
}

func eventProxyCommand(a *app) *cobra.Command {
	o := daemon.ProxyOptions{}
	var port uint16
	var version, ignored string
	cmd := &cobra.Command{
		Use:    "cloud-event-proxy",
		Short:  "Serve the notification API of this node",
		Hidden: true,
		Args:   cobra.NoArgs,
		Long: `Runs in the pod of linuxptp-daemon and serves the notification API, version 2,
for what the daemon tells over a Unix socket. NODE_NAME says which node this is.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version != "2" && !strings.HasPrefix(version, "2.") {
				return usageErrorf("--api-version %s: only version 2 is served", version)
			}
			if err := needVariables(nodeVariable); err != nil {
				return err
			}
			o.Node, o.Address, o.Log = os.Getenv(nodeVariable), fmt.Sprintf(":%d", port), a.podLog()
			if err := daemon.NameProcess(cmd.Name()); err != nil {
				return err
			}
			return daemon.RunProxy(cmd.Context(), o)
		},
	}
	cmd.Flags().Uint16Var(&port, "api-port", 9043, "serve the API on this `port`")
	cmd.Flags().StringVar(&o.Store, "store-path", "/store", "keep the subscriptions in this `folder`")
	cmd.Flags().StringVar(&version, "api-version", "2.0", "the `version` of the API that is wanted")
	for _, name := range []string{"transport-host", "metrics-addr"} {
		cmd.Flags().StringVar(&ignored, name, "", "accepted because upstream's has it, and ignored")
	}
	socketFlag(cmd, &o.Socket)
	return cmd
}

func socketFlag(cmd *cobra.Command, socket *string) {
	cmd.Flags().StringVar(socket, "socket", daemon.Socket, "Unix `socket` between the daemon and the notification API")
}

// podLog is the log of a program in a pod, on stderr.
func (a *app) podLog() *slog.Logger {
	level := slog.LevelInfo
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
}

// needVariables checks that variables are set.
func needVariables(names ...string) error {
	var faults []error
	for _, name := range names {
		if os.Getenv(name) == "" {
			faults = append(faults, usageErrorf("%s is not set", name))
		}
	}
	return errors.Join(faults...)
}
