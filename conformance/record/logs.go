package record

import (
	"context"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Logs is implemented by a system that keeps what its programs say.
type Logs interface {
	// Logs returns the last lines of a node's log, oldest first, at most so many.
	Logs(ctx context.Context, node string, lines int) ([]string, error)
}

// logLines is how much of a node's log is kept.
const logLines = 400

// KeepLogs adds the end of every node's log to the record, if the system has logs.
func (r *Recorder) KeepLogs(ctx context.Context) {
	logs, ok := sut.As[Logs](r.system)
	if !ok {
		return
	}
	r.record.Logs = nil
	for _, node := range r.nodes {
		kept := Log{Node: node}
		var err error
		if kept.Lines, err = logs.Logs(ctx, node, logLines); err != nil {
			kept.Fault = err.Error()
		}
		r.record.Logs = append(r.record.Logs, kept)
	}
}
