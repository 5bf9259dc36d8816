package cluster

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

// Inventory is what the PtpConfigs that apply to the nodes make of their ports. From whom a clock takes its time is known once
// Discover has found out which ports share a LAN; a grandmaster outside the cluster is not part of it.
func (s *System) Inventory(ctx context.Context) (sut.Inventory, error) {
	var inv sut.Inventory
	nodes, err := s.nodes(ctx)
	if err != nil {
		return inv, err
	}
	all, err := s.Configs(ctx)
	if err != nil {
		return inv, err
	}
	inv.Nodes = nodes
	for _, node := range nodes {
		labels, err := s.Labels(ctx, node)
		if err != nil {
			return inv, err
		}
		files, err := s.configFiles(ctx, node)
		if err != nil {
			return inv, err
		}
		applied := ptpconfig.ForNode(all, node, labels)
		inv.Instances = append(inv.Instances, instancesOf(node, applied, files)...)
		inv.SystemClocks = append(inv.SystemClocks, systemClocksOf(node, applied, files)...)
	}
	rename(&inv)
	inv.Ports = portsOf(s.graph, inv.Instances)
	expectUpstreams(s.graph, inv.Instances)
	return inv, nil
}

// findConfigs prints the profile line of every configuration on a node, as "file:#profile: name". It is what linuxptp-daemon
// writes first. No file is no error.
const findConfigs = `grep -H '^#profile:' /var/run/ptp4l.*.config /var/run/phc2sys.*.config 2>/dev/null; true`

// configFiles are the configuration files of a node's programs, by program and profile: "ptp4l test-slave1_test-slave1".
func (s *System) configFiles(ctx context.Context, node string) (map[string]string, error) {
	result, err := s.Exec(ctx, node, []string{"sh", "-c", findConfigs})
	if err != nil {
		return nil, fmt.Errorf("look for ptp4l on %s: %w", node, err)
	}
	return parseConfigFiles(result.Stdout), nil
}

func parseConfigFiles(found string) map[string]string {
	files := map[string]string{}
	for line := range strings.Lines(found) {
		file, profile, ok := strings.Cut(strings.TrimSpace(line), ":#profile:")
		program, _, _ := strings.Cut(file[strings.LastIndex(file, "/")+1:], ".")
		if ok {
			files[program+" "+strings.TrimSpace(profile)] = file
		}
	}
	return files
}

// qualified is the name under which linuxptp-daemon runs a profile. Daemons before 4.22 leave the object's name out.
func qualified(object ptpconfig.PtpConfig, profile ptpconfig.Profile) string {
	return object.Metadata.Name + "_" + profile.Name
}

// configOf finds the file of a profile by its qualified name, or by its own.
func configOf(files map[string]string, program string, object ptpconfig.PtpConfig, profile ptpconfig.Profile) string {
	return cmp.Or(files[program+" "+qualified(object, profile)], files[program+" "+profile.Name])
}

// instancesOf are the ptp4l of a node, still without names that are unique.
func instancesOf(node string, applied []ptpconfig.PtpConfig, files map[string]string) []sut.Instance {
	var all []sut.Instance
	for _, object := range applied {
		for _, profile := range object.Spec.Profile {
			receive, transmit := profile.Ports()
			if len(receive)+len(transmit) == 0 {
				continue
			}
			kind := sut.Boundary
			switch {
			case len(receive) == 0:
				kind = sut.Grandmaster
			case len(transmit) == 0:
				kind = sut.Ordinary
			}
			all = append(all, sut.Instance{
				Name: profile.Name, Node: node, Type: kind, Domain: domainOf(profile), ReceivePorts: receive, TransmitPorts: transmit,
				Config: configOf(files, "ptp4l", object, profile), Profile: qualified(object, profile), Object: object.Metadata.Name,
			})
		}
	}
	return all
}

// domainOf is linuxptp's option domainNumber, 0 where it is not set.
func domainOf(profile ptpconfig.Profile) int {
	if profile.Ptp4lConf == nil {
		return 0
	}
	text, _ := ptpconfig.Conf(*profile.Ptp4lConf).Get(ptpconfig.Global, "domainNumber")
	domain, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return domain
}

