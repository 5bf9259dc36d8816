package l2

import (
	"context"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Discoverer is implemented by a System that can tell how the ports of its nodes are cabled.
type Discoverer interface {
	// Discover probes from every node at once. Ports that nobody heard are faults of the graph, not an error.
	Discover(ctx context.Context, r Request) (*Graph, error)
}

// Request says what to discover. The zero value discovers all that all nodes hear.
type Request struct {
	Nodes    []string      `json:"nodes,omitempty"`  // where to probe from; empty for all nodes whose clocks can be configured
	Skip     Skip          `json:"skip,omitempty"`   // interfaces to leave alone
	Expect   []sut.PortRef `json:"expect,omitempty"` // ports that must be heard; nil for all that have a link
	Deadline time.Duration `json:"deadline"`         // when to give up on them; 0 for 10 s
	Listen   time.Duration `json:"listen"`           // listen at least so long, for announces of clocks outside
}
