package solver

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// network parses lines such as "w1 ens1: f0=1501 f1=1500*": the ports of a NIC and their LANs. A * marks a port that
// hears an external grandmaster of class 6 in domain 24, ! one that has no time stamps, and a NIC name in capitals is a
// WPC card.
func network(t testing.TB, text string) *Network {
	t.Helper()
	n, err := NewNetwork(parsePorts(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func parsePorts(t testing.TB, text string) []Port {
	t.Helper()
	var ports []Port
	for line := range strings.Lines(strings.TrimSpace(text)) {
		head, tail, _ := strings.Cut(line, ":")
		place := strings.Fields(head)
		for _, field := range strings.Fields(tail) {
			name, lan, _ := strings.Cut(field, "=")
			number, err := strconv.Atoi(strings.TrimRight(lan, "*!"))
			if err != nil || len(place) != 2 {
				t.Fatalf("port %q of line %q", field, line)
			}
			p := Port{
				Node: place[0], NIC: place[1], Interface: place[1] + name, LAN: number,
				PTP: !strings.Contains(lan, "!"), ReceivesPTP: strings.Contains(lan, "*"), WPC: place[1] == strings.ToUpper(place[1]),
			}
			if p.ReceivesPTP {
				p.Announces = []Announce{{Domain: 24, ClockClass: 6, Grandmaster: "001122.fffe.000001"}}
			}
			ports = append(ports, p)
		}
	}
	return ports
}

// The nine ports of the topology that the suite has always been run on.
const ciTopology = `
w1 ens1: f0=1501 f1=1500
w1 ens2: f0=1500 f1=1502
w2 ens3: f0=1500 f1=1500
w3 ens4: f0=1501
w3 ens5: f0=1502
w3 ens6: f0=1502`

// The same with an external grandmaster on LAN 1500.
const ciExternal = `
w1 ens1: f0=1501 f1=1500*
w1 ens2: f0=1500* f1=1502
w2 ens3: f0=1500* f1=1500*
w3 ens4: f0=1501
w3 ens5: f0=1502
w3 ens6: f0=1502`

// random makes a small network in which about half of the problems have a solution.
func random(r *rand.Rand, ports int) []Port {
	all := make([]Port, ports)
	nodes, nics, lans := 1+r.IntN(3), 1+r.IntN(3), 1+r.IntN(4)
	for i := range all {
		nic := r.IntN(nics)
		all[i] = Port{
			Node: fmt.Sprintf("w%d", r.IntN(nodes)), NIC: fmt.Sprintf("ens%d", nic), Interface: fmt.Sprintf("if%d", i),
			LAN: r.IntN(lans + 1), PTP: r.IntN(10) > 0, ReceivesPTP: r.IntN(3) == 0, WPC: nic != 1,
		}
		if all[i].ReceivesPTP {
			all[i].Announces = []Announce{{Domain: 24 + r.IntN(2), ClockClass: []int{6, 7, 135, 248}[r.IntN(4)]}}
		}
		if r.IntN(8) == 0 {
			all[i].NIC = ""
		}
	}
	return all
}
