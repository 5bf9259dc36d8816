package node

import (
	"maps"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// SetLabels replaces the labels of the node that recommendations may match. The next Apply goes by them.
func (n *Node) SetLabels(labels map[string]string) {
	n.applying.Lock()
	defer n.applying.Unlock()
	n.o.Labels = maps.Clone(labels)
}

// SetSystemClock says whether the node may steer CLOCK_REALTIME. The next Apply goes by it.
func (n *Node) SetSystemClock(may bool) {
	n.applying.Lock()
	defer n.applying.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = n.told && n.o.SystemClock == may
	n.o.SystemClock = may
}

// Recommended gives those of the objects that recommend anything for a node of this name with these labels. The others
// mean nothing to it.
func Recommended(configs []PtpConfig, name string, labels map[string]string) []PtpConfig {
	return slices.DeleteFunc(slices.Clone(configs), func(c PtpConfig) bool {
		return !slices.ContainsFunc(c.Spec.Recommend, func(r Recommend) bool { return r.matches(name, labels) })
	})
}

// SteersSystemClock names the one of a node's profiles whose phc2sys may set CLOCK_REALTIME, "" if there is none: the
// first whose time comes from a clock that itself receives it. Of several, only one can; and one that took its time from
// a grandmaster, which with -r -r takes its own from CLOCK_REALTIME, would go round in a circle.
func SteersSystemClock(chosen []Chosen) string {
	for _, c := range chosen {
		sources := c.HA
		if len(sources) == 0 {
			sources = []string{c.Name}
		}
		follows := slices.ContainsFunc(chosen, func(o Chosen) bool { return slices.Contains(sources, o.Name) && o.Profile.receives() })
		if c.Profile.runsPhc2sys() && follows {
			return c.Name
		}
	}
	return ""
}

// SystemClockNode names the one of several nodes whose phc2sys may steer the CLOCK_REALTIME that they share: the first by
// name that has a profile for it. "" stands for none. The labels are by node.
func SystemClockNode(configs []PtpConfig, nodes []string, labels map[string]map[string]string) string {
	for _, name := range slices.Sorted(slices.Values(nodes)) {
		// References that lead nowhere are left out of the choice, and told when the node applies it.
		chosen, _ := Choose(configs, name, labels[name])
		if SteersSystemClock(chosen) != "" {
			return name
		}
	}
	return ""
}

// runsPhc2sys tells whether the profile has a phc2sys that does more than print its version, which some give it to leave
// the clocks alone.
func (p *Profile) runsPhc2sys() bool {
	return p.Phc2sysOpts != "" && !slices.Contains(strings.Fields(p.Phc2sysOpts), "-v")
}

// receives tells whether the profile's ptp4l has a port that may be a time receiver. A port that says nothing may.
func (p *Profile) receives() bool {
	conf, err := linuxptp.ParseConfig(p.Ptp4lConf)
	if err != nil || p.Ptp4lOpts == "" {
		return false
	}
	ports := conf.Interfaces()
	if p.Interface != "" {
		ports = append(ports, p.Interface)
	}
	return slices.ContainsFunc(ports, func(port string) bool { return !transmits(conf, port) })
}

// transmits tells whether a port may be a time transmitter only. The option has two names, and [global] stands in for
// the port's section.
func transmits(conf *linuxptp.Config, port string) bool {
	for _, section := range []string{port, linuxptp.Global} {
		for _, key := range []string{"serverOnly", "masterOnly"} {
			if value, found := conf.Get(section, key); found {
				return value == "1"
			}
		}
	}
	return false
}
