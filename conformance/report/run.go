// Package report writes what came of a run of the suite for people: one HTML page that needs nothing but itself, and a
// Markdown summary for a build server.
package report

import (
	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/record"
	"github.com/ptplab/ptplab/conformance/specs"
)

// Run is all that is known of a run.
type Run struct {
	Report   conformance.Report
	Settings specs.Settings // the bounds that were applied
	Record   record.Record  // what was seen; zero if nothing was recorded
	About    []Fact         // what was tested and with what, in the order in which to show it
}

// Fact is something to know about a run: "Topology", "dnbc".
type Fact struct{ Name, Value string }
