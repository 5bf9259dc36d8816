// Package fake is a small simulated PTP network in its own time: clocks that follow each other through links,
// hold over, drift and come back. The suite's own tests run the specs on it, whole and sabotaged.
package fake

import (
	"fmt"
	"slices"
	"time"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

const (
	step         = 100 * time.Millisecond // of the simulation
	lockTime     = 3 * time.Second        // from hearing a parent to LOCKED
	correction   = 0.8                    // what is left of an offset after a step of the simulation
	bound        = 100.0                  // of the offset of a locked clock, ns
	driftPPB     = 50                     // of a clock that follows nobody
	holdoverTime = 5 * time.Second
	impostor     = "0a0000.fffe.00dead" // clockIdentity of an impostor
)

// World is a simulated system. Its exported fields are the ways to break it; change them between calls only.
type World struct {
	Stopped      map[string]bool          // instances whose ptp4l is stopped
	Domain       map[string]int           // instances whose ptp4l has another domain than the inventory says
	ClockError   map[string]float64       // instances whose clock is off by so many ns with ptp4l content
	Bypass       map[string]string        // instances that take time past their upstream, from the named instance
	HoldoverTime map[string]time.Duration // instances with another holdover time-out

	inventory  sut.Inventory
	now        time.Time
	down       map[sut.PortRef]bool
	asymmetry  map[sut.PortRef]float64
	objects    map[string]ptpconfig.PtpConfig // by name
	impostorAt string                         // the instance beside whose transmit port an impostor sends
	clocks     map[string]*clock
}

// clock is the state of one instance.
type clock struct {
	port    string        // receive port in use; empty for none
	parent  string        // instance it follows; empty for none
	hearing time.Duration // how long it has been following
	missing time.Duration // how long it has had no parent
	wasUp   bool          // it has been locked before
	drifted float64       // ns, since it follows nobody
	stepped float64       // ns, by which it was stepped and not yet corrected
}

// New makes a world out of an inventory, in which everything is cabled as the upstreams say and all clocks have just started.
func New(inventory sut.Inventory) *World {
	w := &World{
		Stopped: map[string]bool{}, Domain: map[string]int{}, ClockError: map[string]float64{}, Bypass: map[string]string{},
		HoldoverTime: map[string]time.Duration{},
		inventory:    inventory, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		objects: objectsOf(inventory), down: map[sut.PortRef]bool{}, asymmetry: map[sut.PortRef]float64{}, clocks: map[string]*clock{},
	}
	for _, i := range inventory.Instances {
		w.clocks[i.Name] = &clock{}
	}
	return w
}

// advance lets time pass.
func (w *World) advance(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		passed := min(step, end.Sub(w.now))
		w.now = w.now.Add(passed)
		for _, i := range w.inventory.Instances {
			w.tick(i, passed)
		}
	}
}

func (w *World) tick(i sut.Instance, passed time.Duration) {
	c := w.clocks[i.Name]
	if !i.IsReceiver() || w.Stopped[i.Name] {
		return
	}
	if !w.runs(i.Name) {
		*c = clock{drifted: c.drifted, stepped: c.stepped}
		return
	}
	c.port, c.parent = w.hears(i)
	if c.parent == "" {
		c.wasUp = c.wasUp || c.hearing >= lockTime
		c.hearing = 0
		c.missing += passed
		c.drifted += driftPPB * passed.Seconds()
		return
	}
	c.hearing += passed
	c.missing = 0
	if c.hearing >= lockTime {
		c.drifted = 0
		c.stepped *= correction
	}
}

// hears finds a receive port with a live link and an instance that answers behind it. The n-th receive port leads to the n-th
// upstream; further upstreams are behind the last port.
func (w *World) hears(i sut.Instance) (port, parent string) {
	upstreams := i.Upstream
	if other := w.Bypass[i.Name]; other != "" {
		upstreams = slices.Repeat([]string{other}, len(i.ReceivePorts))
	}
	for n, name := range upstreams {
		port := i.ReceivePorts[min(n, len(i.ReceivePorts)-1)]
		if w.down[sut.PortRef{Node: i.Node, Interface: port}] || !w.runs(name) || w.domain(name) != w.domain(i.Name) {
			continue
		}
		if w.announced(name) > threshold(i) {
			continue
		}
		return port, name
	}
	return "", ""
}

func (w *World) domain(name string) int {
	if domain, ok := w.Domain[name]; ok {
		return domain
	}
	i, _ := w.inventory.Instance(name)
	return i.Domain
}

// trueError is the error of an instance's clock, ns.
func (w *World) trueError(name string) float64 {
	i, _ := w.inventory.Instance(name)
	c := w.clocks[name]
	own := w.ClockError[name] + c.drifted + c.stepped
	if c.parent == "" {
		return own
	}
	receive := sut.PortRef{Node: i.Node, Interface: c.port}
	return own + w.trueError(c.parent) + w.asymmetry[receive]/2
}

// owner is the instance that a port belongs to.
func (w *World) owner(port sut.PortRef) (sut.Instance, error) {
	for _, i := range w.inventory.Instances {
		ports := append(slices.Clone(i.ReceivePorts), i.TransmitPorts...)
		if i.Node == port.Node && slices.Contains(ports, port.Interface) {
			return i, nil
		}
	}
	return sut.Instance{}, fmt.Errorf("no instance at port %s", port)
}
