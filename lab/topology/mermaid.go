package topology

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Mermaid writes the lab as a mermaid flowchart, which GitHub and many editors draw: the same picture as DOT.
func Mermaid(w io.Writer, p *Plan) error {
	m := &mermaidWriter{w: bufio.NewWriter(w), g: newGraph(p)}
	m.line("---")
	m.line("title: lab %s", p.Name)
	m.line("---")
	m.line("flowchart LR")
	m.grandmasters()
	m.workers()
	m.switches()
	m.cables()
	m.boundaryClocks()
	m.classes()
	if err := m.w.Flush(); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	return nil
}

type mermaidWriter struct {
	w *bufio.Writer
	g *graph
}

// line writes a line; Flush tells of an error.
func (m *mermaidWriter) line(format string, args ...any) { fmt.Fprintf(m.w, format+"\n", args...) }

// mermaidID is an id that mermaid takes for a word: a letter for the kind of thing, then its names. Names have hyphens
// but no underscores, so that no two of them meet; the letter keeps them off mermaid's own words.
func mermaidID(kind string, names ...string) string {
	return kind + "_" + strings.ReplaceAll(strings.Join(names, "__"), "-", "_")
}

func (m *mermaidWriter) grandmasters() {
	for _, gm := range m.g.plan.Grandmasters {
		words := fmt.Sprintf("class %d, domain %d", gm.ClockClass, gm.Domain)
		if n, _ := m.g.plan.PortByRef(PortRef{gm.Name, gm.Port}); n != nil && n.Oscillator.words() != "" {
			words += "<br/>" + n.Oscillator.words()
		}
		m.line(`  %s(["<b>%s</b><br/>external grandmaster<br/>%s"]):::grandmaster`, mermaidID("g", gm.Name), gm.Name, words)
	}
}

func (m *mermaidWriter) workers() {
	for _, w := range m.g.plan.Workers {
		m.line(`  subgraph %s ["%s"]`, mermaidID("w", w), w)
		for _, n := range m.g.plan.NICsOf(w) {
			m.nic(n)
		}
		m.line("  end")
	}
}

// nic draws a NIC as a box in its worker, with its ports in it.
func (m *mermaidWriter) nic(n NIC) {
	words := fmt.Sprintf("%s: clock %d", n.Name, n.ID)
	if o := n.Oscillator.words(); o != "" {
		words += ", " + o
	}
	m.line(`    subgraph %s ["%s"]`, mermaidID("n", n.Owner, n.Name), words)
	for _, p := range n.Ports {
		text, class := p.Name, "idle"
		if r, ok := m.g.roles[PortRef{n.Owner, p.Name}]; ok {
			text, class = fmt.Sprintf("%s<br/>%s %s", p.Name, r.clock, r.verb()), string(r.kind)
		}
		m.line(`      %s["%s"]:::%s`, mermaidID("p", n.Owner, p.Name), text, class)
	}
	m.line("    end")
}

func (m *mermaidWriter) switches() {
	for _, s := range m.g.plan.Switches {
		for _, v := range s.VLANs {
			m.line(`  %s(["<b>%s VLAN %d</b><br/>boundary clock, domain %d"]):::switch`, mermaidID("s", s.Name, v.NIC), s.Name, v.ID, s.Domain)
		}
	}
}

// end is the node that a cable meets.
func (m *mermaidWriter) end(ref PortRef) string {
	if v, ok := m.g.vlanOf(ref); ok {
		return mermaidID("s", ref.Owner, v.NIC)
	}
	if n, _ := m.g.plan.PortByRef(ref); n != nil && n.OwnerKind == OwnerWorker {
		return mermaidID("p", ref.Owner, ref.Port)
	}
	return mermaidID("g", ref.Owner)
}

func (m *mermaidWriter) cables() {
	for _, c := range m.g.plan.Cables {
		from, to, arrow := m.end(c.A), m.end(c.B), "-->"
		switch m.g.flow(c) {
		case flowBToA:
			from, to = to, from
		case flowNone:
			arrow = "---"
		}
		if words := c.words(); words != "" {
			arrow += `|"` + words + `"|`
		}
		m.line("  %s %s %s", from, arrow, to)
	}
}

// boundaryClocks draws how time passes through the boundary clocks of the workers.
func (m *mermaidWriter) boundaryClocks() {
	for _, c := range m.g.plan.Clocks {
		for _, r := range c.ReceivePorts {
			for _, t := range c.TransmitPorts {
				m.line("  %s -.-> %s", mermaidID("p", c.Worker, r), mermaidID("p", c.Worker, t))
			}
		}
	}
}

func (m *mermaidWriter) classes() {
	for _, c := range []struct{ name, fill, line string }{
		{string(ClockGrandmaster), fillGM, lineWorker},
		{string(ClockBoundary), fillBoundary, lineWorker},
		{string(ClockOrdinary), fillOrdinary, lineWorker},
		{"switch", fillSwitch, lineSwitch},
		{"idle", "#ffffff", lineWorker},
	} {
		m.line("  classDef %s fill:%s,stroke:%s,color:%s", c.name, c.fill, c.line, inkText)
	}
}
