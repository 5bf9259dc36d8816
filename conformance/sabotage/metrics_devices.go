package sabotage

import (
	"context"
	"fmt"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// deviceSabotages break what nodes tell of their hardware.
func deviceSabotages() []Sabotage {
	return []Sabotage{
		devices("PTP device not told of", func(all []sut.Device) []sut.Device { return all[min(1, len(all)):] }),
		devices("device without clock told of", func(all []sut.Device) []sut.Device {
			return append(all, sut.Device{Name: "eno1", PCI: "0000:7f:1f.0", Vendor: "0x8086", Driver: "igb"})
		}),
		devices("PTP device without PCI address", func(all []sut.Device) []sut.Device {
			for i := range all {
				all[i].PCI = ""
			}
			return all
		}),
	}
}

// telling is a system whose nodes tell other devices than they have.
type telling struct {
	inArea
	teller sut.Devices
	change func([]sut.Device) []sut.Device
}

// Devices are those that the node tells of, changed.
func (t telling) Devices(ctx context.Context, node string) ([]sut.Device, error) {
	all, err := t.teller.Devices(ctx, node)
	return t.change(append([]sut.Device{}, all...)), err
}

// devices changes what nodes tell of their devices.
func devices(name string, change func([]sut.Device) []sut.Device) Sabotage {
	return Sabotage{Name: name, Area: specs.AreaDiscovery, Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
		teller, ok := sut.As[sut.Devices](system)
		if !ok {
			return nil, nil, fmt.Errorf("%w: its nodes do not tell their devices", ErrNotApplicable)
		}
		return telling{inArea{system, specs.AreaDiscovery}, teller, change}, nothing, nil
	}}
}
