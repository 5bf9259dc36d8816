package solver

import (
	"fmt"
	"slices"
)

// needs says in words what a conflict asks of a network: "a NIC with two ports on different LANs and one LAN for
// bc1.transmit and oc1".
func needs(conflict Problem) string {
	d := &description{plan: newPlan(&Network{}, conflict, false), told: map[int]bool{}}
	d.nodes()
	d.cards()
	d.lans()
	d.differences(conflict.Constraints)
	d.properties(conflict.Constraints)
	return list(d.phrases)
}

// A description collects phrases for the groups of a plan.
type description struct {
	*plan
	told    map[int]bool // NIC groups that a phrase has told of
	phrases []string
}

// nodes tells of the nodes that need several NICs.
func (d *description) nodes() {
	for group, size := range d.size[byNode] {
		var nics []int
		for role, g := range d.group[byNode] {
			if nic := d.group[byNIC][role]; g == group && !slices.Contains(nics, nic) {
				nics = append(nics, nic)
			}
		}
		switch {
		case size < 2 || len(nics) < 2:
		case d.distinct(nics):
			d.phrases = append(d.phrases, "a node with "+d.nics(nics))
		default:
			d.phrases = append(d.phrases, fmt.Sprintf("a node with %s ports", number(size)))
		}
	}
}

// distinct says whether all of the NIC groups must differ.
func (d *description) distinct(nics []int) bool {
	for i, nic := range nics {
		for _, other := range nics[:i] {
			if !slices.Contains(d.apart[byNIC][nic], other) {
				return false
			}
		}
	}
	return true
}

// cards tells of the NICs that need several ports, unless with their node.
func (d *description) cards() {
	var nics []int
	for group, size := range d.size[byNIC] {
		if size > 1 && !d.told[group] {
			nics = append(nics, group)
		}
	}
	if len(nics) > 0 {
		d.phrases = append(d.phrases, d.nics(nics))
	}
}

// nics is "a NIC with two ports on different LANs", or several NICs.
func (d *description) nics(groups []int) string {
	var kinds []string
	count := map[string]int{}
	for _, group := range groups {
		d.told[group] = true
		kind := d.ports(group)
		if count[kind] == 0 {
			kinds = append(kinds, kind)
		}
		count[kind]++
	}
	var texts []string
	for _, kind := range kinds {
		switch {
		case count[kind] == 1:
			texts = append(texts, "a NIC"+kind)
		case kind == "":
			texts = append(texts, number(count[kind])+" NICs")
		default:
			texts = append(texts, number(count[kind])+" NICs"+kind+" each")
		}
	}
	return list(texts)
}

// ports is " with two ports on different LANs" for a NIC, or empty if one port will do.
func (d *description) ports(nic int) string {
	var lans []int
	for role, g := range d.group[byNIC] {
		if g == nic {
			lans = append(lans, d.group[byLAN][role])
		}
	}
	size := len(lans)
	if size == 1 {
		return ""
	}
	text := " with " + number(size) + " ports"
	slices.Sort(lans)
	lans = slices.Compact(lans)
	switch {
	case len(lans) == 1:
		return text + " on one LAN"
	case slices.ContainsFunc(lans, func(l int) bool {
		return slices.ContainsFunc(d.apart[byLAN][l], func(other int) bool { return slices.Contains(lans, other) })
	}):
		return text + " on different LANs"
	}
	return text
}

// lans tells of the LANs that join ports, unless these are one NIC.
func (d *description) lans() {
	for group, size := range d.size[byLAN] {
		var roles []Role
		nics := map[int]bool{}
		for role, g := range d.group[byLAN] {
			if g == group {
				roles = append(roles, d.roles[role])
				nics[d.group[byNIC][role]] = true
			}
		}
		if size > 1 && len(nics) > 1 {
			slices.Sort(roles)
			d.phrases = append(d.phrases, "one LAN for "+list(roles))
		}
	}
}

// differences tells of what must not be the same, unless the phrases about nodes and NICs have.
func (d *description) differences(constraints []Constraint) {
	for _, c := range constraints {
		a, relation := c.Kind.attribute()
		if !relation || !c.Negated {
			continue
		}
		first, second := slices.Index(d.roles, c.Roles[0]), slices.Index(d.roles, c.Roles[1])
		switch {
		case len(c.Roles) > 2:
			d.phrases = append(d.phrases, "more than one "+c.thing()+" for "+list(c.Roles))
		case a == byLAN && d.onOneCard(first, second):
		case a == byNIC && d.told[d.group[byNIC][first]] && d.told[d.group[byNIC][second]]:
		default:
			d.phrases = append(d.phrases, "different "+c.thing()+"s for "+list(c.Roles))
		}
	}
}

// properties tells what single ports must be like, each property once.
func (d *description) properties(constraints []Constraint) {
	var properties []string
	roles := map[string][]Role{}
	for _, c := range constraints {
		if _, relation := c.Kind.attribute(); relation {
			continue
		}
		property := c.property()
		if roles[property] == nil {
			properties = append(properties, property)
		}
		roles[property] = append(roles[property], c.Roles[0])
	}
	for _, property := range properties {
		if len(roles[property]) == 1 {
			d.phrases = append(d.phrases, "a port for "+string(roles[property][0])+" that "+property)
		} else {
			d.phrases = append(d.phrases, "ports for "+list(roles[property])+", each of which "+property)
		}
	}
}

// onOneCard says whether a NIC must have a port on the LAN of each role.
func (d *description) onOneCard(first, second int) bool {
	lan := d.group[byLAN]
	for i := range d.roles {
		for j := range d.roles {
			if d.group[byNIC][i] == d.group[byNIC][j] && lan[i] == lan[first] && lan[j] == lan[second] {
				return true
			}
		}
	}
	return false
}

// number is a small number as a word.
func number(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	if n < len(words) {
		return words[n]
	}
	return fmt.Sprint(n)
}
