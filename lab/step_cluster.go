package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/kind"
)

// dockerStep is the Docker daemon of a lab with a cluster.
type dockerStep struct{ part }

func (s *dockerStep) Name() string { return "Docker" }
func (s *dockerStep) size() State  { return State{Want: 1} }

func (s *dockerStep) Observe(ctx context.Context) (State, error) {
	return one(s.world.cluster.docker.Running(ctx)), nil
}

// Apply starts the daemon, and with it the containers that are on its disk already.
func (s *dockerStep) Apply(ctx context.Context) error {
	if err := copySelf(filepath.Join(selfDir, "usr/local/bin/ptplab")); err != nil {
		return fmt.Errorf("copy ptplab for its pods: %w", err)
	}
	return s.world.cluster.docker.Start(ctx)
}

func (s *dockerStep) Remove(context.Context) error { return nil } // it ends with the lab's kernel

// one is the state of a step that has one piece.
func one(done bool) State {
	if done {
		return State{Have: 1, Want: 1}
	}
	return State{Want: 1}
}

// nodeImageStep is the image of the nodes, in Docker.
type nodeImageStep struct{ part }

func (s *nodeImageStep) Name() string { return "node image" }
func (s *nodeImageStep) size() State  { return State{Want: 1} }

func (s *nodeImageStep) Observe(ctx context.Context) (State, error) {
	c := s.world.cluster
	if !c.docker.Running(ctx) {
		return one(false), nil
	}
	there, err := kind.HasImage(ctx, c.image.ID)
	return one(there), err
}

func (s *nodeImageStep) Apply(ctx context.Context) error { return kind.LoadImage(ctx, sim.Tape) }

func (s *nodeImageStep) Remove(context.Context) error { return nil }

// clusterStep is the Kubernetes cluster: its nodes are ready.
type clusterStep struct{ part }

func (s *clusterStep) Name() string { return "cluster" }
func (s *clusterStep) size() State  { return State{Want: 1 + len(s.plan.Workers)} }

// Observe counts the nodes whose containers run and that the cluster says are ready. One that is there at all counts for one,
// also while its API server is away: a run that fails must not take it away.
func (s *clusterStep) Observe(ctx context.Context) (State, error) {
	state := s.size()
	c := s.world.cluster
	if !c.docker.Running(ctx) {
		return state, nil
	}
	containers, err := c.options.Containers(ctx)
	if err != nil || len(containers) == 0 {
		return state, err
	}
	running := 0
	for _, one := range containers {
		if one.PID > 0 {
			running++
		}
	}
	ready, err := c.readyNodes(ctx, containers)
	if ctx.Err() != nil {
		return state, context.Cause(ctx)
	}
	if err != nil { // it is not made, or starts
		state.Note = err.Error()
	}
	state.Have = max(1, min(ready, running, state.Want))
	return state, nil
}

// readyNodes counts the nodes that the cluster says are ready.
func (c *cluster) readyNodes(ctx context.Context, containers []kind.Container) (int, error) {
	config, err := c.restIn(containers)
	if err != nil {
		return 0, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return 0, err
	}
	list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, fmt.Errorf("list the cluster's nodes: %w", err)
	}
	ready := 0
	for _, node := range list.Items {
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
				ready++
			}
		}
	}
	return ready, nil
}

// nodesLimit is how long nodes that have joined may take until they are ready.
const nodesLimit = 3 * time.Minute

// nodesEvery is how often they are counted meanwhile.
const nodesEvery = time.Second

func (s *clusterStep) Apply(ctx context.Context) error {
	c := s.world.cluster
	containers, err := c.options.Containers(ctx)
	if err != nil {
		return err
	}
	if len(containers) != s.size().Want {
		if err := s.create(ctx, len(containers) > 0); err != nil {
			return err
		}
		return s.await(ctx)
	}
	for _, one := range containers {
		if one.PID == 0 {
			if err := kind.StartContainer(ctx, one.ID); err != nil {
				return err
			}
		}
	}
	return s.await(ctx)
}

// create makes the cluster anew.
func (s *clusterStep) create(ctx context.Context, left bool) error {
	c := s.world.cluster
	if left {
		if err := kind.Delete(ctx, c.options.Name); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(c.options.Dir, 0o755); err != nil {
		return err
	}
	return kind.Create(ctx, c.options, func(phase string, done, want int) { s.note(phase, done, want) })
}

// await waits until all nodes are ready.
func (s *clusterStep) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, nodesLimit, fmt.Errorf("not all nodes of the cluster are ready after %s", nodesLimit))
	defer cancel()
	for {
		state, err := s.Observe(ctx)
		if err == nil && state.Done() {
			return nil
		}
		if err != nil {
			return err
		}
		s.note("nodes start", state.Have, state.Want)
		if cause := sleep(ctx, nodesEvery); cause != nil {
			return fmt.Errorf("%w; %s", cause, state)
		}
	}
}

func (s *clusterStep) Remove(ctx context.Context) error {
	c := s.world.cluster
	if !c.docker.Running(ctx) {
		return nil
	}
	return kind.Delete(ctx, c.options.Name)
}

// copySelf copies this program. The file that it was started from is the host's, out of sight here.
func copySelf(to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	text, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	return writeWhole(to, text, 0o755)
}

// writeWhole replaces a file at once, so that whoever runs it is not disturbed.
func writeWhole(path string, text []byte, mode os.FileMode) error {
	fresh := path + ".new"
	err := os.WriteFile(fresh, text, mode)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	return nil
}
