package events

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/ptplab/ptplab/lab/linuxptp"
	"github.com/ptplab/ptplab/lab/node"
)

// Node is what a Server must know of its node; *node.Node is one.
type Node interface {
	Status() node.Status
	Profiles() []node.Chosen
	ClockClasses() []node.ClockClass
	Aliases() map[string]string
	WaitChange(ctx context.Context, seen uint64) (uint64, error)
}

// The states, from the best to the worst.
const (
	locked   = "LOCKED"
	holdover = "HOLDOVER"
	freeRun  = "FREERUN"
)

// systemClock is how phc2sys calls the clock of the operating system.
const systemClock = "CLOCK_REALTIME"

// value is one thing that a resource tells.
type value struct {
	address string // "/cluster/node/w1/ens1fx/master"
	state   string // LOCKED, HOLDOVER, FREERUN; empty where only a number is told
	metric  string // offset in ns or clockClass; empty where only a state is told
	since   time.Time
}

// same tells whether there is nothing to notify: an offset alone is not.
func (v value) same(old value) bool {
	return v.state == old.state && (v.state != "" || v.metric == old.metric)
}

// observe gives the values of all resources by their suffixes. A resource of which nothing is known has none.
func observe(name string, n Node) map[string][]value {
	o := observer{name: name, status: n.Status(), profiles: n.Profiles(), alias: n.Aliases(), values: map[string][]value{}}
	o.lockStates()
	for _, c := range n.ClockClasses() {
		o.put(ClockClass, value{address: o.master(c.Interface), metric: strconv.Itoa(c.Class)})
	}
	o.osClock()
	o.syncState()
	return o.values
}

// observer makes values out of a node's status.
type observer struct {
	name     string
	status   node.Status
	profiles []node.Chosen
	alias    map[string]string
	values   map[string][]value
}

// put sets a value. Of two with one address, such as two ports of one hardware clock, the later counts, as in metrics.
func (o *observer) put(suffix string, v value) {
	all := o.values[suffix]
	if i := slices.IndexFunc(all, func(old value) bool { return old.address == v.address }); i >= 0 {
		all[i] = v
		return
	}
	o.values[suffix] = append(all, v)
}

// master is the address of the clock behind an interface.
func (o *observer) master(iface string) string {
	if alias, found := o.alias[iface]; found {
		iface = alias
	}
	return Address(o.name, "/"+iface+"/master")
}

func (o *observer) lockStates() {
	for _, c := range o.status.Clocks {
		if c.Program == linuxptp.Ptp4l.String() {
			o.put(LockState, value{address: o.master(c.Interface), state: c.State, metric: strconv.FormatInt(c.OffsetNs, 10), since: c.Since})
		}
	}
}

// osClock is locked when phc2sys is and the clock that it follows is as well.
func (o *observer) osClock() {
	for _, c := range o.status.Clocks {
		if c.Program != linuxptp.Phc2sys.String() || c.Interface != systemClock {
			continue
		}
		v := value{address: Address(o.name, "/"+systemClock), state: c.State, metric: strconv.FormatInt(c.OffsetNs, 10), since: c.Since}
		if state, since := o.source(o.profileOf(c.Config)); state != "" {
			v.state, v.since = worst(v.state, state), later(v.since, since)
		}
		o.put(OSClock, v)
	}
}

// source is the state of the clock that a profile's phc2sys follows: the profile's own, or the best of those that stand
// in for each other (setting haProfiles). It is empty when none of them follows anything, as on a grandmaster.
func (o *observer) source(profile string) (state string, since time.Time) {
	from := []string{profile}
	for _, c := range o.profiles {
		if c.Name == profile && len(c.HA) > 0 {
			from = c.HA
		}
	}
	for _, c := range o.status.Clocks {
		if c.Program != linuxptp.Ptp4l.String() || !slices.Contains(from, o.profileOf(c.Config)) {
			continue
		}
		if state == "" || rank(c.State) < rank(state) {
			state = c.State
		}
		since = later(since, c.Since)
	}
	return state, since
}

func (o *observer) profileOf(config string) string {
	for _, p := range o.status.Processes {
		if p.Config == config {
			return p.Profile
		}
	}
	return ""
}

// syncState is the worst of all clocks of the node.
func (o *observer) syncState() {
	v := value{address: Address(o.name, SyncState)}
	for _, c := range slices.Concat(o.values[LockState], o.values[OSClock]) {
		v.state, v.since = worst(v.state, c.state), later(v.since, c.since)
	}
	if v.state != "" {
		o.put(SyncState, v)
	}
}

// rank orders states from good to bad; an unknown one is as bad as FREERUN.
func rank(state string) int {
	switch state {
	case locked:
		return 0
	case holdover:
		return 1
	}
	return 2
}

// worst is the worse of two states; an empty one does not count.
func worst(a, b string) string {
	if a == "" || b != "" && rank(b) > rank(a) {
		return b
	}
	return a
}
