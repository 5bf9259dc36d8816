// Command kubernetes is every program of a Kubernetes node in one: the name by which it is called says which. One
// program instead of ten is a quarter of the size, and its pages are in memory once.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/lab/image/node/programs/crictl"
	"github.com/ptplab/ptplab/lab/image/node/programs/podnet"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register" // the log format json
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

func main() {
	programs := map[string]func() int{
		"coredns":                 runCoreDNS,
		"crictl":                  crictl.Main,
		"etcd":                    func() int { etcdmain.Main(os.Args); return 0 },
		"kube-apiserver":          func() int { return runCommand(apiserver.NewAPIServerCommand()) },
		"kube-controller-manager": func() int { return runCommand(controllers.NewControllerManagerCommand()) },
		"kube-proxy":              func() int { return runCommand(proxy.NewProxyCommand()) },
		"kube-scheduler":          func() int { return runCommand(scheduler.NewSchedulerCommand()) },
		"kubeadm":                 runKubeadm,
		"kubectl":                 runKubectl,
		"kubelet":                 func() int { return runCommand(kubelet.NewKubeletCommand(context.Background())) },
		"podnet":                  podnet.Main,
	}
	name := filepath.Base(os.Args[0])
	run, ok := programs[name]
	if !ok {
		var names []string
		for known := range programs {
			names = append(names, known)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "%s: call it by the name of one of its programs: %s\n", name, strings.Join(names, ", "))
		os.Exit(2)
	}
	os.Exit(run())
}

func runCommand(command *cobra.Command) int { return cli.Run(command) }

func runKubeadm() int {
	if err := kubeadm.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func runKubectl() int {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err) // prints it as kubectl does, and ends
		return 1
	}
	return 0
}
