package cluster

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Devices are those of the node's NodePtpDevice.
func (s *System) Devices(ctx context.Context, node string) ([]sut.Device, error) {
	object, err := s.dynamic.Resource(deviceResource()).Namespace(s.namespace).Get(ctx, node, metav1.GetOptions{})
	if err != nil {
		return nil, s.explain(err, "get NodePtpDevice %s", node)
	}
	list, _, err := unstructured.NestedSlice(object.Object, "status", "devices")
	if err != nil {
		return nil, s.explain(err, "read NodePtpDevice %s", node)
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
		devices = append(devices, sut.Device{Name: text("name"), PCI: text("hardwareInfo", "pciAddress"), Vendor: text("hardwareInfo", "vendorID")})
	}
	return devices, nil
}
