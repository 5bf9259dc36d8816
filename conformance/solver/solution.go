package solver

import (
	"context"
	"fmt"
	"math"
	"strings"
)

// Solution gives each role of a problem a port of its own.
type Solution struct {
	Problem string
	Roles   []Role // as the problem lists them
	Ports   map[Role]Port
	Score   Score
}

// String is one line, "gm=w2/ens3f0 oc1=w1/ens1f0".
func (s Solution) String() string {
	var pairs []string
	for _, role := range s.Roles {
		pairs = append(pairs, fmt.Sprintf("%s=%s", role, s.Ports[role]))
	}
	return strings.Join(pairs, " ")
}

// Best returns the solution that ranks first. The error is an [*Unsolvable] if there is none, a fault of the problem, or
// why ctx ended.
func (n *Network) Best(ctx context.Context, p Problem) (Solution, error) {
	best, err := n.All(ctx, p, 1)
	if err != nil {
		return Solution{}, err
	}
	if len(best) == 0 {
		unsolvable, err := n.explain(ctx, p)
		if err != nil {
			return Solution{}, fmt.Errorf("explain why %s has no solution: %w", p.Name, err)
		}
		return Solution{}, unsolvable
	}
	return best[0], nil
}

// All returns the solutions in order of rank, at most limit, or all of them if limit is 0. There may be none. A small
// limit is faster: it lets the search leave out what ranks behind.
func (n *Network) All(ctx context.Context, p Problem, limit int) ([]Solution, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = math.MaxInt
	}
	s := newSearch(ctx, newPlan(n, p, limit == 1))
	s.keep = limit
	if s.run(); s.err != nil {
		return nil, fmt.Errorf("solve %s: %w", p.Name, s.err)
	}
	solutions := make([]Solution, 0, len(s.kept))
	for _, r := range s.kept {
		solution := Solution{Problem: p.Name, Roles: p.Roles, Ports: make(map[Role]Port, len(r.ports)), Score: r.score}
		for i, port := range r.ports {
			solution.Ports[s.roles[i]] = n.ports[port]
		}
		solutions = append(solutions, solution)
	}
	return solutions, nil
}

// Count says how many solutions there are. It stops counting at limit, if limit is not 0.
func (n *Network) Count(ctx context.Context, p Problem, limit int) (int, error) {
	if err := p.Validate(); err != nil {
		return 0, err
	}
	s := newSearch(ctx, newPlan(n, p, limit == 1))
	s.limit = limit
	if s.run(); s.err != nil {
		return 0, fmt.Errorf("count the solutions of %s: %w", p.Name, s.err)
	}
	return s.found, nil
}
