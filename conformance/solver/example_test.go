package solver_test

import (
	"context"
	"fmt"

	"github.com/ptplab/ptplab/conformance/solver"
)

func Example() {
	n, err := solver.NewNetwork([]solver.Port{
		{Node: "w1", NIC: "ens1", Interface: "ens1f0", LAN: 1500, PTP: true},
		{Node: "w1", NIC: "ens1", Interface: "ens1f1", LAN: 1501, PTP: true},
		{Node: "w2", NIC: "ens2", Interface: "ens2f0", LAN: 1500, PTP: true},
		{Node: "w3", NIC: "ens3", Interface: "ens3f0", LAN: 1501, PTP: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	problem, _ := solver.Find("BCWithSlaves")
	best, err := n.Best(context.Background(), problem)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, role := range best.Roles {
		fmt.Println(role, best.Ports[role])
	}
	fmt.Println(best.Score)
	// Output:
	// gm w2/ens2f0
	// bc1.receive w1/ens1f0
	// bc1.transmit w1/ens1f1
	// oc1 w3/ens3f0
	// perfect
}

// A problem of one's own: a chain of two boundary clocks on different nodes. It has a solution as soon as the first
// clock reaches the second.
func Example_ownProblem() {
	chain := solver.Problem{
		Name:  "chain",
		Roles: []solver.Role{"gm", "near.receive", "near.transmit", "far.receive", "far.transmit"},
		Constraints: []solver.Constraint{
			solver.SameLAN("gm", "near.receive"),
			solver.SameNIC("near.receive", "near.transmit"),
			solver.SameLAN("near.transmit", "far.receive"),
			solver.SameNIC("far.receive", "far.transmit"),
			solver.Not(solver.SameLAN("gm", "far.receive")),
			solver.Not(solver.SameNode("near.receive", "far.receive")),
		},
		Prefer: []solver.Constraint{solver.Not(solver.SameLAN("gm", "far.transmit"))},
	}
	ports := []solver.Port{
		{Node: "w1", NIC: "ens1", Interface: "ens1f0", LAN: 1500},
		{Node: "w2", NIC: "ens1", Interface: "ens1f0", LAN: 1500},
		{Node: "w2", NIC: "ens1", Interface: "ens1f1", LAN: 1500},
		{Node: "w3", NIC: "ens1", Interface: "ens1f0", LAN: 1501},
		{Node: "w3", NIC: "ens1", Interface: "ens1f1", LAN: 1502},
	}
	for _, lan := range []int{1500, 1501} {
		ports[2].LAN = lan
		n, err := solver.NewNetwork(ports)
		if err != nil {
			fmt.Println(err)
			return
		}
		best, err := n.Best(context.Background(), chain)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(best)
	}
	// Output:
	// no solution for chain: these do not hold together:
	//   gm and near.receive are on one LAN
	//   near.transmit and far.receive are on one LAN
	// needs one LAN for gm and near.receive and one LAN for far.receive and near.transmit; nearest: w2/ens1f1 for near.transmit, on LAN 1500; w3/ens1f0 for far.receive, on LAN 1501
	// this would do: w2/ens1f0 to LAN 1501
	// gm=w1/ens1f0 near.receive=w2/ens1f0 near.transmit=w2/ens1f1 far.receive=w3/ens1f0 far.transmit=w3/ens1f1
}
