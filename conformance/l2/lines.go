package l2

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// linePrefix begins a report among other lines of a log.
const linePrefix = "JSON_REPORT"

// WriteLine writes a report as one line, "JSON_REPORT{...}".
func WriteLine(w io.Writer, r Report) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write L2 report: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s%s\n", linePrefix, text); err != nil {
		return fmt.Errorf("write L2 report: %w", err)
	}
	return nil
}

// ReadLines yields the reports of a log as they come. Other lines, what stands before the word JSON_REPORT, such as the time
// stamps of kubectl logs, and a last line without its end are passed over; a line that is no report is an error, after which
// reading goes on.
func ReadLines(log io.Reader) iter.Seq2[Report, error] {
	return func(yield func(Report, error) bool) {
		lines := bufio.NewReader(log)
		for number := 1; ; number++ {
			line, err := lines.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("read L2 reports: %w", err))
				return
			}
			_, text, found := bytes.Cut(line, []byte(linePrefix))
			if !found {
				continue
			}
			r, err := ParseReport(text)
			if err != nil {
				err = fmt.Errorf("line %d: %w", number, err)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// ErrNoReport says that a log has no report yet.
var ErrNoReport = errors.New("no JSON_REPORT line")

// LastLine returns the last report of a log, which holds all that the earlier ones do, or ErrNoReport.
func LastLine(log io.Reader) (Report, error) {
	var last Report
	for r, err := range ReadLines(log) {
		if err != nil {
			return nil, err
		}
		last = r
	}
	if last == nil {
		return nil, ErrNoReport
	}
	return last, nil
}
