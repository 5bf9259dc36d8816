package report

import (
	"fmt"
	"strings"

	"github.com/ptplab/ptplab/conformance"
)

// area is what came of the specs of one area.
type area struct {
	Name    string
	State   conformance.State // the worst of its specs: failed, not run, else passed, skipped or planned
	Summary string            // "3 passed, 1 skipped"
	Rows    []specRow
}

// specRow is a spec among those of its area.
type specRow struct {
	conformance.SpecReport
	Number int    // of the spec in the run
	Short  string // its name without the area
}

// areas groups specs by area, in the order in which they ran.
func areas(all []conformance.SpecReport) []area {
	var found []area
	index := map[string]int{}
	for n, s := range all {
		at, known := index[s.Area]
		if !known {
			at = len(found)
			index[s.Area] = at
			found = append(found, area{Name: s.Area})
		}
		found[at].Rows = append(found[at].Rows, specRow{s, n, strings.TrimPrefix(s.Name, s.Area+": ")})
	}
	for n := range found {
		found[n].State, found[n].Summary = sum(found[n].Rows)
	}
	return found
}

// states lists the states of specs, the worst first.
func states() []conformance.State {
	return []conformance.State{conformance.Failed, conformance.NotRun, conformance.Passed, conformance.Skipped, conformance.Planned}
}

// sum is the worst state of some specs, and how many are in each.
func sum(rows []specRow) (worst conformance.State, summary string) {
	counts := map[conformance.State]int{}
	for _, r := range rows {
		counts[r.State]++
	}
	var parts []string
	for _, s := range states() {
		if counts[s] == 0 {
			continue
		}
		if worst == "" {
			worst = s
		}
		parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
	}
	return worst, strings.Join(parts, ", ")
}
