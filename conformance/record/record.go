// Package record keeps what a run of the suite has seen of a system: offsets and true errors of its clocks, their
// states, the roles of their ports, and the links that were taken down. It watches a sut.System from the outside, so
// that specs need not know of it.
package record

import (
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Record is what was seen. All times are the system's own.
type Record struct {
	Start, End time.Time // of the first look and the last
	Clocks     []Clock   // in the order of the inventory
	Links      []Track   // "up" and "down" of each port whose link was set
	Logs       []Log     // the tail of each node's log, if the system has logs
	Missed     int       // looks that the system did not answer
	LastMiss   string    // what the last of them said
}

// Clock is what was seen of one PTP instance.
type Clock struct {
	sut.Instance
	Against   string  // the grandmaster that its true error is measured against; "" for ideal time
	Offset    Series  // offsetFromMaster as ptp4l measures it
	TrueError Series  // of its hardware clock
	State     Track   // openshift_ptp_clock_state: LOCKED, HOLDOVER, FREERUN
	Roles     []Track // openshift_ptp_interface_role of each port
}

// Track is something that has one value at a time.
type Track struct {
	Name  string // "bc1 on w1", "w1/ens1f0"
	Steps []Step // ascending; each is another value than the one before
	Lost  int    // changes beyond trackSteps
}

// Step is a change of a value.
type Step struct {
	At    time.Time
	Value string
}

// trackSteps bounds a Track.
const trackSteps = 1000

// see adds a value, if it is another one.
func (t *Track) see(at time.Time, value string) {
	switch n := len(t.Steps); {
	case n > 0 && t.Steps[n-1].Value == value:
	case n >= trackSteps:
		t.Lost++
	default:
		t.Steps = append(t.Steps, Step{at, value})
	}
}

// Log is the end of what the programs of a node have said.
type Log struct {
	Node  string
	Lines []string
	Fault string // why there are none
}
