package specs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/conformance/pmc"
	"github.com/ptplab/ptplab/conformance/sut"
)

// lookAt adds to an error where to look for its cause, on a line of its own. An end of the run needs none.
func lookAt(err error, places ...string) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w\nlook at: %s", err, strings.Join(places, "; "))
}

// process names the ptp4l of an instance: "ptp4l of bc1 on w1 (/var/run/ptp4l.1.config)".
func process(i sut.Instance) string {
	if i.Config == "" {
		return "ptp4l of " + i.String()
	}
	return fmt.Sprintf("ptp4l of %s (%s)", i, i.Config)
}

// upstreams names what an instance should take its time from, and the cables that lead there.
func (t *Test) upstreams(i sut.Instance) []string {
	var places []string
	for _, name := range i.Upstream {
		if up, ok := t.Inventory.Instance(name); ok {
			places = append(places, "its upstream, "+process(up))
		}
	}
	for _, port := range i.ReceivePorts {
		places = append(places, t.cable(sut.PortRef{Node: i.Node, Interface: port}))
	}
	return places
}

// cable names the cable of a port: "cable w1/ens1f1 to sw1/swp1".
func (t *Test) cable(at sut.PortRef) string {
	for _, p := range t.Inventory.Ports {
		if p.PortRef == at && p.Peer != (sut.PortRef{}) {
			return fmt.Sprintf("cable %s to %s", at, p.Peer)
		}
	}
	return fmt.Sprintf("port %s", at)
}

// whois names the instance that has a clockIdentity.
func (t *Test) whois(ctx context.Context, identity string) string {
	for _, i := range t.Inventory.Instances {
		if i.Config == "" {
			continue
		}
		// One that does not answer is not the one that is heard.
		if state, err := pmc.ReadState(ctx, t.System, i); err == nil && state.ClockIdentity == identity {
			return fmt.Sprintf("%s is %s", identity, i)
		}
	}
	return identity + " is no instance that answers: something else sends Announce messages"
}

// beginnings tells where errors begin, given by instance name which clocks err: at a clock that errs while none of its
// upstreams does.
func (t *Test) beginnings(ctx context.Context, errs map[string]bool) []string {
	var places []string
	for _, i := range t.Inventory.Instances {
		inherited := slices.ContainsFunc(i.Upstream, func(up string) bool { return errs[up] })
		if !errs[i.Name] || inherited {
			continue
		}
		place := i.String() + ", where the error begins"
		if offset, ok := t.offset(ctx, i); ok {
			place += fmt.Sprintf(" and ptp4l now reports an offset of %g ns", offset)
		}
		var cables []string
		for _, port := range i.ReceivePorts {
			cables = append(cables, t.cable(sut.PortRef{Node: i.Node, Interface: port}))
		}
		places = append(places, place, strings.Join(cables, ", ")+": if ptp4l sees no offset while the error lasts, the delay is not the same both ways")
	}
	return places
}

// offset is what the ptp4l of an instance measures, ns, where its node tells.
func (t *Test) offset(ctx context.Context, i sut.Instance) (float64, bool) {
	set, err := t.scrape(ctx, i.Node)
	if err != nil {
		return 0, false
	}
	active, err := activePort(set, i)
	if err != nil {
		return 0, false
	}
	offset, err := set.Offset(i.Node, active)
	return offset, err == nil
}
