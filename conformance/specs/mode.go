package specs

import (
	"fmt"
	"strings"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Mode is how the clocks under test are arranged.
type Mode string

// The modes, by the names that users of the suite know.
const (
	OC   Mode = "oc"   // ordinary clocks fed by a grandmaster
	BC   Mode = "bc"   // boundary clocks
	DNBC Mode = "dnbc" // a node with two boundary clocks, each on its own NIC
)

// Modes lists all modes.
func Modes() []Mode { return []Mode{OC, BC, DNBC} }

// ParseMode reads the name of a mode, in any case; an empty name stands for what the system offers. An unknown name is an error that lists the modes.
func ParseMode(name string, inv sut.Inventory) (Mode, error) {
	offered, err := DeriveMode(inv)
	if err != nil || name == "" {
		return offered, err
	}
	for _, mode := range Modes() {
		if !strings.EqualFold(name, string(mode)) {
			continue
		}
		if mode != offered {
			return "", fmt.Errorf("mode %s is not what the system offers, which is %s", mode, offered)
		}
		return mode, nil
	}
	return "", fmt.Errorf("unknown mode %q; modes are %s, %s and %s", name, OC, BC, DNBC)
}

// DeriveMode tells the mode from the instances that are not part of the network: two boundary clocks on one node are
// a dual NIC boundary clock, one is a boundary clock, none leaves ordinary clocks.
func DeriveMode(inv sut.Inventory) (Mode, error) {
	boundary := map[string]int{}
	ordinary, most := 0, 0
	for _, i := range inv.Instances {
		switch {
		case i.InSwitch:
		case i.Type == sut.Boundary:
			boundary[i.Node]++
			most = max(most, boundary[i.Node])
		case i.Type == sut.Ordinary:
			ordinary++
		}
	}
	switch {
	case most > 1:
		return DNBC, nil
	case most == 1:
		return BC, nil
	case ordinary > 0:
		return OC, nil
	}
	return "", fmt.Errorf("no time receiver among %d PTP instances: nothing to test", len(inv.Instances))
}
