package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// clusterLabel is the label by which kind knows the containers of a cluster.
const clusterLabel = "io.x-k8s.kind.cluster"

// Container is the container of a node.
type Container struct {
	Node    string // its name in Kubernetes, "w1" or "control-plane"
	ID      string
	Name    string // "dnbc-worker2"
	PID     int    // of its init; 0 while it does not run
	Address string // in Docker's network
}

// Containers are those of a cluster: the control plane's and then the workers', in their order.
func (o Options) Containers(ctx context.Context) ([]Container, error) {
	ids, err := containerIDs(ctx, o.Name)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	out, err := docker(ctx, append([]string{"inspect"}, ids...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("look at the nodes' containers: %w", err)
	}
	var found []struct {
		ID    string `json:"Id"`
		Name  string
		State struct{ Pid int }

		NetworkSettings struct {
			Networks map[string]struct{ IPAddress string }
		}
	}
	if err := json.Unmarshal(out, &found); err != nil {
		return nil, fmt.Errorf("look at the nodes' containers: %w", err)
	}
	var all []Container
	for _, f := range found {
		c := Container{ID: f.ID, Name: strings.TrimPrefix(f.Name, "/"), PID: f.State.Pid}
		if c.Node, err = o.nodeOf(c.Name); err != nil {
			return nil, err
		}
		for _, network := range slices.Sorted(maps.Keys(f.NetworkSettings.Networks)) {
			c.Address = f.NetworkSettings.Networks[network].IPAddress
		}
		all = append(all, c)
	}
	order := append([]string{ControlPlane}, o.Workers...)
	slices.SortFunc(all, func(a, b Container) int { return slices.Index(order, a.Node) - slices.Index(order, b.Node) })
	return all, nil
}

func containerIDs(ctx context.Context, cluster string) ([]string, error) {
	out, err := docker(ctx, "ps", "--all", "--quiet", "--no-trunc", "--filter", "label="+clusterLabel+"="+cluster).Output()
	if err != nil {
		return nil, fmt.Errorf("list the nodes' containers: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// nodeOf is the node of a container: kind numbers the workers from the second on.
func (o Options) nodeOf(container string) (string, error) {
	if container == o.Name+"-control-plane" {
		return ControlPlane, nil
	}
	for i, w := range o.Workers {
		name := o.Name + "-worker"
		if i > 0 {
			name = fmt.Sprintf("%s%d", name, i+1)
		}
		if container == name {
			return w, nil
		}
	}
	return "", fmt.Errorf("container %s is none of kind's for cluster %s", container, o.Name)
}

// StartContainer starts a container that has ended. One that runs stays.
func StartContainer(ctx context.Context, id string) error {
	if err := docker(ctx, "start", id).Run(); err != nil {
		return fmt.Errorf("start a node: %w", err)
	}
	return nil
}

// Delete takes away all containers of a cluster, however far it got, with their volumes.
func Delete(ctx context.Context, cluster string) error {
	ids, err := containerIDs(ctx, cluster)
	if err != nil || len(ids) == 0 {
		return err
	}
	if err := docker(ctx, append([]string{"rm", "--force", "--volumes"}, ids...)...).Run(); err != nil {
		return fmt.Errorf("take away the nodes of %s: %w", cluster, err)
	}
	return nil
}

// Watch tells each start and each end of a cluster's containers by its id, until the context ends or Docker does.
func (o Options) Watch(ctx context.Context, tell func(id string, started bool)) error {
	cmd := docker(ctx, "events", "--filter", "label="+clusterLabel+"="+o.Name, "--filter", "event=start", "--filter", "event=die", "--format", "{{.Action}} {{.Actor.ID}}")
	cmd.Line = func(line string) {
		if action, id, ok := strings.Cut(line, " "); ok {
			tell(id, action == "start")
		}
	}
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(errors.New("Docker tells no more of the nodes' containers"), err)
}
