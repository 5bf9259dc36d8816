package specs

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/sut"
)

func discoverySpecs() []Spec {
	return []Spec{{
		Area:  AreaDiscovery,
		Name:  "nodes call those interfaces PTP capable that are",
		Needs: []Need{NeedDevices},
		Check: checkDevices,
	}, {
		Area:  AreaDiscovery,
		Name:  "nodes tell PCI address, vendor and driver of their PTP devices",
		Needs: []Need{NeedDevices},
		Check: checkHardware,
	}}
}

// deviceNodes lists the nodes whose clocks are under test or feed those, without the network's.
func (t *Test) deviceNodes() []string {
	var nodes []string
	for _, i := range t.Inventory.Instances {
		if !i.InSwitch && (i.Object != "" || i.IsReceiver()) && !slices.Contains(nodes, i.Node) {
			nodes = append(nodes, i.Node)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// devices asks a node for its PTP devices, sorted by name. A name that comes twice is an error.
func (t *Test) devices(ctx context.Context, node string) ([]sut.Device, error) {
	teller, ok := sut.As[sut.Devices](t.System)
	if !ok {
		return nil, Skipped("the nodes of this system do not tell their PTP devices")
	}
	all, err := teller.Devices(ctx, node)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its PTP devices: %w", node, err)
	}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b sut.Device) int { return strings.Compare(a.Name, b.Name) })
	for n := range all[:max(0, len(all)-1)] {
		if all[n].Name == all[n+1].Name {
			return nil, fmt.Errorf("%s tells of the PTP device %s twice", node, all[n].Name)
		}
	}
	return all, nil
}

// checkDevices compares what nodes call PTP capable with what their interfaces can do.
func checkDevices(ctx context.Context, t *Test) error {
	nodes := t.deviceNodes()
	if len(nodes) == 0 {
		return Skipped("no clock of this system is on a node that tells its PTP devices")
	}
	capable, how, err := t.capable(ctx, nodes)
	if err != nil {
		return err
	}
	for _, node := range nodes {
		if len(capable[node]) == 0 {
			return fmt.Errorf("%s has no PTP capable interface by %s, but PTP instances run there", node, how)
		}
		subject := fmt.Sprintf("the PTP devices of %s to be %s, as %s says", node, strings.Join(capable[node], ", "), how)
		err := t.soon(ctx, subject, func(ctx context.Context) error {
			told, err := t.devices(ctx, node)
			if err != nil {
				return err
			}
			return sameDevices(told, capable[node])
		})
		if err != nil {
			return lookAt(err, "ethtool -T of the interfaces of "+node)
		}
	}
	return nil
}

// sameDevices says which interfaces a node tells of and should not, and the other way round.
func sameDevices(told []sut.Device, capable []string) error {
	var faults []error
	var names []string
	for _, d := range told {
		names = append(names, d.Name)
		if !slices.Contains(capable, d.Name) {
			faults = append(faults, fmt.Errorf("%s is told to be PTP capable, and is not", d.Name))
		}
	}
	for _, name := range capable {
		if !slices.Contains(names, name) {
			faults = append(faults, fmt.Errorf("%s is PTP capable, and not told of", name))
		}
	}
	return errors.Join(faults...)
}

// capable lists the PTP capable interfaces of nodes, sorted: by the suite's own discovery where the system lets it, else by
// ethtool.
func (t *Test) capable(ctx context.Context, nodes []string) (found map[string][]string, how string, err error) {
	found = map[string][]string{}
	if discoverer, ok := sut.As[l2.Discoverer](t.System); ok {
		graph, err := discoverer.Discover(ctx, l2.Request{Nodes: nodes})
		if err != nil {
			return nil, "", fmt.Errorf("discover ports: %w", err)
		}
		for _, p := range graph.Ports {
			if p.PTP == l2.Yes {
				found[p.Node] = append(found[p.Node], p.Interface)
			}
		}
		how = "the suite's discovery"
	} else {
		for _, node := range nodes {
			if found[node], err = t.capableByEthtool(ctx, node); err != nil {
				return nil, "", err
			}
		}
		how = "ethtool -T"
	}
	for _, names := range found {
		slices.Sort(names)
	}
	return found, how, nil
}

