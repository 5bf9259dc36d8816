package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/ptplab/ptplab/lab/kind"
	"github.com/ptplab/ptplab/lab/node"
)

// statusLimit is how long a node's daemon may take to say how it is.
const statusLimit = 5 * time.Second

// errSilent says that the daemon of a cluster's node does not answer: its pod may not have started yet.
var errSilent = errors.New("its linuxptp-daemon does not answer")

// statusOf is what an owner's programs say of themselves. Where errSilent is the error, it has no program. Of a node with
// another stack than ptplab's, nothing is known.
func (w *World) statusOf(ctx context.Context, owner string) (node.Status, error) {
	if c := w.hasCluster(); c != nil {
		if one, ok := c.node(owner); ok && c.stack == StackNone {
			return node.Status{Node: owner}, nil
		} else if ok {
			return c.status(ctx, one)
		}
	}
	n, err := w.node(owner)
	if err != nil {
		return node.Status{}, err
	}
	return n.Status(), nil
}

// remember notes where a node's container is.
func (c *cluster) remember(one kind.Container) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nodes == nil {
		c.nodes = map[string]kind.Container{}
	}
	c.nodes[one.Node] = one
}

// node is the container of a node, as it was last seen.
func (c *cluster) node(name string) (kind.Container, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one, ok := c.nodes[name]
	return one, ok
}

// status asks the daemon of a node.
func (c *cluster) status(ctx context.Context, of kind.Container) (node.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, statusLimit)
	defer cancel()
	status := node.Status{Node: of.Node}
	url := "http://" + net.JoinHostPort(of.Address, strconv.Itoa(readyPort)) + "/status"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return status, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return status, errSilent
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return status, fmt.Errorf("the daemon of node %s: %s", of.Node, answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(&status); err != nil {
		return status, fmt.Errorf("status of node %s: %w", of.Node, err)
	}
	return status, nil
}
