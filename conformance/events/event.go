package events

import (
	"fmt"
	"strings"
	"time"
)

// The resources of a node's clocks, as suffixes of their addresses.
const (
	SyncState  = "/sync/sync-status/sync-state"          // of the node as a whole
	OSClock    = "/sync/sync-status/os-clock-sync-state" // of CLOCK_REALTIME
	LockState  = "/sync/ptp-status/lock-state"           // of the clocks that PTP steers
	ClockClass = "/sync/ptp-status/clock-class"          // of the PTP instances; V1ClockClass in version 1.0

	V1ClockClass = "/sync/ptp-status/ptp-clock-class-change"
)

// Address is the address of a node's resource, "/cluster/node/w1/sync/ptp-status/lock-state".
func Address(node, suffix string) string { return "/cluster/node/" + node + suffix }

// The data types of a value.
const (
	Notification = "notification" // a state
	Metric       = "metric"       // a number: an offset in ns, or a clockClass
)

// The states of clocks that PTP steers.
const (
	Locked   = "LOCKED"
	Holdover = "HOLDOVER"
	FreeRun  = "FREERUN"
)

// Event is one event, whichever version of the API it came from.
type Event struct {
	ID      string
	Type    string    // "event.sync.ptp-status.ptp-state-change"
	Source  string    // a resource address
	Time    time.Time // when the change happened, in the node's time
	Version string    // of the data
	Values  []Value
}

// Value is one of the things that an event tells.
type Value struct {
	Address   string // "/cluster/node/w1/ens1fx/master"
	DataType  string // Notification or Metric
	ValueType string // "enumeration" or "decimal64.3"
	Text      string // the state or the number
}

// Find gives what the event tells of an address that ends in suffix: a state with Notification, a number with Metric.
// An empty suffix finds the first.
func (e Event) Find(dataType, suffix string) (string, bool) {
	for _, v := range e.Values {
		if v.DataType == dataType && strings.HasSuffix(v.Address, suffix) {
			return v.Text, true
		}
	}
	return "", false
}

// String is the event in short: "w1 lock-state: ens1fx/master LOCKED -7".
func (e Event) String() string {
	node, suffix, _ := strings.Cut(strings.TrimPrefix(e.Source, "/cluster/node/"), "/")
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s:", node, suffix[strings.LastIndexByte(suffix, '/')+1:])
	last := ""
	for _, v := range e.Values {
		if v.Address != last {
			b.WriteString(" " + short(v.Address))
			last = v.Address
		}
		b.WriteString(" " + v.Text)
	}
	return b.String()
}

// short is an address without its node.
func short(address string) string {
	rest, found := strings.CutPrefix(address, "/cluster/node/")
	if _, after, cut := strings.Cut(rest, "/"); found && cut {
		return after
	}
	return address
}
