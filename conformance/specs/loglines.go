package specs

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
)

// offsetLine matches what ptp4l (port.c, clock.c) and phc2sys print of each measurement:
//
//	ptp4l[2.107]: [ptp4l.0.config:6] master offset          0 s2 freq      +0 path delay        25
//	ptp4l[2.107]: [ptp4l.0.config:6] rms    3 max    6 freq  -9345 +/-   3 delay    25 +/-   0
var (
	offsetLine = regexp.MustCompile(`\boffset\s+(-?\d{1,18}) s\d freq\s+[+-]\d`)
	rmsLine    = regexp.MustCompile(`\brms\s+(\d{1,18}) max\s+\d`)
)

// loggedOffset is the offset that a line of a program tells, ns: of a summary the rms, as the metric does.
func loggedOffset(line string) (ns int64, ok bool) {
	m := offsetLine.FindStringSubmatch(line)
	if m == nil {
		m = rmsLine.FindStringSubmatch(line)
	}
	if m == nil {
		return 0, false
	}
	ns, err := strconv.ParseInt(m[1], 10, 64)
	return ns, err == nil
}

// logs are the lines of a node since an instant; of one process, if it is named.
func (t *Test) logs(ctx context.Context, node, process string, since time.Time) ([]sut.LogLine, error) {
	keeper, ok := sut.As[sut.Logs](t.System)
	if !ok {
		return nil, Skipped("this system keeps no logs")
	}
	all, err := keeper.Logs(ctx, node, since)
	if err != nil {
		return nil, fmt.Errorf("read the log of %s: %w", node, err)
	}
	var lines []sut.LogLine
	for _, l := range all {
		if process == "" || l.Process == process {
			lines = append(lines, l)
		}
	}
	return lines, nil
}
