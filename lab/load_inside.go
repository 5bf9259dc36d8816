package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/engine/sim"
	"github.com/ptplab/ptplab/lab/kind"
)

// load takes an archive of images, puts it on the disk and from there into the nodes, one after the other.
func (w *World) load(ctx context.Context, req *agent.Request, args LoadArgs) (*LoadResult, error) {
	c := w.hasCluster()
	if c == nil {
		return nil, agent.Errorf("usage", "lab %s has plain workers and no cluster", w.Lab)
	}
	nodes, err := c.running(ctx, args.Nodes)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(sim.DiskDir, "load-*.tar")
	if err != nil {
		return nil, fmt.Errorf("make room for the archive: %w", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err := receiveImages(req, file); err != nil {
		return nil, err
	}
	result := &LoadResult{}
	for i, node := range nodes {
		if err := req.Event(LoadEvent{Node: node.Node, Done: i, Want: len(nodes)}); err != nil {
			return nil, err
		}
		begun := time.Now()
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		if err := kind.ImportImages(ctx, node, file); err != nil {
			return nil, err
		}
		result.Nodes = append(result.Nodes, LoadedNode{node.Node, time.Since(begun)})
	}
	return result, nil
}

// receiveImages writes what the caller sends to a file, and tells after each piece how much there is.
func receiveImages(req *agent.Request, to io.Writer) error {
	var received int64
	for {
		var in LoadInput
		if err := req.Input(&in); err != nil {
			return fmt.Errorf("receive the archive: %w", err)
		}
		n, err := to.Write(in.Bytes)
		received += int64(n)
		if errors.Is(err, unix.ENOSPC) {
			return fmt.Errorf("the lab's disk is full after %d MiB of the archive; free some of it, or make the lab anew with: ptplab up --recreate", received>>20)
		}
		if err != nil {
			return fmt.Errorf("write the archive to the lab's disk: %w", err)
		}
		if err := req.Event(LoadEvent{Received: received}); err != nil {
			return err
		}
		if in.End {
			return nil
		}
	}
}

// running are the containers of the named nodes, or of all. Each of them runs.
func (c *cluster) running(ctx context.Context, names []string) ([]kind.Container, error) {
	all, err := c.options.Containers(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("the cluster is not made yet; run ptplab up again")
	}
	chosen, err := chooseNodes(all, names)
	if err != nil {
		return nil, err
	}
	for _, one := range chosen {
		if one.PID == 0 {
			return nil, fmt.Errorf("the container of node %s does not run", one.Node)
		}
	}
	return chosen, nil
}

// chooseNodes are those of some names, each once, or all without one.
func chooseNodes(all []kind.Container, names []string) ([]kind.Container, error) {
	if len(names) == 0 {
		return all, nil
	}
	var there []string
	for _, one := range all {
		there = append(there, one.Node)
	}
	for _, name := range names {
		if !slices.Contains(there, name) {
			return nil, agent.Errorf("usage", "there is no node %s in the cluster; there is %s", name, strings.Join(there, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(c kind.Container) bool { return !slices.Contains(names, c.Node) }), nil
}
