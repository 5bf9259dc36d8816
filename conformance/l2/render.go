package l2

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// WriteJSON writes the graph for programs.
func (g *Graph) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(g)
}

// WriteMermaid writes the graph as a Mermaid flow chart: a box for each node, in it one for each NIC, and the LANs as round shapes
// between the ports. LANs of one port are left out.
func (g *Graph) WriteMermaid(w io.Writer) error {
	var text strings.Builder
	text.WriteString("graph LR\n")
	ids := map[string]string{}
	for i, p := range g.Ports {
		ids[p.String()] = fmt.Sprintf("p%d", i+1)
	}
	for i, node := range g.Nodes {
		fmt.Fprintf(&text, "  subgraph n%d[%s]\n", i+1, quote(node))
		for _, nic := range g.NICs {
			if nic.Node == node {
				g.writeNIC(&text, nic, ids)
			}
		}
		text.WriteString("  end\n")
	}
	for _, lan := range g.LANs {
		if len(lan.Ports) < 2 {
			continue
		}
		fmt.Fprintf(&text, "  lan%d((LAN %d))\n", lan.Number, lan.Number)
		for _, port := range lan.Ports {
			fmt.Fprintf(&text, "  %s --- lan%d\n", ids[port], lan.Number)
		}
	}
	for i, gm := range g.Grandmasters {
		fmt.Fprintf(&text, "  gm%d{{%s}}\n", i+1, quote(fmt.Sprintf("grandmaster %s, domain %d", gm.Identity, gm.Domain)))
		for _, h := range gm.Heard {
			fmt.Fprintf(&text, "  gm%d -.->|%d steps| %s\n", i+1, h.Announce.Steps, ids[h.Port])
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func (g *Graph) writeNIC(text *strings.Builder, nic NIC, ids map[string]string) {
	title := nic.PCI
	if title == "" {
		title = fmt.Sprintf("NIC %d", nic.Number)
	}
	if nic.PHC != nil {
		title += fmt.Sprintf(" ptp%d", *nic.PHC)
	}
	fmt.Fprintf(text, "    subgraph nic%d[%s]\n", nic.Number, quote(title))
	for _, name := range nic.Ports {
		_, interfaceName, _ := strings.Cut(name, "/")
		fmt.Fprintf(text, "      %s[%s]\n", ids[name], quote(interfaceName))
	}
	text.WriteString("    end\n")
}

// quote makes any text a Mermaid label.
func quote(s string) string {
	return `"` + strings.NewReplacer(`"`, "#quot;", "\n", " ", "<", "#lt;", ">", "#gt;").Replace(s) + `"`
}