// ethtoolScript prints the time stamping of every interface of a node that has hardware behind it and is no virtual function, each after a
// line "==== INTERFACE".
const ethtoolScript = `
command -v ethtool >/dev/null || exit 127
for d in /sys/class/net/*; do
	[ -e "$d/device" ] && [ ! -e "$d/device/physfn" ] || continue
	echo "==== ${d##*/}"
	ethtool -T "${d##*/}" 2>&1
done
exit 0`

func (t *Test) capableByEthtool(ctx context.Context, node string) ([]string, error) {
	result, err := t.System.Exec(ctx, node, []string{"sh", "-c", ethtoolScript, "ptplab-ethtool"})
	switch {
	case err != nil:
		return nil, fmt.Errorf("look at the interfaces of %s: %w", node, err)
	case result.Exit == 127:
		return nil, Skipped(node + " has no ethtool")
	case result.Exit != 0:
		return nil, fmt.Errorf("look at the interfaces of %s: exit status %d: %s", node, result.Exit, strings.TrimSpace(result.Stderr))
	}
	return parseEthtool(result.Stdout), nil
}

// parseEthtool lists the interfaces that can take time stamps in hardware both ways and give them raw, linux/net_tstamp.h.
func parseEthtool(text string) []string {
	needed := []string{"hardware-transmit", "hardware-receive", "hardware-raw-clock"}
	var capable []string
	name, seen := "", map[string]bool{}
	end := func() {
		if name != "" && !slices.ContainsFunc(needed, func(n string) bool { return !seen[n] }) {
			capable = append(capable, name)
		}
	}
	for line := range strings.Lines(text) {
		if next, ok := strings.CutPrefix(line, "==== "); ok {
			end()
			name, seen = strings.TrimSpace(next), map[string]bool{}
			continue
		}
		if fields := strings.Fields(line); len(fields) > 0 {
			seen[fields[0]] = true
		}
	}
	end()
	return capable
}

// pciAddress is a PCI function: domain, bus, device and function. Some tell it without domain.
var pciAddress = regexp.MustCompile(`^([0-9a-f]{4,8}:)?[0-9a-f]{2}:[0-1][0-9a-f]\.[0-7]$`)

// pciID is a vendor's number, PCI code and ID assignment specification.
var pciID = regexp.MustCompile(`^(0x)?[0-9a-f]{4}$`)

// checkHardware sees the hardware behind each device told.
func checkHardware(ctx context.Context, t *Test) error {
	nodes := t.deviceNodes()
	if len(nodes) == 0 {
		return Skipped("no clock of this system is on a node that tells its PTP devices")
	}
	count := 0
	for _, node := range nodes {
		told, err := t.devices(ctx, node)
		if err != nil {
			return err
		}
		if len(told) == 0 {
			return fmt.Errorf("%s tells of no PTP device, but PTP instances run there", node)
		}
		if err := checkDetails(node, told); err != nil {
			return err
		}
		count += len(told)
		if now, err := t.System.Now(ctx); err == nil {
			for _, d := range told {
				t.note(now, node, "PTP device %s: PCI %s, vendor %s, driver %s", d.Name, d.PCI, d.Vendor, d.Driver)
			}
		}
	}
	t.Measured(Measurement{Name: "PTP devices", Value: float64(count), Unit: "ports"})
	return nil
}

// checkDetails names every detail that is missing or malformed.
func checkDetails(node string, told []sut.Device) error {
	var faults []error
	for _, d := range told {
		if !pciAddress.MatchString(strings.ToLower(d.PCI)) {
			faults = append(faults, fmt.Errorf("PCI address of %s on %s is %q", d.Name, node, d.PCI))
		}
		if !pciID.MatchString(strings.ToLower(d.Vendor)) {
			faults = append(faults, fmt.Errorf("PCI vendor of %s on %s is %q", d.Name, node, d.Vendor))
		}
		if d.Driver == "" {
			faults = append(faults, fmt.Errorf("%s on %s has no driver", d.Name, node))
		}
	}
	return errors.Join(faults...)
}
