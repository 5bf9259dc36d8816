package ptpconfig

import (
	"fmt"
	"strings"
)

// Mode is how the clock under test is arranged, or that it is to be found out.
type Mode string

// The modes, by the names that users know.
const (
	OC           Mode = "OC"           // an ordinary clock
	DualFollower Mode = "DualFollower" // an ordinary clock with two ports on one NIC
	BC           Mode = "BC"           // a boundary clock
	DualNICBC    Mode = "DualNICBC"    // two boundary clocks on one node, each on its own NIC
	DualNICBCHA  Mode = "DualNICBCHA"  // the same, with a phc2sys that follows whichever works
	Discovery    Mode = "Discovery"    // what the user has configured; nothing is generated
	TGM          Mode = "TGM"          // a telecom grandmaster; recognized, not generated
	TBC          Mode = "TBC"          // a telecom boundary clock; recognized, not generated
)

// Modes lists the modes that the suite can be run in.
func Modes() []Mode { return []Mode{OC, DualFollower, BC, DualNICBC, DualNICBCHA, Discovery} }

// ParseMode reads the name of a mode, in any case. An unknown name is an error that lists the modes.
func ParseMode(name string) (Mode, error) {
	for _, m := range Modes() {
		if strings.EqualFold(name, string(m)) {
			return m, nil
		}
	}
	what := fmt.Sprintf("unknown mode %q", name)
	if strings.EqualFold(name, string(TGM)) || strings.EqualFold(name, string(TBC)) {
		what = fmt.Sprintf("mode %s has no specs yet", strings.ToUpper(name))
	}
	return "", fmt.Errorf("%s; modes are %s", what, modeNames())
}

func modeNames() string {
	var names []string
	for _, m := range Modes() {
		names = append(names, string(m))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
