package topology

import "fmt"

func (c *checker) cables() {
	all := path("").key("cables")
	shaped := map[PortRef]int{} // the line that gives the properties of a port's cable
	for i, cable := range c.t.Cables {
		at := all.index(i)
		c.link(at, cable.LinkSpec)
		between, port := at.key("between"), at.key("port")
		switch {
		case cable.Between != nil && cable.Port != nil:
			c.add(c.key(port), "a cable has either between or port", "between: is a cable of two worker ports; port: is the cable from a worker port to its switch")
		case cable.Between != nil:
			c.direct(between, cable.Between)
		case cable.Port != nil:
			c.shape(port, *cable.Port, shaped)
		case !c.broken[at]:
			c.add(c.val(at), "this cable has neither between nor port", exampleOf(between, "")+", or port: w1/ens1f0")
		}
	}
}

// direct checks a cable between two worker ports.
func (c *checker) direct(at path, ends []PortRef) {
	if len(ends) != 2 {
		if !c.broken[at] {
			c.add(c.val(at), fmt.Sprintf("a cable has two ends, this one has %d", len(ends)), exampleOf(at, ""))
		}
		return
	}
	if ends[0] == ends[1] {
		if c.port(at.index(0), ends[0]) {
			c.add(c.val(at.index(1)), fmt.Sprintf("a cable from %s to itself", ends[0]), "name two different ports")
		}
		return
	}
	for i, ref := range ends {
		c.plug(at.index(i), ref, plug{into: fmt.Sprintf("the cable to %s", ends[1-i])})
	}
}

// shape checks an entry that gives properties to the cable from a worker port to its switch.
func (c *checker) shape(at path, ref PortRef, shaped map[PortRef]int) {
	if !c.port(at, ref) {
		return
	}
	p, plugged := c.plugged[ref]
	switch first, twice := shaped[ref]; {
	case twice:
		c.add(c.val(at), fmt.Sprintf("the cable of %s is described twice", ref), fmt.Sprintf("it is first on line %d", first))
		return
	case !plugged && !c.switchesUnknown():
		c.add(c.val(at), fmt.Sprintf("%s has no cable: it is in no VLAN", ref), "add it to a VLAN of the switch, or give a second port under between")
	case plugged && !p.vlan:
		c.add(c.val(at), fmt.Sprintf("%s is not plugged into a switch but into %s", ref, p.into), "give the properties where the cable is, beside its between")
	}
	shaped[ref] = c.val(at).line
}

// switchesUnknown says that a switch could not be read as a whole, so that what is plugged into it is not known.
func (c *checker) switchesUnknown() bool {
	return c.broken[path("").key("switch")] || c.broken[path("").key("switches")] || c.lost[path("").key("switch")] || c.lost[path("").key("switches")]
}

// link checks what a cable does to frames.
func (c *checker) link(at path, l LinkSpec) {
	delay := Duration(DefaultCableDelay)
	if l.Delay != nil {
		delay = *l.Delay
		bounded(c, at.key("delay"), delay, 0, maxDelay)
	}
	bounded(c, at.key("jitter"), l.Jitter, 0, maxDelay)
	bounded(c, at.key("loss"), l.Loss, 0, maxLoss)
	if c.broken[at.key("delay")] || delay < 0 || delay > maxDelay {
		return
	}
	ab, ba := Cable{DelayNs: int64(delay), AsymmetryNs: int64(l.Asymmetry)}.DirectionsNs()
	switch where := c.val(at.key("asymmetry")); {
	case ab < 0 || ba < 0:
		hint := fmt.Sprintf("half of it is taken from the delay of one direction; give a delay of at least %s", Duration((max(l.Asymmetry, -l.Asymmetry)+1)/2))
		if l.Asymmetry > 2*maxDelay || l.Asymmetry < -2*maxDelay {
			hint = "half of it is taken from the delay of one direction, which is at most 1s"
		}
		c.add(where, fmt.Sprintf("an asymmetry of %s needs more delay than %s", l.Asymmetry, delay), hint)
	case ab > int64(maxDelay) || ba > int64(maxDelay):
		c.add(where, fmt.Sprintf("delay %s and asymmetry %s exceed 1s in one direction", delay, l.Asymmetry), "half of the asymmetry is added to the delay of one direction")
	}
}
