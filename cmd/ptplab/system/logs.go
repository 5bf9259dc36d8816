package system

import (
	"context"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab"
)

// Logs are the lines that the programs of a node have printed, and the node itself.
func (s *System) Logs(ctx context.Context, node string, since time.Time) ([]sut.LogLine, error) {
	var all []sut.LogLine
	err := s.lab.Logs(ctx, lab.LogsArgs{Node: node, Since: since}, func(l lab.LogLine) {
		all = append(all, sut.LogLine{At: l.At, Process: l.Process, Text: l.Text})
	})
	return all, err
}
