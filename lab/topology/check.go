package topology

import (
	"fmt"
	"strings"
)

// Limits of a lab.
const (
	MaxWorkers  = 1024
	MaxNICs     = 4096 // of all workers together; what the simulated PCI buses hold
	MaxNICPorts = 8    // functions of a PCI device
	maxClockOff = 86400 * Duration(1e9)
	maxDelay    = Duration(1e9)
	maxDrift    = Frequency(500e6) // 500 ppm
	maxWander   = Frequency(1e6)   // 1 ppm per square root of a second
	maxLoss     = Ratio(1e6)
)

// checker finds what is wrong with the meaning of a topology that could be read, at least in part. What it cannot
// know because of an earlier fault it does not complain about.
type checker struct {
	*decoder
	t       *Topology
	owners  map[string]string // what a worker, switch or grandmaster name is, "worker"
	plugged map[PortRef]plug
	busy    map[PortRef]string // the clock that uses a port
	steered map[PortRef]string // the clock that steers a NIC (worker/NIC)
}

// plug is what a worker port is plugged into.
type plug struct {
	into string // "VLAN 1500 of sw1", "the cable to w2/ens3f0"
	line int
	vlan bool
}

func (c *checker) check() {
	c.owners = map[string]string{}
	c.plugged = map[PortRef]plug{}
	c.busy = map[PortRef]string{}
	c.steered = map[PortRef]string{}
	c.head()
	c.workers()
	c.switches()
	c.cables()
	c.grandmasters()
	c.clocks()
}

// key and val are where the key and the value at a path stand.
func (c *checker) key(at path) span { return c.marks[at].key }
func (c *checker) val(at path) span { return c.marks[at].value }

func (c *checker) head() {
	for _, h := range []struct{ key, got, want string }{{"apiVersion", c.t.APIVersion, APIVersion}, {"kind", c.t.Kind, Kind}} {
		at := path("").key(h.key)
		if !c.broken[at] && h.got != h.want {
			c.add(c.val(at), fmt.Sprintf("%s is %s; this ptplab reads %s", h.key, show(h.got), h.want), exampleOf(at, ""))
		}
	}
	if at := path("").key("name"); !c.broken[at] {
		c.problem(c.val(at), checkLabel("lab name", c.t.Name, MaxLabName))
	}
}

// problem adds an error, if it is one.
func (c *checker) problem(at span, err error) {
	if err != nil {
		c.addProblem(at, err)
	}
}

// own notes the name of an owner of ports; names must differ, for each is a network namespace and a word before the slash.
func (c *checker) own(kind, name string, at span) {
	if other, taken := c.owners[name]; taken {
		c.add(at, fmt.Sprintf("%s %s has the name of a %s", kind, show(name), other), "workers, switches and grandmasters need names of their own")
		return
	}
	c.owners[name] = kind
}

func (c *checker) workers() {
	at := path("").key("workers")
	if len(c.t.Workers) == 0 && !c.broken[at] && !c.lost[at] {
		c.add(c.key(at), "the lab has no worker", exampleOf(at, ""))
	}
	if len(c.t.Workers) > MaxWorkers {
		c.add(c.key(at), fmt.Sprintf("%d workers are too many", len(c.t.Workers)), fmt.Sprintf("a lab has at most %d", MaxWorkers))
	}
	nics := 0
	for _, w := range c.t.Workers {
		here := at.key(w.Name)
		c.problem(c.key(here), checkLabel("worker name", w.Name, MaxWorkerName))
		c.own("worker", w.Name, c.key(here))
		if len(w.Value.NICs) == 0 && !c.broken[here] {
			c.fault(here.key("nics"), c.key(here.key("nics")), "worker "+show(w.Name)+" has no NIC", exampleOf(here.key("nics"), ""))
		}
		for _, n := range w.Value.NICs {
			c.nic(here.key("nics").key(n.Name), n.Name, n.Value)
		}
		nics += len(w.Value.NICs)
	}
	if nics > MaxNICs {
		c.add(c.key(at), fmt.Sprintf("%d NICs are too many", nics), fmt.Sprintf("the workers of a lab have at most %d together", MaxNICs))
	}
}

