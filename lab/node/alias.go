package node

import (
	"regexp"
)

// aliasPattern is upstream's rule for the alias of an interface: "ens1f0", "ens1f1" and "ens1f0np0" are "ens1fx".
func aliasPattern() *regexp.Regexp {
	return regexp.MustCompile(`^(.+?)(\d+)(np\d+)?(\.\d+)?$`)
}

// aliases gives the name under which metrics know each interface: one for all ports of a hardware clock. If the ports
// of a clock disagree on it, or two clocks would share it, the ports keep their own names.
func aliases(ifaces []string, phc func(string) string) map[string]string {
	pattern := aliasPattern()
	alias := map[string]string{}
	groups := map[string]string{} // hardware clock to its alias, "" when its ports disagree
	clock := map[string]string{}
	for _, i := range ifaces {
		alias[i] = i
		if m := pattern.FindStringSubmatch(i); m != nil {
			alias[i] = m[1] + "x" + m[4]
		}
		clock[i] = alias[i]
		if phc != nil {
			clock[i] = phc(i)
		}
		switch a, found := groups[clock[i]]; {
		case !found:
			groups[clock[i]] = alias[i]
		case a != alias[i]:
			groups[clock[i]] = ""
		}
	}
	owners := map[string]int{}
	for _, a := range groups {
		owners[a]++
	}
	for _, i := range ifaces {
		if a := groups[clock[i]]; a == "" || owners[a] > 1 {
			alias[i] = i
		}
	}
	return alias
}
