package system

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/lab"
)

// opDiscover is the operation with which l2.Discover runs in the lab's kernel: l2.Request; l2.Graph.
const opDiscover = "discover"

// Extras are the operations of the suite that run in the lab's kernel, for lab.RunGuest.
func Extras() []lab.Extra {
	return []lab.Extra{{Name: opDiscover, Do: discover}}
}

// Discover finds out how the ports of the workers are cabled.
func (s *System) Discover(ctx context.Context, r l2.Request) (*l2.Graph, error) {
	var graph l2.Graph
	if err := s.lab.Extra(ctx, opDiscover, r, &graph); err != nil {
		return nil, fmt.Errorf("discover the ports of the lab: %w", err)
	}
	return &graph, nil
}

// discover is l2.Discover, from all workers or those that the request names.
func discover(ctx context.Context, workers []lab.Namespace, args json.RawMessage) (any, error) {
	var r l2.Request
	if err := json.Unmarshal(args, &r); err != nil {
		return nil, fmt.Errorf("arguments of %s: %w", opDiscover, err)
	}
	workers, err := chosen(workers, r.Nodes)
	if err != nil {
		return nil, err
	}
	// All interfaces: to netlink, those of the simulated cards are of a kind, as no physical one is.
	o := l2.Options{Expect: r.Expect, Deadline: r.Deadline, Listen: r.Listen, Skip: r.Skip, All: true}
	for _, w := range workers {
		ns, err := os.Open(w.File)
		if err != nil {
			return nil, fmt.Errorf("probe from %s: %w", w.Worker, err)
		}
		defer ns.Close()
		o.Nodes = append(o.Nodes, l2.Node{Name: w.Worker, Namespace: ns})
	}
	return l2.Discover(ctx, o)
}

// chosen are the workers that a request names; all if it names none.
func chosen(workers []lab.Namespace, nodes []string) ([]lab.Namespace, error) {
	if len(nodes) == 0 {
		return workers, nil
	}
	var all []lab.Namespace
	for _, node := range nodes {
		i := slices.IndexFunc(workers, func(w lab.Namespace) bool { return w.Worker == node })
		if i < 0 {
			var names []string
			for _, w := range workers {
				names = append(names, w.Worker)
			}
			return nil, fmt.Errorf("probe from %s: there is no such worker; there is %s", node, strings.Join(names, ", "))
		}
		all = append(all, workers[i])
	}
	return all, nil
}