func (c *checker) nic(at path, name string, n NICSpec) {
	c.problem(c.key(at), checkNICName(name))
	c.inRange(at.key("ports"), n.Ports, 1, MaxNICPorts, "a NIC has 1 to 8 ports, one PCI function each")
	c.oscillator(at, n.OscillatorSpec)
}

func (c *checker) oscillator(at path, o OscillatorSpec) {
	bounded(c, at.key("offset"), o.Offset, -maxClockOff, maxClockOff)
	bounded(c, at.key("drift"), o.Drift, -maxDrift, maxDrift)
	bounded(c, at.key("wander"), o.Wander, 0, maxWander)
}

// bounded adds a fault if a quantity is out of bounds.
func bounded[T interface {
	~int64
	fmt.Stringer
}](c *checker, at path, v, least, most T) {
	if v < least || v > most {
		c.add(c.val(at), fmt.Sprintf("%s %s is outside %s to %s", at.last(), v, least, most), exampleOf(at, ""))
	}
}

// inRange adds a fault if an optional number is out of range.
func (c *checker) inRange(at path, v *int, least, most int, hint string) {
	if v != nil && !c.broken[at] && (*v < least || *v > most) {
		c.add(c.val(at), fmt.Sprintf("%s %d is outside %d-%d", at.last(), *v, least, most), hint)
	}
}

func (c *checker) domain(at path, v *int) {
	c.inRange(at.key("domain"), v, 0, 127, "PTP domains above 127 are reserved (IEEE 1588-2019 table 2)")
}

func (c *checker) switches() {
	if c.t.Switch != nil {
		at := path("").key("switch")
		if c.t.Switches != nil {
			c.add(c.key(path("").key("switches")), "switch and switches exclude each other", fmt.Sprintf("move the switch under switches, as %s", OnlySwitchName))
		}
		c.own("switch", OnlySwitchName, c.key(at))
		c.oneSwitch(at, OnlySwitchName, *c.t.Switch)
	}
	at := path("").key("switches")
	if c.t.Switches != nil && len(c.t.Switches) == 0 || c.marks[at].key.line > 0 && len(c.t.Switches) == 0 && !c.broken[at] {
		c.add(c.key(at), "switches is empty", exampleOf(at, ""))
	}
	for _, s := range c.t.Switches {
		c.problem(c.key(at.key(s.Name)), checkLabel("switch name", s.Name, MaxSwitchName))
		c.own("switch", s.Name, c.key(at.key(s.Name)))
		c.oneSwitch(at.key(s.Name), s.Name, s.Value)
	}
}

func (c *checker) oneSwitch(at path, name string, s SwitchSpec) {
	if s.PTP != nil {
		ptp := at.key("ptp")
		c.domain(ptp, s.PTP.Domain)
		if p := ptp.key("profile"); s.PTP.Profile != "" && s.PTP.Profile != DefaultProfile && !c.broken[p] {
			c.add(c.val(p), "profile "+show(s.PTP.Profile)+" is not known", "the only profile is "+DefaultProfile)
		}
	}
	vlans := at.key("vlans")
	if len(s.VLANs) == 0 && !c.broken[vlans] {
		c.fault(vlans, c.key(vlans), "switch "+name+" has no VLAN", exampleOf(vlans, ""))
	}
	for _, v := range s.VLANs {
		here := vlans.key(v.Name)
		_, err := parseVLAN(v.Name)
		c.problem(c.key(here), err)
		if len(v.Value) == 0 && !c.broken[here] {
			c.add(c.val(here), "VLAN "+show(v.Name)+" has no port", "list the worker ports in it: "+clip(v.Name)+": [w1/ens1f0, w2/ens2f0]")
		}
		for i, ref := range v.Value {
			c.plug(here.index(i), ref, plug{into: fmt.Sprintf("VLAN %s of %s", show(v.Name), name), vlan: true})
		}
	}
}

