package solver

import (
	"context"
	"slices"
)

const unset = -1

// A search walks the tree of assignments of a plan, depth first, ports in order of their names.
type search struct {
	*plan
	ctx   context.Context
	class [attributes][]int // of each group, or unset
	bound []int             // port of each bound role
	score Score             // of the bound roles among themselves

	keep  int // best solutions to keep; 0 only counts
	limit int // stop after so many, when only counting; 0 never
	kept  []ranked
	floor Score // no solution is better
	found int
	looks int   // ports looked at, the measure of work
	polls int   // times that ctx was to be asked
	err   error // why the search was cut short
}

// ranked is a solution: ports by role number.
type ranked struct {
	ports []int
	score Score
}

func newSearch(ctx context.Context, m *plan) *search {
	s := &search{plan: m, ctx: ctx, bound: make([]int, 0, len(m.roles))}
	for a := range attributes {
		s.class[a] = slices.Repeat([]int{unset}, len(m.roles))
	}
	return s
}

// run searches from the root.
func (s *search) run() {
	if !s.promising() {
		return
	}
	for role := range s.roles {
		s.floor = s.floor.plus(s.root[role].least)
	}
	s.descend()
}

// descend binds the next role to each of its ports in turn.
func (s *search) descend() {
	role := len(s.bound)
	if role == len(s.roles) {
		s.record()
		return
	}
	before := s.score
	for _, port := range s.options(role).ports {
		if s.done() {
			return
		}
		if !s.fits(role, port) {
			continue
		}
		mine := s.bind(role, port)
		if s.promising() {
			s.descend()
		}
		s.unbind(role, mine)
		s.score = before
	}
}

// options is the narrowest choice that the role has left, still to be filtered by fits.
func (s *search) options(role int) *choice {
	narrowest := s.root[role]
	for a := range attributes {
		if class := s.class[a][s.group[a][role]]; class != unset {
			if c := s.choice(role, a, class); len(c.ports) < len(narrowest.ports) {
				narrowest = c
			}
		}
	}
	return narrowest
}

// fits says whether a port can take an open role: it is free, of the right class wherever the class is settled, and
// nothing that can be judged forbids it.
func (s *search) fits(role, port int) bool {
	s.looks++
	for a := range attributes {
		class, group := s.net.class[a][port], s.group[a][role]
		if settled := s.class[a][group]; settled != unset && settled != class {
			return false
		}
		for _, other := range s.apart[a][group] {
			if s.class[a][other] == class {
				return false
			}
		}
	}
	for _, j := range s.late[role] {
		if !s.holds(j, role, port) {
			return false
		}
	}
	return !slices.Contains(s.bound, port)
}

// adds is what a port for an open role would add to the score, as far as it is known from the bound roles.
func (s *search) adds(role, port int) Score {
	score := s.alone(role, port)
	for other, taken := range s.bound {
		if s.weighs[byNIC][role][other] && s.net.class[byNIC][port] == s.net.class[byNIC][taken] {
			score.SharedNICs++
		}
		if s.weighs[byNode][role][other] && s.net.class[byNode][port] == s.net.class[byNode][taken] {
			score.SharedNodes++
		}
	}
	for _, j := range s.hopes[role] {
		if !s.holds(j, role, port) {
			score.Unpreferred++
		}
	}
	return score
}

// holds judges, with a port for an open role. What depends on other open roles is not judged yet, and holds.
func (s *search) holds(j judgement, role, port int) bool {
	var scratch [8]int
	ports := scratch[:0]
	for _, i := range j.roles {
		switch {
		case i == role:
			ports = append(ports, port)
		case i < len(s.bound):
			ports = append(ports, s.bound[i])
		default:
			return true
		}
	}
	return j.Constraint.holds(s.net, ports)
}

// bind gives a role its port and returns which of its groups took their class from it.
func (s *search) bind(role, port int) (mine [attributes]bool) {
	s.score = s.score.plus(s.adds(role, port))
	for a := range attributes {
		if group := s.group[a][role]; s.class[a][group] == unset {
			s.class[a][group], mine[a] = s.net.class[a][port], true
		}
	}
	s.bound = append(s.bound, port)
	return mine
}

func (s *search) unbind(role int, mine [attributes]bool) {
	s.bound = s.bound[:role]
	for a := range attributes {
		if mine[a] {
			s.class[a][s.group[a][role]] = unset
		}
	}
}

// promising looks ahead: groups that must differ do, each open role has a port left, and the score can still beat what
// is kept.
func (s *search) promising() bool {
	for a := range attributes {
		for group, others := range s.apart[a] {
			class := s.class[a][group]
			for _, other := range others {
				if class != unset && class == s.class[a][other] {
					return false
				}
			}
		}
	}
	reach := s.score
	for role := len(s.bound); role < len(s.roles); role++ {
		least, found := s.cheapest(role)
		if !found {
			return false
		}
		reach = reach.plus(least)
	}
	return !s.full() || reach.Compare(s.kept[s.keep-1].score) < 0
}

// cheapest is the least that a port of an open role adds to the score, or a bound of it if that is long to find or of no
// use, and whether there is a port at all.
func (s *search) cheapest(role int) (least Score, found bool) {
	const long = 64
	options := s.options(role)
	estimate := !s.full() || len(options.ports) > long
	for _, port := range options.ports {
		if !s.fits(role, port) {
			continue
		}
		if estimate {
			return options.least, true
		}
		if score := s.adds(role, port); !found || score.Compare(least) < 0 {
			least, found = score, true
		}
	}
	return least, found
}

// record takes a complete assignment. Of equal ones the first stays first.
func (s *search) record() {
	s.found++
	if s.keep == 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(s.kept, s.score, func(r ranked, score Score) int {
		if r.score.Compare(score) <= 0 {
			return -1
		}
		return 1
	})
	s.kept = slices.Insert(s.kept, at, ranked{slices.Clone(s.bound), s.score})
	s.kept = s.kept[:min(len(s.kept), s.keep)]
}

func (s *search) full() bool { return s.keep > 0 && len(s.kept) == s.keep }

// done says whether going on is of no use.
func (s *search) done() bool {
	if s.polls++; s.polls%1024 == 1 && s.err == nil {
		s.err = context.Cause(s.ctx)
	}
	if s.full() && s.kept[s.keep-1].score.Compare(s.floor) <= 0 {
		return true
	}
	return s.err != nil || s.keep == 0 && s.limit > 0 && s.found >= s.limit
}
