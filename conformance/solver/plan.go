package solver

import (
	"cmp"
	"slices"
)

// A plan is a problem made ready for one network. Roles are numbered in the order in which the search binds them.
type plan struct {
	net   *Network
	roles []Role

	group  [attributes][]int    // of each role; roles of a group must be of one class
	size   [attributes][]int    // of each group: roles in it
	apart  [attributes][][]int  // of each group: groups of earlier or later roles that must be of another class
	late   [][]judgement        // of each role: what must hold and can be judged only when it, the last, is bound
	hopes  [][]judgement        // of each role: relations to others that had better hold
	weighs [attributes][][]bool // of each two roles: whether being of one class adds to the score
	bars   [][]Constraint       // of each role: properties that its port must have
	wishes [][]Constraint       // of each role: properties that it had better have
	needs  []int                // of each role: roles of its clock

	root  []*choice
	among [attributes][]map[int]*choice // of each role and class; made when first asked for
	few   bool                          // candidates that cannot be in the best solution may be left out
}

// A judgement is a constraint over roles by number.
type judgement struct {
	Constraint
	roles []int
}

// A choice is the ports that a role may take, by name.
type choice struct {
	ports []int
	least Score // no port of the choice adds less
}

// newPlan compiles a valid problem.
func newPlan(n *Network, p Problem, few bool) *plan {
	m := &plan{net: n, roles: p.SearchOrder(), few: few}
	number := make(map[Role]int, len(m.roles))
	for i, role := range m.roles {
		number[role] = i
	}
	m.makeGroups(p.Constraints, number)
	m.late = make([][]judgement, len(m.roles))
	m.hopes = make([][]judgement, len(m.roles))
	m.bars = make([][]Constraint, len(m.roles))
	m.wishes = make([][]Constraint, len(m.roles))
	for _, c := range p.Constraints {
		m.require(judgement{c, numbers(c, number)})
	}
	for _, c := range p.Prefer {
		m.prefer(judgement{c, numbers(c, number)})
	}
	m.weigh()
	m.root = make([]*choice, len(m.roles))
	everything := make([]int, len(n.ports))
	for i := range everything {
		everything[i] = i
	}
	for i := range m.roles {
		m.root[i] = m.choose(i, everything)
		for a := range attributes {
			m.among[a] = append(m.among[a], map[int]*choice{})
		}
	}
	return m
}

func numbers(c Constraint, number map[Role]int) []int {
	var roles []int
	for _, role := range c.Roles {
		roles = append(roles, number[role])
	}
	return roles
}

// makeGroups joins the roles that must be of one class. What is on one NIC is also on one node.
func (m *plan) makeGroups(constraints []Constraint, number map[Role]int) {
	for a := range attributes {
		m.group[a] = make([]int, len(m.roles))
		for i := range m.roles {
			m.group[a][i] = i
		}
		for _, c := range constraints {
			b, relation := c.Kind.attribute()
			if relation && !c.Negated && (b == a || b == byNIC && a == byNode) {
				roles := numbers(c, number)
				for _, i := range roles[1:] {
					join(m.group[a], m.group[a][roles[0]], m.group[a][i])
				}
			}
		}
		m.size[a] = make([]int, len(m.roles))
		for _, group := range m.group[a] {
			m.size[a][group]++
		}
		m.apart[a] = make([][]int, len(m.roles))
	}
}

func join(group []int, into, from int) {
	for i := range group {
		if group[i] == from {
			group[i] = into
		}
	}
}

// require puts a constraint where it is judged soonest: properties at the choice of ports, relations of two at the
// classes of their groups, others when the last role is bound. Groups have seen to the relations that are not negated.
func (m *plan) require(j judgement) {
	a, relation := j.Kind.attribute()
	switch {
	case !relation:
		m.bars[j.roles[0]] = append(m.bars[j.roles[0]], j.Constraint)
	case j.Negated && len(j.roles) > 2:
		last := slices.Max(j.roles)
		m.late[last] = append(m.late[last], j)
	case j.Negated:
		g, h := m.group[a][j.roles[0]], m.group[a][j.roles[1]]
		m.apart[a][g] = append(m.apart[a][g], h)
		m.apart[a][h] = append(m.apart[a][h], g)
	}
}

