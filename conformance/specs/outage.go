package specs

import (
	"context"
	"fmt"
	"slices"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

func outageSpecs() []Spec {
	return []Spec{{
		Area:  AreaOutage,
		Name:  "the clocks under test lock again after all their upstream links were down",
		Modes: []Mode{OC, BC, DualNICBC, DualNICBCHA},
		Check: checkOutage,
	}, {
		Area:  AreaOutage,
		Name:  "the boundary clocks have their grandmaster's clock class again after all their upstream links were down",
		Modes: []Mode{BC, DualNICBC, DualNICBCHA},
		Check: checkOutageClass,
	}}
}

// outage is all that is taken down at once.
type outage struct {
	clocks []sut.Instance // with the receive ports that are taken down
	ports  []sut.PortRef
}

// outage finds what may be taken down: the receive ports of the clocks under test but those that the settings exclude.
func (t *Test) outage() (outage, error) {
	var o outage
	for _, i := range underTest(t.Inventory) {
		i.ReceivePorts = slices.DeleteFunc(slices.Clone(i.ReceivePorts), func(name string) bool {
			return slices.Contains(t.Settings.SkipInterfaces, name)
		})
		if len(i.ReceivePorts) == 0 {
			continue
		}
		o.clocks = append(o.clocks, i)
		for _, name := range i.ReceivePorts {
			o.ports = append(o.ports, sut.PortRef{Node: i.Node, Interface: name})
		}
	}
	if len(o.ports) == 0 {
		return o, Skipped("by the settings no receive port of the clocks under test may be taken down")
	}
	return o, t.needSync(disturbed(t.Inventory, o.clocks...)...)
}

// down takes all links down and waits until every port is FAULTY.
func (t *Test) down(ctx context.Context, o outage, also ...wait.Probe) error {
	for _, port := range o.ports {
		if err := t.linkDown(ctx, port); err != nil {
			return err
		}
	}
	subject := fmt.Sprintf("every receive port of %s to be FAULTY after its link was set down", names(o.clocks))
	took, err := t.until(ctx, subject, t.Settings.LockWithin, both(append([]wait.Probe{t.faultyProbe(o)}, also...)...))
	if err != nil {
		return lookAt(err, t.linkPlaces(o.ports[0])...)
	}
	t.measureSeconds("links down to FAULTY", took)
	return nil
}

// faultyProbe looks whether every port is FAULTY.
func (t *Test) faultyProbe(o outage) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		for _, port := range o.ports {
			set, err := t.scrape(ctx, port.Node)
			if err != nil {
				return false, "", err
			}
			role, err := set.Role(port.Node, port.Interface)
			if err != nil || role != metrics.RoleFaulty {
				return false, fmt.Sprintf("%s is %s", port, role), err
			}
		}
		return true, "", nil
	}
}

// up takes all links up again.
func (t *Test) up(ctx context.Context, o outage) error {
	for _, port := range o.ports {
		if err := t.System.SetLink(ctx, port, true); err != nil {
			return fmt.Errorf("set link %s up: %w", port, err)
		}
	}
	return nil
}

// checkOutage takes all upstream links down and up.
func checkOutage(ctx context.Context, t *Test) error {
	o, err := t.outage()
	if err != nil {
		return err
	}
	if err := t.startLocked(ctx, o.clocks...); err != nil {
		return err
	}
	if err := t.down(ctx, o); err != nil {
		return err
	}
	if err := t.up(ctx, o); err != nil {
		return err
	}
	return t.untilAllLocked(ctx, "all upstream links were set up again", disturbed(t.Inventory, o.clocks...)...)
}

// checkOutageClass takes all upstream links down: no boundary clock may tell the class of a grandmaster that it does not hear. When the
// links are up again, it must.
func checkOutageClass(ctx context.Context, t *Test) error {
	o, err := t.outage()
	if err != nil {
		return err
	}
	if err := needConfig(o.clocks...); err != nil {
		return err
	}
	if err := t.startLocked(ctx, o.clocks...); err != nil {
		return err
	}
	var with, without []wait.Probe
	for _, i := range o.clocks {
		before, err := t.class(ctx, i)
		if err != nil {
			return err
		}
		good := before.state.GrandmasterClass
		with = append(with, t.toldProbe(i, good))
		if len(i.ReceivePorts) < t.receivePorts(i) {
			continue // it still hears its grandmaster on another port
		}
		without = append(without, named(i, func(ctx context.Context) (bool, string, error) {
			here, err := t.class(ctx, i)
			return here.metric != good && here.state.GrandmasterClass != good, fmt.Sprintf("%s, and there is no such grandmaster", here), err
		}))
	}
	if err := t.down(ctx, o, without...); err != nil {
		return err
	}
	if err := t.up(ctx, o); err != nil {
		return err
	}
	subject := fmt.Sprintf("%s to have the clock class of the grandmaster after all upstream links were set up again", names(o.clocks))
	took, err := t.until(ctx, subject, t.Settings.LockWithin, both(with...))
	if err != nil {
		return lookAt(err, process(o.clocks[0]))
	}
	t.measureSeconds("links up to the grandmaster's clock class", took)
	return t.untilAllLocked(ctx, "all upstream links were set up again", disturbed(t.Inventory, o.clocks...)...)
}

// receivePorts is how many receive ports an instance has, those that may not be taken down included.
func (t *Test) receivePorts(i sut.Instance) int {
	all, _ := t.Inventory.Instance(i.Name)
	return len(all.ReceivePorts)
}
