package topology

import (
	"bufio"
	"fmt"
	"html"
	"io"
)

// Colours of the picture, by PTP role. Each is a fill and a border.
const (
	inkText        = "#1f2933"
	inkSoft        = "#616e7c"
	fillWorker     = "#f5f7fa"
	lineWorker     = "#9aa5b1"
	fillGM         = "#fff3c4"
	fillBoundary   = "#c6f7e2"
	fillOrdinary   = "#cce4ff"
	fillSwitch     = "#e8dff5"
	lineSwitch     = "#8662c7"
	lineTimeCable  = "#2f6f4f"
	linePlainCable = "#9aa5b1"
)

// DOT writes the lab as a graphviz graph: workers with their NICs and ports, switch VLANs as the boundary clocks that
// they are, and cables, with an arrow in the direction in which time flows.
func DOT(w io.Writer, p *Plan) error {
	d := &dotWriter{w: bufio.NewWriter(w), g: newGraph(p)}
	d.head()
	d.grandmasters()
	d.workers()
	d.switches()
	d.cables()
	d.line("}")
	if err := d.w.Flush(); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	return nil
}

type dotWriter struct {
	w *bufio.Writer
	g *graph
}

// line writes a line; Flush tells of an error.
func (d *dotWriter) line(format string, args ...any) { fmt.Fprintf(d.w, format+"\n", args...) }

func (d *dotWriter) head() {
	d.line("digraph %q {", d.g.plan.Name)
	d.line("  rankdir=LR; ranksep=1.1; nodesep=0.35; splines=true; bgcolor=white;")
	d.line("  fontname=%q; labelloc=t; fontsize=18; fontcolor=%q; label=%q;", "Helvetica", inkText, "lab "+d.g.plan.Name)
	d.line("  node [shape=plain, fontname=%q, fontsize=11, fontcolor=%q];", "Helvetica", inkText)
	d.line("  edge [fontname=%q, fontsize=10, fontcolor=%q, penwidth=1.4, arrowsize=0.7];", "Helvetica", inkSoft)
}

// nicID names the node of a NIC. Names have no character that a quoted id would have to escape.
func nicID(owner, nic string) string { return owner + "/" + nic }

func (d *dotWriter) workers() {
	for _, w := range d.g.plan.Workers {
		d.line("  subgraph %q {", "cluster "+w)
		d.line("    label=%q; labelloc=t; labeljust=l; fontsize=14; style=\"rounded,filled\"; fillcolor=%q; color=%q; margin=14;", w, fillWorker, lineWorker)
		for _, n := range d.g.plan.NICsOf(w) {
			d.nic("    ", n)
		}
		d.line("  }")
	}
}

// nic draws a NIC as a table: its name and clock, then a row for each port.
func (d *dotWriter) nic(indent string, n NIC) {
	d.line("%s%q [label=<", indent, nicID(n.Owner, n.Name))
	d.line("%s  <table border=\"0\" cellborder=\"1\" cellspacing=\"0\" cellpadding=\"6\" color=%q bgcolor=\"white\">", indent, lineWorker)
	d.line("%s    <tr><td><b>%s</b>%s</td></tr>", indent, n.Name, d.clockWords(n))
	for _, p := range n.Ports {
		fill, text := "white", p.Name
		if r, ok := d.g.roles[PortRef{n.Owner, p.Name}]; ok {
			fill, text = roleFill(r.kind), fmt.Sprintf("%s<br/>%s", p.Name, fine(r.clock+" "+r.verb()))
		}
		d.line("%s    <tr><td port=%q bgcolor=%q>%s</td></tr>", indent, p.Name, fill, text)
	}
	d.line("%s  </table>>];", indent)
}

// clockWords is what to say about the hardware clock of a NIC.
func (d *dotWriter) clockWords(n NIC) string {
	words := soft(fmt.Sprintf("clock %d", n.ID))
	if o := n.Oscillator.words(); o != "" {
		words += soft(o)
	}
	return words
}

func soft(text string) string { return "<br/>" + fine(text) }

func fine(text string) string {
	return fmt.Sprintf("<font point-size=\"9\" color=%q>%s</font>", inkSoft, html.EscapeString(text))
}

func roleFill(t ClockType) string {
	switch t {
	case ClockGrandmaster:
		return fillGM
	case ClockBoundary:
		return fillBoundary
	}
	return fillOrdinary
}

func (d *dotWriter) grandmasters() {
	for _, gm := range d.g.plan.Grandmasters {
		words := soft("external grandmaster") + soft(fmt.Sprintf("class %d, domain %d", gm.ClockClass, gm.Domain))
		if n, _ := d.g.plan.PortByRef(PortRef{gm.Name, gm.Port}); n != nil && n.Oscillator.words() != "" {
			words += soft(n.Oscillator.words())
		}
		d.line("  %q [shape=box, style=\"rounded,filled\", fillcolor=%q, color=%q, margin=\"0.15,0.1\", label=<<b>%s</b>%s>];", gm.Name, fillGM, lineWorker, gm.Name, words)
	}
}

func (d *dotWriter) switches() {
	for _, s := range d.g.plan.Switches {
		for _, v := range s.VLANs {
			words := fmt.Sprintf("boundary clock, domain %d, %d ports", s.Domain, len(v.Ports))
			d.line("  %q [shape=box, style=\"rounded,filled\", fillcolor=%q, color=%q, margin=\"0.15,0.1\", label=<<b>%s VLAN %d</b>%s>];", nicID(s.Name, v.NIC), fillSwitch, lineSwitch, s.Name, v.ID, soft(words))
		}
	}
}

// end is where a cable meets a node: a port of a NIC, a VLAN or a grandmaster.
func (d *dotWriter) end(ref PortRef) string {
	if v, ok := d.g.vlanOf(ref); ok {
		return fmt.Sprintf("%q", nicID(ref.Owner, v.NIC))
	}
	if n, _ := d.g.plan.PortByRef(ref); n != nil && n.OwnerKind == OwnerWorker {
		return fmt.Sprintf("%q:%q", nicID(n.Owner, n.Name), ref.Port)
	}
	return fmt.Sprintf("%q", ref.Owner)
}

func (d *dotWriter) cables() {
	for _, c := range d.g.plan.Cables {
		from, to, style := d.end(c.A), d.end(c.B), fmt.Sprintf("color=%q", lineTimeCable)
		switch d.g.flow(c) {
		case flowBToA:
			from, to = to, from
		case flowNone:
			style = fmt.Sprintf("color=%q, arrowhead=none", linePlainCable)
		}
		if words := c.words(); words != "" {
			style += fmt.Sprintf(", label=%q", " "+words+" ")
		}
		d.line("  %s -> %s [%s];", from, to, style)
	}
}
