package podnet

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"

	"github.com/vishvananda/netlink"
	core "k8s.io/api/core/v1"
)

// routeProtocol marks our routes in the kernel's table: a number that nobody else uses.
const routeProtocol = 112

func isIPv6(address string) bool { return strings.Contains(address, ":") }

// route keeps one route for the pods of each other node, and removes ours to nodes that are gone.
func (p podnet) route(nodes []*core.Node) error {
	wanted := map[string]bool{}
	var faults []error
	for _, node := range nodes {
		if node.Name == p.node {
			continue
		}
		for _, cidr := range node.Spec.PodCIDRs {
			route, err := routeTo(node, cidr)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			wanted[route.Dst.String()] = true
			if err := netlink.RouteReplace(route); err != nil {
				faults = append(faults, fmt.Errorf("route to %s by %s: %w", cidr, route.Gw, err))
			}
		}
	}
	return errors.Join(append(faults, dropRoutes(wanted))...)
}

// routeTo is the route to the pods of a node, by the node's own address.
func routeTo(node *core.Node, cidr string) (*netlink.Route, error) {
	_, dst, err := net.ParseCIDR(cidr)
	if err != nil {
		return nil, fmt.Errorf("pods of node %s: %w", node.Name, err)
	}
	for _, address := range node.Status.Addresses {
		if address.Type == core.NodeInternalIP && isIPv6(address.Address) == isIPv6(cidr) {
			return &netlink.Route{Dst: dst, Gw: net.ParseIP(address.Address), Protocol: routeProtocol}, nil
		}
	}
	return nil, fmt.Errorf("node %s has no address of its own for %s yet", node.Name, cidr)
}

func dropRoutes(wanted map[string]bool) error {
	ours := &netlink.Route{Protocol: routeProtocol}
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_ALL, ours, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	var faults []error
	for _, route := range routes {
		if route.Dst != nil && !wanted[route.Dst.String()] {
			if err := netlink.RouteDel(&route); err != nil {
				faults = append(faults, fmt.Errorf("remove route to %s: %w", route.Dst, err))
			}
		}
	}
	return errors.Join(faults...)
}

// uplinkMTU is the largest packet of the interface with the default route.
func uplinkMTU() (int, error) {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return 0, fmt.Errorf("list routes: %w", err)
	}
	for _, route := range routes {
		if route.LinkIndex > 0 && (route.Dst == nil || route.Dst.IP.IsUnspecified()) {
			link, err := netlink.LinkByIndex(route.LinkIndex)
			if err != nil {
				return 0, fmt.Errorf("interface of the default route: %w", err)
			}
			return link.Attrs().MTU, nil
		}
	}
	return 0, errors.New("this node has no default route")
}

// masquerade gives packets that leave the cluster the address of the node, with one rule for each IP family.
func (p podnet) masquerade() error {
	for _, subnet := range p.subnets {
		program := "iptables"
		if isIPv6(subnet) {
			program = "ip6tables"
		}
		rule := []string{
			"POSTROUTING", "-s", subnet, "!", "-d", subnet, "-m", "addrtype", "!", "--dst-type", "LOCAL",
			"-m", "comment", "--comment", "pods leave the cluster", "-j", "MASQUERADE",
		}
		if exec.Command(program, append([]string{"-w", "5", "-t", "nat", "-C"}, rule...)...).Run() == nil {
			continue
		}
		out, err := exec.Command(program, append([]string{"-w", "5", "-t", "nat", "-A"}, rule...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}