// plug notes that a port is plugged in; a port takes one plug.
func (c *checker) plug(at path, ref PortRef, into plug) {
	if !c.port(at, ref) {
		return
	}
	into.line = c.val(at).line
	before, taken := c.plugged[ref]
	switch {
	case taken && before.into == into.into:
		c.add(c.val(at), fmt.Sprintf("%s is listed twice in %s", ref, into.into), fmt.Sprintf("it is first on line %d", before.line))
	case taken && before.vlan && into.vlan:
		c.add(c.val(at), fmt.Sprintf("%s is in two VLANs", ref), fmt.Sprintf("it is in %s already (line %d); a port is an access port of one VLAN", before.into, before.line))
	case taken:
		c.add(c.val(at), fmt.Sprintf("%s is plugged in twice", ref), fmt.Sprintf("it is in %s already (line %d)", before.into, before.line))
	default:
		c.plugged[ref] = into
	}
}

// port says whether a port reference names a worker port, and adds a fault if it surely does not.
func (c *checker) port(at path, ref PortRef) bool {
	if ref == (PortRef{}) || c.full() { // unreadable, said already
		return false
	}
	workers := path("").key("workers")
	w := c.t.Workers.Get(ref.Owner)
	switch {
	case w != nil && portExists(w, ref.Port):
		return true
	case w != nil && c.portsUnknown(workers.key(ref.Owner), ref.Port):
		return false
	case w != nil:
		c.add(c.val(at), fmt.Sprintf("worker %s has no port %s", ref.Owner, show(ref.Port)), portHint(ref, w))
	case c.lost[workers]:
		return false
	case c.t.Switches.Get(ref.Owner) != nil || c.t.Switch != nil && ref.Owner == OnlySwitchName:
		c.add(c.val(at), show(ref.Owner)+" is a switch, and a port is worker/interface", "ptplab makes the ports of a switch; list worker ports")
	case c.t.Grandmasters.Get(ref.Owner) != nil:
		c.add(c.val(at), show(ref.Owner)+" is a grandmaster, and a port is worker/interface", "a grandmaster names its VLAN itself: grandmasters: {"+clip(ref.Owner)+": {vlan: 1500}}")
	default:
		c.add(c.val(at), "there is no worker "+show(ref.Owner), c.workerHint(ref))
	}
	return false
}

// portsUnknown says that a fault hides whether a worker has a port.
func (c *checker) portsUnknown(worker path, port string) bool {
	nic, _, _ := splitPort(port)
	nics := worker.key("nics")
	return c.lost[worker] || c.lost[nics] || c.broken[nics.key(nic)]
}

func (c *checker) workerHint(ref PortRef) string {
	names := make([]string, len(c.t.Workers))
	var having []string
	for i, w := range c.t.Workers {
		names[i] = w.Name
		if len(having) < 3 && portExists(&c.t.Workers[i].Value, ref.Port) {
			having = append(having, PortRef{w.Name, ref.Port}.String())
		}
	}
	if len(having) > 0 {
		return "did you mean " + strings.Join(having, " or ") + "?"
	}
	return didYouMean(ref.Owner, names, "the workers are: "+listSome(names))
}

// portExists says whether a worker has an interface.
func portExists(w *WorkerSpec, port string) bool {
	nic, index, ok := splitPort(port)
	if !ok {
		return false
	}
	n := w.NICs.Get(nic)
	return n != nil && index < portsOf(*n)
}

// splitPort takes "ens1f0" apart into NIC and port number.
func splitPort(port string) (nic string, index int, ok bool) {
	n := len(port)
	if n < 3 || port[n-2] != 'f' || !isDigit(rune(port[n-1])) {
		return "", 0, false
	}
	return port[:n-2], int(port[n-1] - '0'), true
}

// portsOf is the number of ports of a NIC.
func portsOf(n NICSpec) int {
	if n.Ports == nil {
		return DefaultNICPorts
	}
	return min(max(*n.Ports, 0), MaxNICPorts)
}

