package cluster

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ptplab/ptplab/conformance/sut"
)

// driversScript prints the name of each interface that has a driver, and the driver's.
const driversScript = `
for link in /sys/class/net/*/device/driver; do
	[ -e "$link" ] || continue
	interface=${link#/sys/class/net/}
	driver=$(readlink "$link") && echo "${interface%%/*} ${driver##*/}"
done`

// drivers are those of a node's interfaces. NodePtpDevice tells their versions at most.
func (s *System) drivers(ctx context.Context, node string) (map[string]string, error) {
	result, err := s.Exec(ctx, node, []string{"sh", "-c", driversScript, "ptplab-drivers"})
	if err != nil {
		return nil, err
	}
	if result.Exit != 0 {
		return nil, fmt.Errorf("look for the drivers of node %s: exit status %d: %s", node, result.Exit, strings.TrimSpace(result.Stderr))
	}
	all := map[string]string{}
	for line := range strings.Lines(result.Stdout) {
		if name, driver, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			all[name] = driver
		}
	}
	return all, nil
}

// Devices are those of the node's NodePtpDevice, with their drivers as the node's kernel names them.
func (s *System) Devices(ctx context.Context, node string) ([]sut.Device, error) {
	object, err := s.dynamic.Resource(deviceResource()).Namespace(s.namespace).Get(ctx, node, metav1.GetOptions{})
	if err != nil {
		return nil, s.explain(err, "get NodePtpDevice %s", node)
	}
	list, _, err := unstructured.NestedSlice(object.Object, "status", "devices")
	if err != nil {
		return nil, s.explain(err, "read NodePtpDevice %s", node)
	}
	drivers, err := s.drivers(ctx, node)
	if err != nil {
		return nil, err
	}
	var devices []sut.Device
	for _, item := range list {
		device, ok := item.(map[string]any)
		if !ok {
			continue
		}
		text := func(fields ...string) string {
			value, _, _ := unstructured.NestedString(device, fields...)
			return value
		}
		devices = append(devices, sut.Device{Name: text("name"), Driver: drivers[text("name")], PCI: text("hardwareInfo", "pciAddress"), Vendor: text("hardwareInfo", "vendorID")})
	}
	return devices, nil
}
