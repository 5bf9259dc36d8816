package record

import (
	"context"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
)

// logLines is how much of a node's log is kept.
const logLines = 400

// KeepLogs adds the end of every node's log to the record, if the system has logs.
func (r *Recorder) KeepLogs(ctx context.Context) {
	logs, ok := sut.As[sut.Logs](r.system)
	if !ok {
		return
	}
	r.record.Logs = nil
	for _, node := range r.nodes {
		kept := Log{Node: node}
		lines, err := logs.Logs(ctx, node, time.Time{})
		if err != nil {
			kept.Fault = err.Error()
		}
		for _, line := range lines[max(0, len(lines)-logLines):] {
			kept.Lines = append(kept.Lines, line.Text)
		}
		r.record.Logs = append(r.record.Logs, kept)
	}
}