// portHint tells what ports there are.
func portHint(ref PortRef, w *WorkerSpec) string {
	if n := w.NICs.Get(ref.Port); n != nil {
		return fmt.Sprintf("%s is a NIC; write its port, such as %s/%s", ref.Port, ref.Owner, portName(ref.Port, 0))
	}
	if nic, _, ok := splitPort(ref.Port); ok && w.NICs.Get(nic) != nil {
		last := portsOf(*w.NICs.Get(nic)) - 1
		if last == 0 {
			return fmt.Sprintf("%s has one port, %s", nic, portName(nic, 0))
		}
		return fmt.Sprintf("the ports of %s are %s to %s", nic, portName(nic, 0), portName(nic, last))
	}
	var ports []string
	for _, n := range w.NICs {
		for i := range portsOf(n.Value) {
			ports = append(ports, PortRef{ref.Owner, portName(n.Name, i)}.String())
		}
	}
	return didYouMean(ref.String(), ports, "its ports are: "+listSome(ports))
}

// portName is the interface name of port i of a NIC.
func portName(nic string, i int) string { return fmt.Sprintf("%sf%d", nic, i) }

// listSome joins names for a hint.
func listSome(names []string) string {
	const most = 8
	shown := make([]string, 0, most)
	for _, n := range names[:min(most, len(names))] {
		shown = append(shown, show(n))
	}
	if len(names) > most {
		shown = append(shown, "...")
	}
	return strings.Join(shown, ", ")
}

func (c *checker) grandmasters() {
	all := path("").key("grandmasters")
	for _, g := range c.t.Grandmasters {
		at := all.key(g.Name)
		c.problem(c.key(at), checkLabel("grandmaster name", g.Name, MaxGrandmasterName))
		c.own("grandmaster", g.Name, c.key(at))
		c.domain(at, g.Value.Domain)
		c.inRange(at.key("clockClass"), g.Value.ClockClass, 0, 255, "it is one byte in a PTP message")
		c.inRange(at.key("priority1"), g.Value.Priority1, 0, 255, "it is one byte in a PTP message")
		c.inRange(at.key("priority2"), g.Value.Priority2, 0, 255, "it is one byte in a PTP message")
		c.oscillator(at, g.Value.OscillatorSpec)
		if g.Value.Cable != nil {
			c.link(at.key("cable"), *g.Value.Cable)
		}
		c.grandmasterVLAN(at, g.Value)
	}
}

// grandmasterVLAN checks that a grandmaster is plugged into a VLAN that exists.
func (c *checker) grandmasterVLAN(at path, g GrandmasterSpec) {
	switches := switchesOf(c.t)
	names := make([]string, len(switches))
	for i, s := range switches {
		names[i] = s.Name
	}
	var sw *SwitchSpec
	switch {
	case c.lost[path("").key("switch")] || c.lost[path("").key("switches")] || c.broken[at.key("switch")]:
		return
	case len(switches) == 0:
		c.add(c.key(at), "grandmaster "+show(at.last())+" has no switch to be plugged into", exampleOf(path("").key("switch"), ""))
		return
	case g.Switch != "":
		if sw = switches.Get(g.Switch); sw == nil {
			c.add(c.val(at.key("switch")), "there is no switch "+show(g.Switch), didYouMean(g.Switch, names, "the switches are: "+listSome(names)))
			return
		}
	case len(switches) > 1:
		c.add(c.key(at), "grandmaster "+show(at.last())+" does not say its switch", "write switch: and one of: "+listSome(names))
		return
	default:
		sw = &switches[0].Value
	}
	if c.broken[at.key("vlan")] || len(sw.VLANs) == 0 {
		return
	}
	id := fmt.Sprint(g.VLAN)
	if sw.VLANs.Get(id) == nil {
		var ids []string
		for _, v := range sw.VLANs {
			ids = append(ids, v.Name)
		}
		c.add(c.val(at.key("vlan")), "the switch has no VLAN "+id, "its VLANs are: "+listSome(ids))
	}
}

// switchesOf are the switches of a topology with their names, whichever key they are under.
func switchesOf(t *Topology) Named[SwitchSpec] {
	if t.Switch != nil {
		return Named[SwitchSpec]{{OnlySwitchName, *t.Switch}}
	}
	return t.Switches
}
