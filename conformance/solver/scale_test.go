package solver

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// A family makes networks of any size.
type family struct {
	name string
	make func(ports int) []Port
}

// Nodes have three NICs of one, two and four ports. Every third node has WPC cards.
func families() []family {
	const lanSize = 25
	return []family{
		{"random", func(n int) []Port {
			r := rand.New(rand.NewPCG(5, 1588))
			lans := n / lanSize
			return racks(n, func(int, int) int { return 1 + r.IntN(lans) }, func(lan int) bool { return lan%4 == 0 })
		}},
		{"three LANs", func(n int) []Port {
			return racks(n, func(_, port int) int { return 1 + port%3 }, func(lan int) bool { return lan == 1 })
		}},
		{"two nodes", func(n int) []Port {
			ports := racks(n, func(_, port int) int { return 1 + port/lanSize }, func(lan int) bool { return lan%2 == 0 })
			for i := range ports {
				ports[i].NIC += ports[i].Node
				ports[i].Interface += ports[i].Node
				ports[i].Node = fmt.Sprint("w", i*2/n)
			}
			return ports
		}},
		{"one LAN", func(n int) []Port {
			return racks(n, func(int, int) int { return 1 }, func(int) bool { return true })
		}},
		{"one LAN a NIC", func(n int) []Port {
			return racks(n, func(nic, _ int) int { return 1 + nic%(n/lanSize) }, func(lan int) bool { return lan%2 == 0 })
		}},
		{"all unplugged", func(n int) []Port {
			return racks(n, func(int, int) int { return 0 }, func(int) bool { return false })
		}},
		{"last node only", func(n int) []Port {
			return append(racks(n-9, func(nic, _ int) int { return 1 + nic%(n/lanSize) }, func(int) bool { return false }), lastNode()...)
		}},
	}
}

func racks(n int, lan func(nic, port int) int, external func(lan int) bool) []Port {
	sizes := []int{1, 2, 4}
	var ports []Port
	for nic := 0; len(ports) < n; nic++ {
		for i := 0; i < sizes[nic%3] && len(ports) < n; i++ {
			p := Port{
				Node: fmt.Sprintf("w%04d", nic/3), NIC: fmt.Sprintf("ens%d", nic%3), Interface: fmt.Sprintf("ens%df%d", nic%3, i),
				LAN: lan(nic, len(ports)), PTP: true, WPC: nic/3%3 == 0,
			}
			if p.ReceivesPTP = external(p.LAN); p.ReceivesPTP {
				p.Announces = []Announce{{Domain: 24, ClockClass: 6}}
			}
			ports = append(ports, p)
		}
	}
	return ports
}

// lastNode is a node with what every problem needs, on LANs of its own, and its peers.
func lastNode() []Port {
	var ports []Port
	for i, lan := range []int{1001, 1002, 1002, 1001, 1003} {
		nic := i / 3
		ports = append(ports, Port{Node: "x", NIC: fmt.Sprintf("ens%d", nic), Interface: fmt.Sprintf("ens%df%d", nic, i%3), LAN: lan, PTP: true, WPC: true})
	}
	for i, lan := range []int{1001, 1002, 1003, 1001} {
		ports = append(ports, Port{Node: fmt.Sprint("y", i), NIC: "ens0", Interface: "ens0f0", LAN: lan, PTP: true, WPC: i == 0})
	}
	for i := range ports {
		if ports[i].ReceivesPTP = ports[i].LAN == 1001; ports[i].ReceivesPTP {
			ports[i].Announces = []Announce{{Domain: 24, ClockClass: 6}}
		}
	}
	return ports
}

