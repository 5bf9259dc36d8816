package record

import (
	"context"
	"slices"
	"time"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
)

// lookEvery is how often, in the system's time, all nodes and clocks are looked at while the suite looks at some.
const lookEvery = time.Second

// lookLong is how often they are looked at in the course of one long measurement.
const lookLong = 100

// Recorder watches a system while the suite uses it. It looks whenever the suite does, at the same instant, and lets no time
// pass by itself. What the system does not answer to a look is counted and does not disturb the suite.
type Recorder struct {
	system sut.System
	truth  sut.Truth // nil if the system has none
	nodes  []string
	record Record
	looked time.Time // when all was last looked at
	links  map[sut.PortRef]int
}

// New makes a recorder for a system.
func New(system sut.System) *Recorder {
	r := &Recorder{system: system, links: map[sut.PortRef]int{}}
	r.truth, _ = sut.As[sut.Truth](system)
	return r
}

// System is the system under watch, to hand to the suite in place of the bare one.
func (r *Recorder) System() sut.System {
	if r.truth == nil {
		return watched{r.system, r}
	}
	return truthful{watched{r.system, r}}
}

// Record is what was seen so far.
func (r *Recorder) Record() Record { return r.record }

// know begins a clock for each instance that is not known. Specs that change a system ask again what it consists of.
func (r *Recorder) know(inv sut.Inventory) {
	r.nodes = inv.Nodes
	for _, i := range inv.Instances {
		if r.knows(i) {
			continue
		}
		clock := Clock{Instance: i, Against: against(inv, i), State: Track{Name: i.String()}}
		for _, port := range ports(i) {
			clock.Roles = append(clock.Roles, Track{Name: sut.PortRef{Node: i.Node, Interface: port}.String()})
		}
		r.record.Clocks = append(r.record.Clocks, clock)
	}
}

// knows brings a known clock up to date; it is the same as long as its name, its node and its ports are.
func (r *Recorder) knows(i sut.Instance) bool {
	for n := range r.record.Clocks {
		c := &r.record.Clocks[n]
		if c.Name == i.Name && c.Node == i.Node && slices.Equal(ports(c.Instance), ports(i)) {
			c.Instance = i
			return true
		}
	}
	return false
}

func ports(i sut.Instance) []string {
	return append(append([]string{}, i.ReceivePorts...), i.TransmitPorts...)
}

// against is the one grandmaster at the ends of all of an instance's chains; "" if there are several, or none is known.
func against(inv sut.Inventory, i sut.Instance) string {
	found := ""
	for _, chain := range inv.Chains(i) {
		end := chain[len(chain)-1].Name
		if found != "" && found != end {
			return ""
		}
		found = end
	}
	return found
}

// now is the system's time; ok says whether it is known.
func (r *Recorder) now(ctx context.Context) (at time.Time, ok bool) {
	at, err := r.system.Now(ctx)
	if err != nil {
		r.missed(err)
		return at, false
	}
	if r.record.Start.IsZero() {
		r.record.Start = at
	}
	r.record.End = at
	return at, true
}

func (r *Recorder) missed(err error) {
	r.record.Missed++
	r.record.LastMiss = err.Error()
}

// look looks at all nodes and clocks, unless it has done so shortly before.
func (r *Recorder) look(ctx context.Context) {
	at, ok := r.now(ctx)
	if !ok || !r.looked.IsZero() && at.Sub(r.looked) < lookEvery {
		return
	}
	r.looked = at
	for _, node := range r.nodes {
		text, err := r.system.Metrics(ctx, node)
		if err != nil {
			r.missed(err)
			continue
		}
		r.scraped(at, node, text)
	}
	if r.truth == nil {
		return
	}
	series, err := r.truth.TrueError(ctx, r.clockPorts(), 0, lookEvery)
	if err != nil {
		r.missed(err)
		return
	}
	r.sampled(at, series)
}

func (r *Recorder) clockPorts() []sut.PortRef {
	var all []sut.PortRef
	for _, c := range r.record.Clocks {
		all = append(all, c.ClockPort())
	}
	return all
}

// faultyOffset is the offset in ns that linuxptp-daemon reports for a clock without a time transmitter. It is no measurement.
const faultyOffset = 999_999

// scraped takes what a node's metrics say of its clocks.
func (r *Recorder) scraped(at time.Time, node string, text []byte) {
	set, err := metrics.Parse(text)
	if err != nil {
		r.missed(err)
		return
	}
	for n := range r.record.Clocks {
		c := &r.record.Clocks[n]
		if c.Node != node {
			continue
		}
		for k, port := range ports(c.Instance) {
			if role, err := set.Role(node, port); err == nil {
				c.Roles[k].see(at, role.String())
			}
		}
		if !c.IsReceiver() {
			continue
		}
		if state, err := set.ClockState(node, c.ReceivePorts[0]); err == nil {
			c.State.see(at, state.String())
		}
		if offset, err := set.Offset(node, c.ReceivePorts[0]); err == nil && offset != faultyOffset {
			c.Offset.Add(at, offset)
		}
	}
}

// sampled takes true errors of one measurement that began at an instant. A clock's is that of its grandmaster's clock less, where the
// same measurement has both.
func (r *Recorder) sampled(start time.Time, series []sut.Series) {
	byPort := map[sut.PortRef][]sut.Sample{}
	for _, s := range series {
		byPort[s.Port] = s.Samples
	}
	grandmaster := map[string][]sut.Sample{"": nil}
	for _, c := range r.record.Clocks {
		if samples, ok := byPort[c.ClockPort()]; ok && !c.IsReceiver() {
			grandmaster[c.Name] = samples
		}
	}
	for n := range r.record.Clocks {
		c := &r.record.Clocks[n]
		reference, known := grandmaster[c.Against]
		if !known || !c.IsReceiver() {
			continue
		}
		for k, sample := range byPort[c.ClockPort()] {
			ns := sample.ErrorNs
			if c.Against != "" && k < len(reference) {
				ns -= reference[k].ErrorNs
			}
			c.TrueError.Add(start.Add(sample.At), ns)
		}
	}
}

// link notes that a link was set.
func (r *Recorder) link(at time.Time, port sut.PortRef, up bool) {
	n, ok := r.links[port]
	if !ok {
		n = len(r.record.Links)
		r.links[port] = n
		r.record.Links = append(r.record.Links, Track{Name: port.String()})
	}
	value := "down"
	if up {
		value = "up"
	}
	r.record.Links[n].see(at, value)
}