func (m *plan) prefer(j judgement) {
	if _, relation := j.Kind.attribute(); !relation {
		m.wishes[j.roles[0]] = append(m.wishes[j.roles[0]], j.Constraint)
		return
	}
	for _, role := range j.roles {
		m.hopes[role] = append(m.hopes[role], j)
	}
}

// weigh finds the pairs of roles whose sharing of a NIC or node counts: those of different clocks that the problem does
// not tie together.
func (m *plan) weigh() {
	m.needs = make([]int, len(m.roles))
	for _, a := range []attribute{byNIC, byNode} {
		tied := map[[2]string]bool{}
		for i, r := range m.roles {
			for j, s := range m.roles {
				if m.group[a][i] == m.group[a][j] {
					tied[[2]string{r.Clock(), s.Clock()}] = true
				}
			}
		}
		m.weighs[a] = make([][]bool, len(m.roles))
		for i, r := range m.roles {
			m.weighs[a][i] = make([]bool, len(m.roles))
			for j, s := range m.roles {
				m.weighs[a][i][j] = !tied[[2]string{r.Clock(), s.Clock()}]
			}
		}
	}
	for i, r := range m.roles {
		for _, s := range m.roles {
			if r.Clock() == s.Clock() {
				m.needs[i]++
			}
		}
	}
}

// alone is what a port adds to the score by itself.
func (m *plan) alone(role, port int) Score {
	score := Score{WastedPorts: max(0, m.net.nicSize[port]-m.needs[role])}
	for _, c := range m.wishes[role] {
		if !c.holds(m.net, []int{port}) {
			score.Unpreferred++
		}
	}
	return score
}

// choice is the ports of a class that the role may take.
func (m *plan) choice(role int, a attribute, class int) *choice {
	made, ok := m.among[a][role][class]
	if !ok {
		made = m.choose(role, m.net.members[a][class])
		if m.few && a == byLAN && m.movable(role) {
			made.ports = m.enough(role, made.ports)
		}
		m.among[a][role][class] = made
	}
	return made
}

func (m *plan) choose(role int, from []int) *choice {
	made := &choice{ports: make([]int, 0, len(from))}
	for _, port := range from {
		if slices.ContainsFunc(m.bars[role], func(c Constraint) bool { return !c.holds(m.net, []int{port}) }) {
			continue
		}
		alone := m.alone(role, port)
		if len(made.ports) == 0 || alone.Compare(made.least) < 0 {
			made.least = alone
		}
		made.ports = append(made.ports, port)
	}
	return made
}

// movable says whether a role may be moved within its LAN, without loss, to any port on a NIC or node that no other
// role is on.
func (m *plan) movable(role int) bool {
	if m.size[byNIC][m.group[byNIC][role]] > 1 || m.size[byNode][m.group[byNode][role]] > 1 {
		return false
	}
	return !slices.ContainsFunc(m.hopes[role], func(j judgement) bool { return !j.Negated && j.Kind != KindSameLAN })
}

// enough leaves out ports of one LAN that a movable role need not try. The k-1 other roles occupy at most k-1 nodes,
// NICs and ports. So of ports on k nodes one is on a node of its own, and no later port, by what it adds to the score
// and then by name, is better. The same holds for k NICs of a node and k ports of a NIC.
func (m *plan) enough(role int, ports []int) []int {
	k := len(m.roles)
	nics, used := map[int]int{}, map[int]int{} // NICs tried of a node, ports tried of a NIC
	var kept []int
	for _, port := range slices.SortedStableFunc(slices.Values(ports), func(p, q int) int {
		return cmp.Or(m.alone(role, p).Compare(m.alone(role, q)), cmp.Compare(p, q))
	}) {
		node, nic := m.net.class[byNode][port], m.net.class[byNIC][port]
		if len(nics) == k {
			break
		}
		if used[nic] == k || used[nic] == 0 && nics[node] == k {
			continue
		}
		if used[nic] == 0 {
			nics[node]++
		}
		used[nic]++
		kept = append(kept, port)
	}
	slices.Sort(kept)
	return kept
}
