package podlogs

import (
	"context"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
)

// The names that a plain node's log goes by: those of a pod of the daemon and of its container.
const (
	podPrefix = "linuxptp-daemon-"
	container = "linuxptp-daemon-container"
)

// Plain is the source of a system of plain nodes, without pods: each node counts as the pod linuxptp-daemon-<node> with
// the container linuxptp-daemon-container. It cannot wait.
func Plain(logs sut.Logs, nodes []string) Source { return plain{logs, nodes} }

type plain struct {
	logs  sut.Logs
	nodes []string
}

func (p plain) Follows() bool { return false }

func (p plain) Streams(context.Context) ([]Stream, error) {
	streams := make([]Stream, len(p.nodes))
	for i, node := range p.nodes {
		streams[i] = Stream{Pod: podPrefix + node, Container: container}
	}
	return streams, nil
}

func (p plain) Read(ctx context.Context, stream Stream, since time.Time, _ bool, tell func(Line)) error {
	lines, err := p.logs.Logs(ctx, stream.Pod[len(podPrefix):], since)
	for _, line := range lines {
		tell(Line{At: line.At, Text: line.Text})
	}
	return err
}
