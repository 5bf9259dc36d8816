package events

import (
	"strings"
	"time"
)

// Base is the path under which the API lives.
const Base = "/api/ocloudNotifications/v2"

// The resources that a node publishes, as suffixes of their addresses.
const (
	SyncState  = "/sync/sync-status/sync-state"          // of the node as a whole
	OSClock    = "/sync/sync-status/os-clock-sync-state" // of CLOCK_REALTIME
	LockState  = "/sync/ptp-status/lock-state"           // of each clock that a ptp4l steers
	ClockClass = "/sync/ptp-status/clock-class"          // of each PTP instance
)

// kinds are the resources with the types of their events, in the order in which they are told.
func kinds() []kind {
	return []kind{
		{LockState, "event.sync.ptp-status.ptp-state-change"},
		{ClockClass, "event.sync.ptp-status.ptp-clock-class-change"},
		{OSClock, "event.sync.sync-status.os-clock-sync-state-change"},
		{SyncState, "event.sync.sync-status.synchronization-state-change"},
	}
}

type kind struct {
	suffix string
	event  string // the CloudEvents type
}

// Address is the address of a node's resource, "/cluster/node/w1/sync/ptp-status/lock-state".
func Address(node, suffix string) string { return "/cluster/node/" + node + suffix }

// resource is what is published under one address.
type resource struct {
	kind
	address string
	id      string    // of its publisher
	values  []value   // what CurrentState tells; empty: not known
	version int       // counts changes of values
	last    time.Time // of the newest event
}

// stamp gives the time of the next event: when the change happened, but never before the last one.
func (r *resource) stamp(at time.Time) time.Time {
	if at.Before(r.last) {
		at = r.last
	}
	r.last = at
	return at
}

// update takes new values, and gives those that changed and when that was: now for one that was not known before, or
// whose age is not known. A value that is gone is told as FREERUN once: nothing disciplines its clock any more.
func (r *resource) update(values []value, now time.Time) (changed []value, at time.Time) {
	for _, v := range values {
		old, known := find(r.values, v.address)
		if known && v.same(old) {
			continue
		}
		if !known || v.since.IsZero() {
			v.since = now
		}
		changed, at = append(changed, v), later(at, v.since)
	}
	for _, old := range r.values {
		if _, stays := find(values, old.address); !stays && old.state != "" && old.state != freeRun {
			changed, at = append(changed, value{address: old.address, state: freeRun, metric: old.metric}), now
		}
	}
	if len(changed) > 0 || len(values) != len(r.values) {
		r.version++
	}
	r.values = values
	return changed, at
}

// find looks a value up by its address.
func find(values []value, address string) (value, bool) {
	for _, v := range values {
		if v.address == address {
			return v, true
		}
	}
	return value{}, false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// resourceOf takes the resource address out of the path of a request for a current state.
func resourceOf(path string) (string, bool) {
	address, found := strings.CutSuffix(strings.TrimPrefix(path, Base), "/CurrentState")
	return address, found
}
