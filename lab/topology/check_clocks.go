package topology

import (
	"fmt"
	"slices"
	"strings"
)

// steering is what steers the system clock of a worker.
type steering struct {
	group string // of high availability, "" for a single clock
	clock string
	line  int
	count int // clocks in the group
}

func (c *checker) clocks() {
	all := path("").key("clocks")
	system := map[string]*steering{} // by worker
	for _, k := range c.t.Clocks {
		at := all.key(k.Name)
		c.problem(c.key(at), checkLabel("clock name", k.Name, MaxClockName))
		c.domain(at, k.Value.Domain)
		if !c.broken[at.key("type")] {
			c.clockType(at, k.Name, k.Value)
		}
		worker := c.clockPorts(at, k.Name, k.Value)
		c.highAvailability(at, k.Value)
		if worker != "" {
			c.systemClock(at, k.Name, worker, k.Value, system)
		}
	}
	for _, k := range c.t.Clocks {
		at := all.key(k.Name).key("highAvailability")
		if s := system[workerOf(k.Value)]; s != nil && s.count == 1 && s.clock == k.Name && s.group != "" && !c.broken[all] {
			c.add(c.val(at), fmt.Sprintf("group %s has one clock only", show(s.group)), "give a second clock of the worker the same group; it takes over when this one loses its time")
		}
	}
}

// clockType checks that a clock has the ports that its type needs.
func (c *checker) clockType(at path, name string, k ClockSpec) {
	receive, transmit := at.key("receive"), at.key("transmit")
	needs := func(what path, verb string) {
		c.add(c.key(at), fmt.Sprintf("%s clock %s has no port to %s on", k.Type, show(name), verb), "add "+strings.TrimPrefix(exampleOf(what, ""), "such as "))
	}
	if k.Type != ClockGrandmaster && len(k.Receive) == 0 && !c.broken[receive] {
		needs(receive, "receive")
	}
	if k.Type != ClockOrdinary && len(k.Transmit) == 0 && !c.broken[transmit] {
		needs(transmit, "transmit")
	}
	if k.Type == ClockGrandmaster && len(k.Receive) > 0 {
		c.add(c.key(receive), fmt.Sprintf("grandmaster %s receives time", show(name)), "a grandmaster transmits only; a clock that does both is of type boundary")
	}
	if k.Type == ClockOrdinary && len(k.Transmit) > 0 {
		c.add(c.key(transmit), fmt.Sprintf("ordinary clock %s transmits time", show(name)), "an ordinary clock receives only; a clock that does both is of type boundary")
	}
	if nics := nicsOf(append(slices.Clone(k.Receive), k.Transmit...)); k.Type == ClockBoundary && len(nics) > 1 && !k.SystemClock && k.HighAvailability == "" && !c.broken[at] {
		c.add(c.key(at), fmt.Sprintf("boundary clock %s spans the NICs %s, and each has a hardware clock of its own", show(name), listSome(nics)), "use ports of one NIC, or add systemClock: true, so that phc2sys carries the time over")
	}
}

// nicsOf are the NICs of some ports of one worker.
func nicsOf(ports []PortRef) []string {
	var nics []string
	for _, p := range ports {
		if p.Owner != ports[0].Owner {
			return nil // a fault of its own
		}
		if nic, _, ok := splitPort(p.Port); ok && !slices.Contains(nics, nic) {
			nics = append(nics, nic)
		}
	}
	return nics
}

// clockPorts checks the ports of a clock and returns its worker, "" if that is not clear.
func (c *checker) clockPorts(at path, name string, k ClockSpec) string {
	worker, first, clear := "", PortRef{}, true
	for _, list := range []struct {
		key   string
		ports []PortRef
	}{{"receive", k.Receive}, {"transmit", k.Transmit}} {
		for i, ref := range list.ports {
			here := at.key(list.key).index(i)
			if !c.port(here, ref) {
				clear = false
				continue
			}
			if worker == "" {
				worker, first = ref.Owner, ref
			}
			if ref.Owner != worker {
				c.add(c.val(here), fmt.Sprintf("clock %s is on %s and on %s", show(name), first, ref), "a clock runs on one worker; make it two clocks")
				clear = false
				continue
			}
			c.use(here, name, ref, list.key == "receive")
		}
	}
	if !clear {
		return ""
	}
	return worker
}

// use notes that a clock uses a port.
func (c *checker) use(at path, clock string, ref PortRef, receives bool) {
	if other, taken := c.busy[ref]; taken {
		what := "clock " + show(other) + " uses " + ref.String() + " already"
		if other == clock {
			what = ref.String() + " is listed twice in clock " + show(clock)
		}
		c.add(c.val(at), what, "a port belongs to one clock, and either receives or transmits")
		return
	}
	c.busy[ref] = clock
	if _, plugged := c.plugged[ref]; !plugged && !c.switchesUnknown() && !c.broken[path("").key("cables")] {
		c.add(c.val(at), fmt.Sprintf("%s is plugged into nothing: it is in no VLAN and has no cable", ref), "add it to a VLAN of a switch, or to cables")
	}
	nic, _, _ := splitPort(ref.Port)
	owner := PortRef{ref.Owner, nic}
	if !receives {
		return
	}
	if other, steered := c.steered[owner]; steered && other != clock {
		c.add(c.val(at), fmt.Sprintf("clocks %s and %s would both steer the hardware clock of %s", show(other), show(clock), owner), "the ports of a NIC share one hardware clock; receive on another NIC, or make it one clock")
		return
	}
	c.steered[owner] = clock
}

// highAvailability checks the group of a clock.
func (c *checker) highAvailability(at path, k ClockSpec) {
	here := at.key("highAvailability")
	if k.HighAvailability == "" {
		if c.marks[here].key.line > 0 && !c.broken[here] {
			c.add(c.val(here), "highAvailability is empty", "name a group, such as ha1, or leave the key out")
		}
		return
	}
	c.problem(c.val(here), checkLabel("group name", k.HighAvailability, MaxClockName))
	if k.Type == ClockGrandmaster {
		c.add(c.key(here), "a grandmaster has nothing to fail over to", "groups are of boundary and ordinary clocks")
	}
	if k.SystemClock {
		c.add(c.key(at.key("systemClock")), "systemClock and highAvailability exclude each other", "the phc2sys of the group steers the system clock")
	}
}

// systemClock checks that one thing steers the system clock of a worker.
func (c *checker) systemClock(at path, name, worker string, k ClockSpec, system map[string]*steering) {
	if !k.SystemClock && k.HighAvailability == "" {
		return
	}
	here := at.key("systemClock")
	if k.HighAvailability != "" {
		here = at.key("highAvailability")
	}
	s := system[worker]
	switch {
	case s == nil:
		system[worker] = &steering{k.HighAvailability, name, c.key(here).line, 1}
	case s.group != "" && s.group == k.HighAvailability:
		s.count++
	default:
		c.add(c.key(here), fmt.Sprintf("clocks %s and %s would both steer the system clock of %s", show(s.clock), show(name), worker), fmt.Sprintf("one clock or one highAvailability group steers it; see line %d", s.line))
	}
}

// workerOf is the worker of a clock, by its first port.
func workerOf(k ClockSpec) string {
	for _, p := range append(slices.Clone(k.Receive), k.Transmit...) {
		return p.Owner
	}
	return ""
}
