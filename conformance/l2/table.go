package l2

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// TableWidth is the number of columns that no line of WriteTable exceeds.
const TableWidth = 80

// WriteTable writes the graph for people: the ports of each node, the grandmasters that were heard, and what is wrong.
func (g *Graph) WriteTable(w io.Writer) error {
	var text strings.Builder
	g.writePorts(&text)
	g.writeGrandmasters(&text)
	for i, fault := range g.Faults {
		if i == 0 {
			text.WriteString("\n")
		}
		text.WriteString(wrap("fault: "+fault, TableWidth, "  "))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// portColumns are the widths of a port's line. They and the spaces between them make TableWidth.
var portColumns = []int{16, 7, 12, 5, 7, 7, 20}

func (g *Graph) writePorts(text *strings.Builder) {
	writeRow(text, portColumns, "PORT", "LAN", "NIC", "PHC", "PTP", "LINK", "PTP FROM OUTSIDE")
	node := ""
	for _, p := range g.Ports {
		if p.Node != node {
			node = p.Node
			text.WriteString(shorten(node, TableWidth) + "\n")
		}
		writeRow(text, portColumns, " "+p.Interface, p.lanText(), g.nicText(p), p.phcText(), string(p.PTP), p.linkText(), p.outsideText())
	}
}

func (p Port) lanText() string {
	switch {
	case p.Skipped:
		return "skipped"
	case p.Member:
		return "bond"
	}
	return strconv.Itoa(p.LAN)
}

func (g *Graph) nicText(p Port) string {
	if p.PCI != nil {
		return p.PCI.Device
	}
	return fmt.Sprintf("#%d", p.NIC)
}

func (p Port) phcText() string {
	if p.PHC == nil {
		return "-"
	}
	return fmt.Sprintf("ptp%d", *p.PHC)
}

func (p Port) linkText() string {
	switch p.Link {
	case Yes:
		return "up"
	case No:
		return "down"
	}
	return string(p.Link)
}

func (p Port) outsideText() string {
	switch n := len(p.Outside); n {
	case 0:
		return "-"
	case 1:
		return p.Outside[0]
	default:
		return fmt.Sprintf("%s+%d", p.Outside[0], n-1)
	}
}

var grandmasterColumns = []int{21, 7, 6, 9, 9, 9, 6}

// writeGrandmasters writes a line for each grandmaster and quality, and under it the ports that heard it so.
func (g *Graph) writeGrandmasters(text *strings.Builder) {
	if len(g.Grandmasters) == 0 {
		return
	}
	text.WriteString("\n")
	writeRow(text, grandmasterColumns, "GRANDMASTER", "DOMAIN", "CLASS", "ACCURACY", "VARIANCE", "PRIORITY", "STEPS")
	for _, gm := range g.Grandmasters {
		var lines []string
		ports := map[string][]string{}
		for _, h := range gm.Heard {
			var line strings.Builder
			a := h.Announce
			writeRow(&line, grandmasterColumns, gm.Identity, strconv.Itoa(int(gm.Domain)), strconv.Itoa(int(a.Class)),
				fmt.Sprintf("0x%02x", a.Accuracy), fmt.Sprintf("0x%04x", a.Variance), fmt.Sprintf("%d/%d", a.Priority1, a.Priority2),
				strconv.Itoa(int(a.Steps)))
			if ports[line.String()] == nil {
				lines = append(lines, line.String())
			}
			ports[line.String()] = append(ports[line.String()], h.Port)
		}
		for _, line := range lines {
			text.WriteString(line + wrap(" heard by "+strings.Join(ports[line], ", "), TableWidth, "   "))
		}
	}
}

// writeRow writes cells with one space between columns and none at the end of the line.
func writeRow(text *strings.Builder, widths []int, cells ...string) {
	var line strings.Builder
	for i, cell := range cells {
		cell = shorten(cell, widths[i])
		line.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+1))
	}
	text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// shorten leaves out the middle of what is longer than width runes: nodes and interfaces differ at their ends.
func shorten(s string, width int) string {
	runes := []rune(s)
	if len(runes) <= width {
		return s
	}
	head := (width - 1) / 3
	return string(runes[:head]) + "…" + string(runes[len(runes)-(width-1-head):])
}

// wrap breaks a sentence, which may be indented, between words into lines of at most width runes; only a longer word exceeds it.
func wrap(sentence string, width int, indent string) string {
	var text strings.Builder
	words := strings.Fields(sentence)
	line := sentence[:strings.Index(sentence, words[0])] + words[0]
	for _, word := range words[1:] {
		switch {
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			text.WriteString(line + "\n")
			line = indent + word
		default:
			line += " " + word
		}
	}
	text.WriteString(line + "\n")
	return text.String()
}
