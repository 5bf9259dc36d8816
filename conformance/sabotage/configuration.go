package sabotage

import (
	"slices"

	"github.com/ptplab/ptplab/conformance/specs"
)

// configurationSabotages break what clocks do: which profile they run, what class they tell, what they do without their links.
func configurationSabotages() []Sabotage {
	return slices.Concat([]Sabotage{followerPortDead()}, profileSabotages(), classSabotages(), lossSabotages(), highAvailabilitySabotages(), outageSabotages())
}

// dual are the modes with two boundary clocks on a node.
func dual() []specs.Mode { return []specs.Mode{specs.DualNICBC, specs.DualNICBCHA} }
