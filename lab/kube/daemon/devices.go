package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ptplab/ptplab/lab/node"
)

// tellDevices writes the interfaces of the node that can do PTP into its NodePtpDevice, if they are not there. The object
// is the operator's to make: until then nothing is told.
func (d *daemon) tellDevices(ctx context.Context) error {
	known := objects(d.cluster.devices)
	if len(known) == 0 {
		return nil
	}
	devices, err := node.Devices(d.o.Sysfs)
	if err != nil {
		return err
	}
	list := deviceList(devices)
	told, found, _ := unstructured.NestedSlice(known[0].Object, "status", "devices")
	if found && reflect.DeepEqual(told, list) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"devices": list}})
	if err != nil {
		return err
	}
	resource := d.o.Client.Resource(deviceResource()).Namespace(d.o.Namespace)
	if _, err := resource.Patch(ctx, d.o.Node, types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		return fmt.Errorf("NodePtpDevice %s: %w", d.o.Node, err)
	}
	d.o.Log.Info("devices told", "node", d.o.Node, "devices", len(list))
	return nil
}

// deviceList is the list with upstream's names.
func deviceList(devices []node.Device) []any {
	list := []any{}
	for _, device := range devices {
		one := map[string]any{"name": device.Name}
		if device.PCI != "" {
			one["hardwareInfo"] = map[string]any{"pciAddress": device.PCI, "vendorID": device.Vendor}
		}
		list = append(list, one)
	}
	return list
}
