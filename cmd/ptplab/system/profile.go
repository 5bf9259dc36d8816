package system

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

// profile is a profile that a worker runs.
type profile struct {
	ptpconfig.Profile
	node, object string
	name         string // of the instance that it makes, unique in the lab
}

// profilesOf are the profiles that a worker with these labels runs.
func profilesOf(objects []ptpconfig.PtpConfig, worker string, labels []string) []profile {
	var all []profile
	for _, o := range ptpconfig.ForNode(objects, worker, labels) {
		for _, p := range o.Spec.Profile {
			all = append(all, profile{Profile: p, node: worker, object: o.Metadata.Name})
		}
	}
	return all
}

// qualified is the name of the profile that no other on its node has.
func (p profile) qualified() string { return p.object + "_" + p.Name }

// runs tells whether a program with these options is started.
func (p profile) runs(options *string) bool { return options != nil && *options != "" }

// nameAll names each profile so that no two in the lab are the same, nor one of the others there: by its own name or, if
// another has that, with its node before it or, if that does not do, with its qualified name.
func nameAll(profiles []profile, others []sut.Instance) error {
	forms := []func(profile) string{
		func(p profile) string { return p.Name },
		func(p profile) string { return p.node + "-" + p.Name },
		func(p profile) string { return p.node + "-" + p.qualified() },
	}
	taken := map[string]bool{}
	for _, o := range others {
		taken[o.Name] = true
	}
	for _, form := range forms {
		count := map[string]int{}
		for _, p := range profiles {
			count[form(p)]++
		}
		for i := range profiles {
			if name := form(profiles[i]); profiles[i].name == "" && count[name] == 1 && !taken[name] {
				profiles[i].name, taken[name] = name, true
			}
		}
	}
	for _, p := range profiles {
		if p.name == "" {
			return fmt.Errorf("profile %s on %s: other instances of the lab have all names that it could have", p.qualified(), p.node)
		}
	}
	return nil
}

// instance is the PTP instance of a profile that has a ptp4l.
func (p profile) instance() (sut.Instance, error) {
	one := sut.Instance{Name: p.name, Node: p.node, Profile: p.qualified(), Object: p.object}
	one.ReceivePorts, one.TransmitPorts = p.Ports()
	switch receives, transmits := len(one.ReceivePorts) > 0, len(one.TransmitPorts) > 0; {
	case receives && transmits:
		one.Type = sut.Boundary
	case receives:
		one.Type = sut.Ordinary
	case transmits:
		one.Type = sut.Grandmaster
	default:
		return one, fmt.Errorf("profile %s on %s has a ptp4l, but neither its interface nor ptp4lConf says on which ports", one.Profile, p.node)
	}
	if p.Ptp4lConf == nil {
		return one, nil
	}
	if text, found := ptpconfig.Conf(*p.Ptp4lConf).Get(ptpconfig.Global, "domainNumber"); found {
		domain, err := strconv.ParseUint(text, 0, 8)
		if err != nil {
			return one, fmt.Errorf("profile %s on %s: domainNumber %q is not within 0-255", one.Profile, p.node, text)
		}
		one.Domain = int(domain)
	}
	return one, nil
}

// systemClocks are the phc2sys that take the time for CLOCK_REALTIME from a clock that itself receives it.
func systemClocks(profiles []profile, instances []sut.Instance) []sut.SystemClock {
	var all []sut.SystemClock
	for _, p := range profiles {
		if !p.runs(p.Phc2sysOpts) || slices.Contains(strings.Fields(*p.Phc2sysOpts), "-v") { // which prints the version and ends
			continue
		}
		one := sut.SystemClock{Node: p.node, Profile: p.qualified()}
		for _, i := range instances {
			if i.Node == p.node && i.IsReceiver() && p.follows(i, profiles) {
				one.Sources = append(one.Sources, i.Name)
			}
		}
		if len(one.Sources) > 0 {
			all = append(all, one)
		}
	}
	return all
}

// follows tells whether the profile's phc2sys takes its time from an instance of its node: from one of those that its
// setting haProfiles names, qualified or not; without it from that of its own ptp4l.
func (p profile) follows(i sut.Instance, profiles []profile) bool {
	resolved := false
	for name := range strings.SplitSeq(p.PtpSettings["haProfiles"], ",") {
		for _, o := range profiles {
			if name = strings.TrimSpace(name); o.node == p.node && (o.Name == name || o.qualified() == name) {
				if o.qualified() == i.Profile {
					return true
				}
				resolved = true
			}
		}
	}
	return !resolved && i.Profile == p.qualified()
}
