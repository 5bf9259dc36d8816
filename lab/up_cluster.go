package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/engine/sim/gateway"
	"github.com/ptplab/ptplab/lab/kind"
	"github.com/ptplab/ptplab/lab/topology"
)

// What a lab with a cluster takes, MB. The host gives only what is touched.
const (
	clusterMB = 1536  // Docker and the control plane
	nodeMB    = 768   // each worker
	diskMB    = 24576 // the disk
)

// Stack is what looks after the clocks of a cluster's nodes.
type Stack string

// The stacks.
const (
	StackAgent Stack = "agent" // ptplab's own operator and daemon; also what "" stands for
	StackNone  Stack = "none"  // nothing: whoever made the lab deploys one
)

// hasCluster says whether the workers are nodes of a cluster.
func hasCluster(p *topology.Plan) bool { return p.Nodes == topology.NodesKind }

// defaultTime is how time passes in a new lab. A cluster has time limits of its own and is always busy with something:
// there is no idle time to skip.
func defaultTime(p *topology.Plan) sim.Mode {
	if hasCluster(p) {
		return sim.Real
	}
	return sim.Virtual
}

// kubeconfigName is the file of a lab's kubeconfig in its directory.
const kubeconfigName = "kubeconfig"

// opKubeconfig is the operation: nothing; ; []byte.
const opKubeconfig = "kubeconfig"

// NoClusterError says that the workers of a lab are no nodes of a cluster.
type NoClusterError struct{ Name string }

// Error tells how to get one.
func (e *NoClusterError) Error() string {
	return fmt.Sprintf("lab %s has plain workers and no cluster; make one with: ptplab up TOPOLOGY --nodes kind", e.Name)
}

// Kubeconfig is the path of a file by which programs of this machine reach the lab's cluster, with the lab's name as its only
// context.
func (l *Lab) Kubeconfig(ctx context.Context) (string, error) {
	if !hasCluster(l.Plan) {
		return "", &NoClusterError{l.Name}
	}
	var inside []byte
	if err := l.call(ctx, opKubeconfig, nil, &inside, nil); err != nil {
		return "", err
	}
	forward, err := l.engine.(*simEngine).machine.Gateway().Forward(ctx, gateway.Forward{Guest: fmt.Sprintf("%s:%d", gateway.Guest, kind.APIServerPort)})
	if err != nil {
		return "", err
	}
	outside, err := outsideConfig(inside, l.KubeContext(), forward.Local)
	if err != nil {
		return "", err
	}
	path := filepath.Join(l.dir(), kubeconfigName)
	return path, writeWhole(path, outside, 0o600)
}

// outsideConfig is a kubeconfig of kind's with one context of the given name, whose server is at an address of this
// machine.
func outsideConfig(inside []byte, name, address string) ([]byte, error) {
	config, err := clientcmd.Load(inside)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	current := config.Contexts[config.CurrentContext]
	if current == nil || config.Clusters[current.Cluster] == nil || config.AuthInfos[current.AuthInfo] == nil {
		return nil, errors.New("kubeconfig of the cluster: its current context is not whole")
	}
	_, port, _ := strings.Cut(address, ":")
	cluster, user := config.Clusters[current.Cluster], config.AuthInfos[current.AuthInfo]
	cluster.Server = "https://localhost:" + port // the certificate is for this name
	config.Clusters = map[string]*api.Cluster{name: cluster}
	config.AuthInfos = map[string]*api.AuthInfo{name: user}
	current.Cluster, current.AuthInfo = name, name
	config.Contexts = map[string]*api.Context{name: current}
	config.CurrentContext = name
	return clientcmd.Write(*config)
}

// kubeconfig is what kind wrote.
func (w *World) kubeconfig(context.Context) ([]byte, error) {
	c := w.hasCluster()
	if c == nil {
		return nil, agent.Errorf("usage", "lab %s has plain workers and no cluster", w.Lab)
	}
	text, err := c.options.Kubeconfig()
	if errors.Is(err, os.ErrNotExist) {
		return nil, agent.Errorf("usage", "the cluster of lab %s is not made yet; run ptplab up again", w.Lab)
	}
	return text, err
}

// DiskBytes is what the lab's disk takes of the host's; 0 for a lab without one.
func (l *Lab) DiskBytes() (int64, error) {
	info, err := os.Stat(l.engine.(*simEngine).machine.Disk())
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512, nil
}
