package ptpconfig

import (
	"errors"
	"fmt"
	"strings"
)

// The labels that say which node has which part.
const (
	LabelGrandmaster = "ptp/test-grandmaster"
	LabelUnderTest   = "ptp/clock-under-test"
	LabelSlave1      = "ptp/test-slave1"
	LabelSlave2      = "ptp/test-slave2"
)

// The names of the generated objects, and of the one profile that each holds.
const (
	NameGrandmaster = "test-grandmaster"
	NameSlave1      = "test-slave1"
	NameSlave2      = "test-slave2"
	NameBC1         = "test-bc-master1"
	NameBC2         = "test-bc-master2"
	NameHA          = "test-dual-nic-bc-ha"
)

// Options change what is generated. The zero value has a local grandmaster, ordinary scheduling, no authentication and
// the operator's own thresholds.
type Options struct {
	ExternalGrandmaster     bool            // the time comes from outside; no grandmaster is made
	FIFO                    bool            // schedule the programs SCHED_FIFO
	Authentication          *Authentication // nil for none
	Thresholds              Thresholds
	DisableAllSlaveRTUpdate bool // leave CLOCK_REALTIME alone, because the nodes share one
}

// Thresholds go into ptpClockThreshold; 0 stands for the operator's default, given in brackets.
type Thresholds struct {
	MaxOffset int64 // ns (100)
	MinOffset int64 // ns (-100)
	HoldOver  int64 // s (5)
}

// Label is a label to be put on a node; its value is empty.
type Label struct{ Node, Key string }

// Set is what makes a mode: objects, and the labels that match them to nodes. With authentication, the Secret of
// Options.Authentication must be there before.
type Set struct {
	Objects []PtpConfig
	Labels  []Label
}

// Generate makes the objects and labels of a mode. The error says everything that is wrong with the arguments.
func Generate(mode Mode, roles Roles, options Options) (Set, error) {
	if _, err := ParseMode(string(mode)); err != nil {
		return Set{}, err
	}
	if mode == Discovery {
		return Set{}, errors.New("mode Discovery takes what is configured; nothing can be generated for it")
	}
	options = options.withDefaults()
	if err := errors.Join(options.check(), roles.check(mode, options.ExternalGrandmaster)); err != nil {
		return Set{}, fmt.Errorf("generate mode %s: %w", mode, err)
	}
	g := &generator{options: options}
	if !options.ExternalGrandmaster {
		g.grandmaster(roles.Grandmaster, roles.underTest(mode))
	}
	g.clocks(mode, roles)
	return g.set, nil
}

func (o Options) withDefaults() Options {
	t := &o.Thresholds
	for _, d := range []struct {
		value    *int64
		fallback int64
	}{{&t.MaxOffset, 100}, {&t.MinOffset, -100}, {&t.HoldOver, 5}} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	return o
}

func (o Options) check() error {
	var faults []error
	if t := o.Thresholds; t.MinOffset >= t.MaxOffset {
		faults = append(faults, fmt.Errorf("offset thresholds: %d ns is not below %d ns", t.MinOffset, t.MaxOffset))
	}
	if o.Thresholds.HoldOver < 0 {
		faults = append(faults, fmt.Errorf("holdover time-out: %d s is negative", o.Thresholds.HoldOver))
	}
	if o.Authentication != nil {
		faults = append(faults, o.Authentication.check())
	}
	return errors.Join(faults...)
}

// underTest is the node of the clock under test.
func (r Roles) underTest(mode Mode) string {
	if mode == OC || mode == DualFollower {
		return r.Slave1.Node
	}
	return r.BC1Receive.Node
}

// generator collects a Set.
type generator struct {
	options Options
	set     Set
}

// clocks adds the clocks of a mode, all but the grandmaster.
func (g *generator) clocks(mode Mode, r Roles) {
	switch mode {
	case OC:
		g.receiver(NameSlave1, LabelUnderTest, r.Slave1, g.phc2sys())
		return
	case DualFollower:
		g.dualFollower(r.Slave1, r.Slave2)
		return
	}
	first := g.phc2sys()
	if mode == DualNICBCHA {
		first = nil
	}
	g.boundary(NameBC1, r.BC1Receive, r.BC1Transmit, first)
	if mode != BC {
		g.boundary(NameBC2, r.BC2Receive, r.BC2Transmit, nil)
	}
	if mode == DualNICBCHA {
		g.highAvailability(r.BC1Receive.Node)
	}
	if r.Slave1 != (Port{}) {
		g.receiver(NameSlave1, LabelSlave1, r.Slave1, nil)
	}
	if r.Slave2 != (Port{}) {
		g.receiver(NameSlave2, LabelSlave2, r.Slave2, nil)
	}
}

