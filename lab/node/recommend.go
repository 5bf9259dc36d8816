package node

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Chosen is a profile that a node runs.
type Chosen struct {
	Name    string // qualified: "<PtpConfig>_<profile>"
	Profile Profile
	HA      []string // qualified names of the profiles in its setting haProfiles
}

// Choose merges all PtpConfigs and gives the profiles that a node runs: of the recommendations that match it, those
// with the lowest priority number, all of them. The order is that in which upstream starts them: profiles with a
// phc2sys last, each group by name. An error names the references that lead nowhere; the profiles are then still right.
func Choose(configs []PtpConfig, name string, labels map[string]string) ([]Chosen, error) {
	best, any := 0, false
	for _, c := range configs {
		for _, r := range c.Spec.Recommend {
			if r.Priority != nil && r.matches(name, labels) && (!any || *r.Priority < best) {
				best, any = *r.Priority, true
			}
		}
	}
	var chosen []Chosen
	for _, c := range configs {
		for _, r := range c.Spec.Recommend {
			if r.Priority == nil || *r.Priority != best || !r.matches(name, labels) {
				continue
			}
			for _, p := range c.Spec.Profile {
				if p.Name == r.Profile {
					chosen = append(chosen, Chosen{Name: c.Metadata.Name + "_" + p.Name, Profile: p})
				}
			}
		}
	}
	slices.SortFunc(chosen, compareChosen)
	chosen = slices.CompactFunc(chosen, func(a, b Chosen) bool { return a.Name == b.Name })
	return chosen, resolve(chosen)
}

// matches tells whether the recommendation is for the node. One without match is for nobody, as upstream has it.
func (r *Recommend) matches(name string, labels map[string]string) bool {
	for _, m := range r.Match {
		if m.NodeName != "" && m.NodeName == name {
			return true
		}
		if _, found := labels[m.NodeLabel]; found && m.NodeLabel != "" {
			return true
		}
	}
	return false
}

func compareChosen(a, b Chosen) int {
	if c := cmp.Compare(rank(a), rank(b)); c != 0 {
		return c
	}
	return cmp.Compare(a.Name, b.Name)
}

// rank puts profiles with a phc2sys after the others, because it needs their ptp4l.
func rank(c Chosen) int {
	if c.Profile.Phc2sysOpts != "" {
		return 1
	}
	return 0
}

// resolve turns the names in haProfiles, qualified or not, into those of chosen profiles.
func resolve(chosen []Chosen) error {
	var errs []error
	for i := range chosen {
		c := &chosen[i]
		for _, name := range c.Profile.haProfiles() {
			found := slices.IndexFunc(chosen, func(o Chosen) bool { return o.Name == name || o.Profile.Name == name })
			if found < 0 {
				errs = append(errs, fmt.Errorf("profile %s: haProfiles names %s, which does not apply here", c.Name, name))
				continue
			}
			c.HA = append(c.HA, chosen[found].Name)
		}
	}
	return errors.Join(errs...)
}

// sortedKeys gives the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