func (f family) network(tb testing.TB, ports int) *Network {
	n, err := NewNetwork(f.make(ports))
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// look solves a problem and returns the work: how many ports the search looked at.
func look(ctx context.Context, n *Network, p Problem) (looks, found int) {
	s := newSearch(ctx, newPlan(n, p, true))
	s.keep = 1
	s.run()
	return s.looks, s.found
}

// TestGrowth holds the work below the square of the number of ports, by growth and by measure.
func TestGrowth(t *testing.T) {
	const small, large = 700, 1400
	solved := 0
	for _, f := range families() {
		few, many := f.network(t, small), f.network(t, large)
		for _, p := range Problems() {
			before, _ := look(t.Context(), few, p)
			after, found := look(t.Context(), many, p)
			if found > 0 {
				solved++
			}
			if after > 5*max(before, large) || after > large*large {
				t.Errorf("%s, %s: %d looks for %d ports, %d for %d", f.name, p.Name, before, small, after, large)
			}
		}
	}
	if all := len(families()) * len(Problems()); solved < all/2 || solved > all*9/10 {
		t.Errorf("%d of %d have a solution", solved, all)
	}
}

var table = flag.Bool("table", false, "print how long each problem takes, in a minute")

// TestTable prints how long each problem takes, and how the plain search does with at most a million checks. Both must
// find the same.
//
//	go test -run Table -v ./conformance/solver -table
func TestTable(t *testing.T) {
	if !*table {
		t.Skip("takes a minute; ask for it with -table")
	}
	sizes := []int{1250, 2500, 5000}
	for _, f := range families() {
		var rows strings.Builder
		fmt.Fprintf(&rows, "%s\n%-26s", f.name, "ports")
		for _, size := range sizes {
			fmt.Fprintf(&rows, "%12d", size)
		}
		fmt.Fprintf(&rows, "  growth  best, or how long the explanation took; plain search\n")
		for _, p := range Problems() {
			fmt.Fprintln(&rows, row(t, f, p, sizes))
		}
		t.Log(rows.String())
	}
}

// row solves a problem for each size. Growth is the exponent of the number of ports, from the first size to the last.
func row(t *testing.T, f family, p Problem, sizes []int) string {
	text := fmt.Sprintf("%-26s", p.Name)
	var times []time.Duration
	var result string
	for _, size := range sizes {
		n := f.network(t, size)
		start := time.Now()
		best, err := n.All(t.Context(), p, 1)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Since(start))
		text += fmt.Sprintf("%12s", times[len(times)-1].Round(time.Microsecond))
		result = "none"
		if len(best) > 0 {
			result = best[0].Score.String()
			continue
		}
		if size == sizes[len(sizes)-1] {
			start := time.Now()
			_, err := n.Best(t.Context(), p)
			var why *Unsolvable
			if !errors.As(err, &why) {
				t.Fatal(err)
			}
			result = fmt.Sprintf("none, %s", time.Since(start).Round(time.Millisecond))
		}
	}
	last := len(sizes) - 1
	growth := math.Log(float64(times[last])/float64(times[0])) / math.Log(float64(sizes[last])/float64(sizes[0]))
	return fmt.Sprintf("%s  %6.1f  %s; %s", text, growth, result, plainly(t, f.network(t, sizes[last]), p))
}

// plainly says how far the plain search gets, and compares.
func plainly(t *testing.T, n *Network, p Problem) string {
	const limit = 1_000_000
	start := time.Now()
	solutions, checks := plain(n.Ports(), p.Roles, inSteps(p), limit)
	took := time.Since(start).Round(time.Millisecond)
	count, err := n.Count(t.Context(), p, len(solutions)+1)
	if err != nil {
		t.Fatal(err)
	}
	if checks < limit {
		if count != len(solutions) {
			t.Errorf("%s: %d solutions, but %d by the plain search", p.Name, count, len(solutions))
		}
		return fmt.Sprintf("%s for all %d", took, len(solutions))
	}
	if count < len(solutions) {
		t.Errorf("%s: %d solutions, but %d or more by the plain search", p.Name, count, len(solutions))
	}
	return fmt.Sprintf("%s, gave up with %d", took, len(solutions))
}

// BenchmarkDualNicBCWithSlaves solves the largest problem among 5,000 ports in 200 LANs, indexing included.
func BenchmarkDualNicBCWithSlaves(b *testing.B) {
	p, _ := Find("DualNicBCWithSlaves")
	for _, f := range families() {
		b.Run(strings.ReplaceAll(f.name, " ", "-"), func(b *testing.B) {
			ports := f.make(5000)
			for b.Loop() {
				n, err := NewNetwork(ports)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := n.All(b.Context(), p, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("plain-1000000-checks", func(b *testing.B) {
		ports := families()[0].make(5000)
		for b.Loop() {
			plain(ports, p.Roles, inSteps(p), 1_000_000)
		}
	})
}

// TestRandomFamily is about the size that the benchmark claims.
func TestRandomFamily(t *testing.T) {
	lans := map[int]bool{}
	ports := families()[0].make(5000)
	for _, p := range ports {
		lans[p.LAN] = true
	}
	if len(ports) != 5000 || len(lans) != 200 {
		t.Errorf("%d ports in %d LANs", len(ports), len(lans))
	}
}
