package lab

import (
	"maps"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/lab/topology"
)

// owners are all that have a place of their own: workers, external grandmasters and switches, in this order.
func owners(p *topology.Plan) []string {
	all := slices.Clone(p.Workers)
	for _, g := range p.Grandmasters {
		all = append(all, g.Name)
	}
	for _, s := range p.Switches {
		all = append(all, s.Name)
	}
	return all
}

func isOwner(p *topology.Plan, name string) bool { return slices.Contains(owners(p), name) }

// names are the keys of a map as a person reads them.
func names[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}

// own are those of the owners whose programs the lab itself looks after. Nodes of a cluster have a daemon for that.
func own(p *topology.Plan) []string {
	if !hasCluster(p) {
		return owners(p)
	}
	return slices.DeleteFunc(owners(p), func(o string) bool { return slices.Contains(p.Workers, o) })
}
