package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/image"
	"github.com/ptplab/ptplab/lab/kind"
	"github.com/ptplab/ptplab/lab/topology"
)

// cluster is the Kubernetes cluster of a lab whose workers are nodes of kind.
type cluster struct {
	docker  kind.Docker
	options kind.Options
	image   image.NodeImage
	stack   Stack

	changing sync.Mutex                // held while the nodes' namespaces and ports change hands
	mu       sync.Mutex                // guards what follows
	nodes    map[string]kind.Container // as last settled, by name
	unwatch  context.CancelFunc        // ends the watch over the nodes' containers; nil while there is none
}

// Where a lab with a cluster keeps its files.
const (
	clusterDir = sim.DiskDir + "/cluster"
	dockerDir  = sim.DiskDir + "/docker"
	selfDir    = sim.DiskDir + "/self"
)

// newCluster is the cluster of a plan, of which nothing need exist.
func (w *World) newCluster(plan *topology.Plan, node image.NodeImage, stack Stack) *cluster {
	return &cluster{
		docker: kind.Docker{Dir: dockerDir, Log: filepath.Join(sim.DiskDir, "docker.log")},
		image:  node,
		stack:  stack,
		options: kind.Options{
			Name: w.Lab, Workers: plan.Workers, Image: node.Reference, Dir: clusterDir, RootFS: sim.RootDir, Self: selfDir,
		},
	}
}

// hasCluster is the lab's cluster, nil if its workers are plain.
func (w *World) hasCluster() *cluster {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cluster
}

// rest is how programs of the lab's own network namespace reach the API server.
func (c *cluster) rest(ctx context.Context) (*rest.Config, error) {
	all, err := c.options.Containers(ctx)
	if err != nil {
		return nil, err
	}
	return c.restIn(all)
}

// restIn is rest for who has looked at the containers already.
func (c *cluster) restIn(all []kind.Container) (*rest.Config, error) {
	if len(all) == 0 || all[0].Node != kind.ControlPlane || all[0].PID == 0 {
		return nil, errors.New("the container of the cluster's control plane does not run")
	}
	text, err := c.options.Kubeconfig()
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(text)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of the cluster: %w", err)
	}
	config.Host = fmt.Sprintf("https://%s:%d", all[0].Address, kind.APIServerPort)
	config.ServerName = "localhost" // what its certificate is for
	config.QPS = -1
	return config, nil
}

// worker is the container of a worker; it runs.
func (c *cluster) worker(ctx context.Context, name string) (kind.Container, error) {
	all, err := c.options.Containers(ctx)
	if err != nil {
		return kind.Container{}, err
	}
	for _, one := range all {
		if one.Node == name && one.PID > 0 {
			return one, nil
		}
	}
	return kind.Container{}, fmt.Errorf("the container of node %s does not run", name)
}
