package arrange

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/solver"
)

// Choice says which port does what in a mode, and why those.
type Choice struct {
	Graph    *l2.Graph
	Solution solver.Solution
	Roles    ptpconfig.Roles
}

// Choose finds the ports for a mode in a network. It prefers time receivers behind the boundary clocks to none, unless
// they would share a hardware clock with another clock of the test. The error wraps a *solver.Unsolvable if the cabling does
// not give the mode.
func Choose(ctx context.Context, graph *l2.Graph, mode ptpconfig.Mode, external bool) (*Choice, error) {
	if _, err := ptpconfig.ParseMode(string(mode)); err != nil {
		return nil, err
	}
	network, err := solver.NewNetwork(Ports(graph))
	if err != nil {
		return nil, fmt.Errorf("ports of the network: %w", err)
	}
	var found []solver.Solution
	var last error
	for _, name := range problems(mode, external) {
		problem, ok := solver.Find(name)
		if !ok {
			return nil, fmt.Errorf("mode %s is not one that the suite configures", mode)
		}
		solution, err := network.Best(ctx, problem)
		if err != nil && !errors.As(err, new(*solver.Unsolvable)) {
			return nil, fmt.Errorf("choose ports for mode %s: %w", mode, err)
		}
		if err != nil {
			last = err
			continue
		}
		found = append(found, solution)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the cabling does not give mode %s: %w", mode, last)
	}
	best := found[0]
	for _, other := range found[1:] {
		if other.Score.SharedNICs < best.Score.SharedNICs {
			best = other
		}
	}
	return &Choice{graph, best, roles(best)}, nil
}

// problems are the names of the solver's problems for a mode, the one to prefer first.
func problems(mode ptpconfig.Mode, external bool) []string {
	suffix := ""
	if external {
		suffix = "ExtGM"
	}
	switch mode {
	case ptpconfig.BC:
		return []string{"BCWithSlaves" + suffix, "BC" + suffix}
	case ptpconfig.DualNICBC, ptpconfig.DualNICBCHA:
		return []string{"DualNicBCWithSlaves" + suffix, "DualNicBC" + suffix}
	}
	return []string{string(mode) + suffix}
}

func roles(s solver.Solution) ptpconfig.Roles {
	port := func(names ...solver.Role) ptpconfig.Port {
		for _, name := range names {
			if p, ok := s.Ports[name]; ok {
				return ptpconfig.Port{Node: p.Node, Interface: p.Interface}
			}
		}
		return ptpconfig.Port{}
	}
	return ptpconfig.Roles{
		Grandmaster: port(solver.GM),
		Slave1:      port(solver.OC1, solver.OC1Port1), Slave2: port(solver.OC2, solver.OC1Port2),
		BC1Receive: port(solver.BC1Receive), BC1Transmit: port(solver.BC1Transmit),
		BC2Receive: port(solver.BC2Receive), BC2Transmit: port(solver.BC2Transmit),
	}
}

// usableClass is the largest clockClass that the generated clocks follow: their clock_class_threshold.
const usableClass = 7

// Ports are the ports of a graph that can be ports of a clock, as the solver sees them.
func Ports(graph *l2.Graph) []solver.Port {
	var ports []solver.Port
	for _, p := range graph.PTPPorts() {
		port := solver.Port{
			Node: p.Node, Interface: p.Interface, NIC: fmt.Sprint(p.NIC), LAN: p.LAN,
			PTP: true, ReceivesPTP: followable(p), WPC: isWPC(p),
		}
		for _, a := range p.Announces {
			port.Announces = append(port.Announces, solver.Announce{Domain: int(a.Domain), ClockClass: int(a.Class), Grandmaster: a.Grandmaster})
		}
		ports = append(ports, port)
	}
	return ports
}

// followable says whether a port hears a grandmaster outside the system that generated clocks would follow. A boundary clock
// without a grandmaster announces itself as well, with a class that nobody should follow. Reports of old daemons tell no
// Announce messages; then PTP from outside is enough.
func followable(p l2.Port) bool {
	if len(p.Outside) == 0 {
		return false
	}
	for _, a := range p.Announces {
		if a.Class <= usableClass {
			return true
		}
	}
	return len(p.Announces) == 0
}

// isWPC says whether a port is on a Westport Channel card, Intel E810-XXV-4T: by its name or by what only such cards have.
func isWPC(p l2.Port) bool {
	if !p.Pins {
		return false
	}
	return p.GNSS != "" || p.PCI != nil && strings.Contains(p.PCI.Subsystem, "E810-XXV-4T")
}
