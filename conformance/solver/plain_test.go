package solver

// plain is the search that the suite used to have: exchange ports in place and, after the s-th is settled, check the
// constraints of step s. A constraint that names a role after s is checked against whatever port happens to stand there,
// and not again. It stops after limit checks, and returns the number of solutions and of checks.
func plain(ports []Port, roles []Role, steps [][]Constraint, limit int) (solutions []map[Role]Port, checks int) {
	order := make([]Port, len(ports))
	copy(order, ports)
	needed := max(len(roles), len(steps)) // a step without a role takes a port all the same
	var settle func(i int)
	settle = func(i int) {
		if i == needed {
			found := map[Role]Port{}
			for j, role := range roles {
				found[role] = order[j]
			}
			solutions = append(solutions, found)
			return
		}
		for j := i; j < len(order) && checks < limit; j++ {
			order[i], order[j] = order[j], order[i]
			now := map[Role]Port{}
			for at, role := range roles {
				now[role] = order[at]
			}
			checks++
			holds := true
			if i < len(steps) {
				for _, c := range steps[i] {
					holds = holds && plainlyHolds(c, now)
				}
			}
			if holds {
				settle(i + 1)
			}
			order[i], order[j] = order[j], order[i]
		}
	}
	if len(ports) >= needed {
		settle(0)
	}
	return solutions, checks
}

// inSteps puts each constraint at the step of its last role, as plain needs it.
func inSteps(p Problem) [][]Constraint {
	steps := make([][]Constraint, len(p.Roles))
	for _, c := range p.Constraints {
		last := 0
		for i, role := range p.Roles {
			for _, r := range c.Roles {
				if r == role {
					last = max(last, i)
				}
			}
		}
		steps[last] = append(steps[last], c)
	}
	return steps
}
