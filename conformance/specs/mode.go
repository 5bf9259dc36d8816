package specs

import (
	"fmt"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

// Mode is how the clocks under test are arranged.
type Mode = ptpconfig.Mode

// The modes in which specs run.
const (
	OC           = ptpconfig.OC
	DualFollower = ptpconfig.DualFollower
	BC           = ptpconfig.BC
	DualNICBC    = ptpconfig.DualNICBC
	DualNICBCHA  = ptpconfig.DualNICBCHA
)

// Modes lists the modes in which specs run.
func Modes() []Mode { return []Mode{OC, DualFollower, BC, DualNICBC, DualNICBCHA} }

// ParseMode reads the name of a mode, in any case. An empty name and Discovery stand for what the system offers. An unknown
// name is an error that lists the modes.
func ParseMode(name string, inv sut.Inventory) (Mode, error) {
	offered, err := DeriveMode(inv)
	if err != nil || name == "" {
		return offered, err
	}
	mode, err := ptpconfig.ParseMode(name)
	if err != nil || mode == ptpconfig.Discovery {
		return offered, err
	}
	if mode != offered {
		return "", fmt.Errorf("mode %s is not what the system offers, which is %s", mode, offered)
	}
	return mode, nil
}

// DeriveMode tells the mode from the instances that are not part of the network: two boundary clocks on one node are
// a dual NIC boundary clock, one is a boundary clock, none leaves ordinary clocks.
func DeriveMode(inv sut.Inventory) (Mode, error) {
	boundary := map[string]int{}
	ordinary, dual, most := 0, 0, 0
	for _, i := range inv.Instances {
		switch {
		case i.InSwitch:
		case i.Type == sut.Boundary:
			boundary[i.Node]++
			most = max(most, boundary[i.Node])
		case i.Type == sut.Ordinary && len(i.ReceivePorts) > 1:
			dual++
		case i.Type == sut.Ordinary:
			ordinary++
		}
	}
	switch {
	case most > 1 && highAvailability(inv):
		return DualNICBCHA, nil
	case most > 1:
		return DualNICBC, nil
	case most == 1:
		return BC, nil
	case dual > 0:
		return DualFollower, nil
	case ordinary > 0:
		return OC, nil
	}
	return "", fmt.Errorf("no time receiver among %d PTP instances: nothing to test", len(inv.Instances))
}

// highAvailability says whether the system clock of a node follows whichever of several clocks works.
func highAvailability(inv sut.Inventory) bool {
	for _, s := range inv.SystemClocks {
		if len(s.Sources) > 1 {
			return true
		}
	}
	return false
}
