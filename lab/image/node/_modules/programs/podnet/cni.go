package podnet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	core "k8s.io/api/core/v1"
)

// cniFile is read by containerd: the first configuration by name counts.
const cniFile = "/etc/cni/net.d/10-ptplab.conflist"

// configure writes the CNI configuration of this node, once it has pod addresses. The node becomes ready with it.
func (p podnet) configure(node *core.Node) error {
	if len(node.Spec.PodCIDRs) == 0 {
		return fmt.Errorf("node %s has no pod addresses yet", node.Name)
	}
	mtu, err := uplinkMTU()
	if err != nil {
		return err
	}
	text, err := cniConfig(node.Spec.PodCIDRs, mtu)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(cniFile); err == nil && bytes.Equal(old, text) {
		return nil
	}
	fresh := filepath.Join(filepath.Dir(cniFile), ".ptplab.new") // not seen as a configuration
	if err := os.WriteFile(fresh, text, 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, cniFile)
}

// cniConfig is a chain of the plugins ptp (a pair of interfaces for each pod) and portmap, with addresses of the node.
func cniConfig(podCIDRs []string, mtu int) ([]byte, error) {
	type object = map[string]any
	var ranges, routes []any
	for _, cidr := range podCIDRs {
		ranges = append(ranges, []any{object{"subnet": cidr}})
		everywhere := "0.0.0.0/0"
		if isIPv6(cidr) {
			everywhere = "::/0"
		}
		routes = append(routes, object{"dst": everywhere})
	}
	return json.MarshalIndent(object{
		"cniVersion": "0.3.1",
		"name":       "ptplab",
		"plugins": []any{
			object{
				"type": "ptp", "ipMasq": false, "mtu": mtu,
				"ipam": object{"type": "host-local", "dataDir": "/run/cni-ipam-state", "ranges": ranges, "routes": routes},
			},
			object{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}, "", "  ")
}
