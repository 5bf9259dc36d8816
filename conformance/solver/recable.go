package solver

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Move is a change of cabling: a port goes to another LAN.
type Move struct {
	Port Port // as it is now
	LAN  int  // where it should be; 0 for a LAN that does not exist yet, the same one for all moves
}

// recable finds one move, or else two, of ports of the near miss, after which the problem has a solution. Each answer
// was solved.
func (n *Network) recable(ctx context.Context, p Problem, near nearMiss) ([]Move, error) {
	var ports []Port
	for _, role := range p.Roles {
		if port, ok := near.ports[role]; ok {
			ports = append(ports, port)
		}
	}
	around := n.around(ports)
	lans := append(someLANs(ports, around), 0)
	var moves []Move
	for _, port := range ports {
		for _, lan := range lans {
			if lan != port.LAN {
				moves = append(moves, Move{port, lan})
			}
		}
	}
	for i, one := range moves {
		if done, err := solves(ctx, p, around, one); done || err != nil {
			return moves[i : i+1], err
		}
	}
	for i, one := range moves {
		for _, two := range moves[i+1:] {
			if one.Port.String() == two.Port.String() {
				continue
			}
			if done, err := solves(ctx, p, around, one, two); done || err != nil {
				return []Move{one, two}, err
			}
		}
	}
	return nil, nil
}

// around is a part of the network that has the given ports. What has a solution in a part has one in the whole.
func (n *Network) around(ports []Port) []Port {
	const enough = 64
	if len(n.ports) <= enough {
		return n.ports
	}
	part := slices.Clone(ports)
	add := func(wanted func(Port) bool) {
		for _, p := range n.ports {
			known := func(q Port) bool { return q.String() == p.String() }
			if len(part) < enough && wanted(p) && !slices.ContainsFunc(part, known) {
				part = append(part, p)
			}
		}
	}
	add(func(p Port) bool {
		return slices.ContainsFunc(ports, func(q Port) bool { return q.Node == p.Node && q.NIC == p.NIC })
	})
	add(func(p Port) bool { return slices.ContainsFunc(ports, func(q Port) bool { return q.LAN == p.LAN }) })
	add(func(Port) bool { return true })
	return part
}

// someLANs lists LANs to move to, first those of the near miss.
func someLANs(ports, around []Port) []int {
	const enough = 8
	var lans []int
	for _, p := range slices.Concat(ports, around) {
		if p.LAN != 0 && !slices.Contains(lans, p.LAN) && len(lans) < enough {
			lans = append(lans, p.LAN)
		}
	}
	return lans
}

// solves says whether a problem has a solution among ports after some moves. A port that moves hears what its new LAN hears.
func solves(ctx context.Context, p Problem, ports []Port, moves ...Move) (bool, error) {
	fresh := 1
	for _, port := range ports {
		fresh = max(fresh, port.LAN+1)
	}
	moved := slices.Clone(ports)
	for _, move := range moves {
		at := slices.IndexFunc(ports, func(q Port) bool { return q.String() == move.Port.String() })
		moved[at].LAN, moved[at].ReceivesPTP, moved[at].Announces = fresh, false, nil
		if move.LAN == 0 {
			continue
		}
		moved[at].LAN = move.LAN
		if peer := slices.IndexFunc(ports, func(q Port) bool { return q.LAN == move.LAN }); peer >= 0 {
			moved[at].ReceivesPTP, moved[at].Announces = ports[peer].ReceivesPTP, ports[peer].Announces
		}
	}
	n, err := NewNetwork(moved)
	if err != nil {
		return false, err
	}
	found, err := n.Count(ctx, p, 1)
	return found > 0, err
}

// describeMoves is "w1/ens1f1 to LAN 1501, w2/ens3f0 to a new LAN".
func describeMoves(moves []Move) string {
	var texts []string
	for _, m := range moves {
		where := "a new LAN"
		if m.LAN != 0 {
			where = fmt.Sprintf("LAN %d", m.LAN)
		}
		texts = append(texts, fmt.Sprintf("%s to %s", m.Port, where))
	}
	text := strings.Join(texts, ", ")
	if len(moves) == 2 && moves[0].LAN == 0 && moves[1].LAN == 0 {
		text = fmt.Sprintf("%s and %s to one new LAN", moves[0].Port, moves[1].Port)
	}
	return text
}
