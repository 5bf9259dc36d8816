package l2

import "strings"

// Skip is a list of interfaces to leave alone: "eth0" on every node, or "w1/eth0".
type Skip []string

// ParseSkip reads the value of SKIP_INTERFACES: names with commas between them.
func ParseSkip(text string) Skip {
	var s Skip
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			s = append(s, name)
		}
	}
	return s
}

// Has says whether an interface of a node is on the list.
func (s Skip) Has(node, interfaceName string) bool {
	for _, name := range s {
		if name == interfaceName || name == node+"/"+interfaceName {
			return true
		}
	}
	return false
}