// systemClocksOf are the phc2sys of a node that steer its clock, with the profiles whose clocks they follow as sources.
func systemClocksOf(node string, applied []ptpconfig.PtpConfig, files map[string]string) []sut.SystemClock {
	var all []sut.SystemClock
	for _, object := range applied {
		for _, profile := range object.Spec.Profile {
			if !steers(profile) {
				continue
			}
			sources := []string{profile.Name}
			if names := profile.PtpSettings["haProfiles"]; names != "" {
				sources = strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' })
			}
			all = append(all, sut.SystemClock{
				Node: node, Profile: qualified(object, profile), Config: configOf(files, "phc2sys", object, profile), Sources: sources,
			})
		}
	}
	return all
}

// steers says whether a profile runs a phc2sys that does more than to tell its version.
func steers(profile ptpconfig.Profile) bool {
	return profile.Phc2sysOpts != nil && strings.TrimSpace(*profile.Phc2sysOpts) != "" && strings.TrimSpace(*profile.Phc2sysOpts) != "-v"
}

// rename gives instances of one name on several nodes, or of several objects, names of their own, and lets system clocks follow.
func rename(inv *sut.Inventory) {
	for _, longer := range []func(sut.Instance) string{
		func(i sut.Instance) string { return i.Name + "@" + i.Node },
		func(i sut.Instance) string { return i.Profile + "@" + i.Node },
	} {
		count := map[string]int{}
		for _, i := range inv.Instances {
			count[i.Name]++
		}
		for n, i := range inv.Instances {
			if count[i.Name] > 1 {
				inv.Instances[n].Name = longer(i)
			}
		}
	}
	for _, clock := range inv.SystemClocks {
		for n, source := range clock.Sources {
			for _, i := range inv.Instances {
				if i.Node == clock.Node && (i.Profile == source || strings.HasSuffix(i.Profile, "_"+source)) {
					clock.Sources[n] = i.Name
				}
			}
		}
	}
}

// portsOf are the ports that discovery has found; before, those that have a clock.
func portsOf(graph *l2.Graph, instances []sut.Instance) []sut.Port {
	var ports []sut.Port
	if graph != nil {
		for _, p := range graph.PTPPorts() {
			ports = append(ports, sut.Port{PortRef: p.Ref(), NIC: fmt.Sprintf("nic%d", p.NIC), MAC: p.MAC})
		}
		return ports
	}
	known := map[sut.PortRef]bool{}
	for _, i := range instances {
		for _, name := range slices.Concat(i.ReceivePorts, i.TransmitPorts) {
			known[sut.PortRef{Node: i.Node, Interface: name}] = true
		}
	}
	for _, ref := range slices.SortedFunc(maps.Keys(known), func(a, b sut.PortRef) int { return strings.Compare(a.String(), b.String()) }) {
		ports = append(ports, sut.Port{PortRef: ref, NIC: metrics.Alias(ref.Interface)})
	}
	return ports
}

// expectUpstreams fills in from whom each instance may take its time: who transmits in its domain on the LANs of its receive ports.
func expectUpstreams(graph *l2.Graph, all []sut.Instance) {
	if graph == nil {
		return
	}
	for n, i := range all {
		for _, port := range i.ReceivePorts {
			lan := lanOf(graph, i.Node, port)
			for _, other := range all {
				transmits := slices.ContainsFunc(other.TransmitPorts, func(t string) bool { return lan != 0 && lanOf(graph, other.Node, t) == lan })
				if other.Name != i.Name && other.Domain == i.Domain && transmits && !slices.Contains(all[n].Upstream, other.Name) {
					all[n].Upstream = append(all[n].Upstream, other.Name)
				}
			}
		}
	}
}

// lanOf is the number of a port's LAN; 0 if it is not known.
func lanOf(graph *l2.Graph, node, name string) int {
	port, _ := graph.Port(sut.PortRef{Node: node, Interface: name})
	return port.LAN
}