// phc2sys gives the options of the phc2sys of a clock under test.
func (g *generator) phc2sys() *string {
	if g.options.DisableAllSlaveRTUpdate {
		return new(phc2sysNone)
	}
	return new(phc2sysReceive)
}

// grandmaster adds the grandmaster. On the node of the clock under test it goes without phc2sys: there the clock under
// test sets CLOCK_REALTIME, and time would go round in a circle.
func (g *generator) grandmaster(port Port, underTest string) {
	phc2sys := new(phc2sysTransmit)
	if port.Node == underTest && !g.options.DisableAllSlaveRTUpdate {
		phc2sys = nil
	}
	conf := BaseConf().Set(Global, "priority1", "0").Set(Global, "priority2", "0").Set(Global, "clockClass", "6").
		Set(port.Interface, "masterOnly", "1")
	g.add(NameGrandmaster, LabelGrandmaster, port.Node, Profile{
		Interface: new(port.Interface), Ptp4lOpts: new(ptp4lTransmit), Ptp4lConf: g.text(conf), Phc2sysOpts: phc2sys,
	})
}

// receiver adds an ordinary clock.
func (g *generator) receiver(name, label string, port Port, phc2sys *string) {
	g.add(name, label, port.Node, Profile{
		Interface: new(port.Interface), Ptp4lOpts: new(ptp4lReceive), Phc2sysOpts: phc2sys,
		Ptp4lConf: g.text(BaseConf().Set(port.Interface, "masterOnly", "0")),
	})
}

// dualFollower adds an ordinary clock with two ports.
func (g *generator) dualFollower(first, second Port) {
	conf := BaseConf().Set(Global, "slaveOnly", "1").
		Set(first.Interface, "masterOnly", "0").Set(second.Interface, "masterOnly", "0")
	g.add(NameSlave1, LabelUnderTest, first.Node, Profile{
		Ptp4lOpts: new(ptp4lReceive), Ptp4lConf: g.text(conf), Phc2sysOpts: g.phc2sys(),
	})
}

// boundary adds a boundary clock.
func (g *generator) boundary(name string, receive, transmit Port, phc2sys *string) {
	conf := BaseConf().Set(Global, "boundary_clock_jbod", "1").Set(Global, "gmCapable", "0").
		Set(receive.Interface, "masterOnly", "0").Set(transmit.Interface, "masterOnly", "1")
	g.add(name, LabelUnderTest, receive.Node, Profile{
		Ptp4lOpts: new(ptp4lTransmit), Ptp4lConf: g.text(conf), Phc2sysOpts: phc2sys,
	})
}

// highAvailability adds the phc2sys that takes its time from one of the two boundary clocks. DisableAllSlaveRTUpdate
// does not stop it, because without it nothing of the mode is left; nor has it thresholds.
func (g *generator) highAvailability(node string) {
	g.add(NameHA, LabelUnderTest, node, Profile{
		Ptp4lOpts: new(""), Phc2sysOpts: new(phc2sysHA),
		PtpSettings: map[string]string{"haProfiles": strings.Join([]string{NameBC1, NameBC2}, ",")},
	})
}

// text is a configuration as it goes into a profile, signed if it must be.
func (g *generator) text(conf Conf) *string {
	if g.options.Authentication != nil {
		conf = g.options.Authentication.apply(conf)
	}
	return new(string(conf))
}

// add adds an object with one profile, and the label that gives it to a node.
func (g *generator) add(name, label, node string, p Profile) {
	p.Name, p.PtpSchedulingPolicy, p.PtpSchedulingPriority = name, "SCHED_OTHER", schedulingPriority
	if g.options.FIFO {
		p.PtpSchedulingPolicy = "SCHED_FIFO"
	}
	if p.Ptp4lConf != nil {
		t := g.options.Thresholds
		p.PtpClockThreshold = &Threshold{HoldOverTimeout: t.HoldOver, MaxOffsetThreshold: t.MaxOffset, MinOffsetThreshold: t.MinOffset}
	}
	g.set.Objects = append(g.set.Objects, PtpConfig{
		APIVersion: APIVersion, Kind: Kind, Metadata: Metadata{Name: name, Namespace: Namespace},
		Spec: Spec{
			Profile:   []Profile{p},
			Recommend: []Recommend{{Profile: name, Priority: priority, Match: []Match{{NodeLabel: label}}}},
		},
	})
	for _, l := range g.set.Labels {
		if l == (Label{node, label}) {
			return
		}
	}
	g.set.Labels = append(g.set.Labels, Label{node, label})
}
