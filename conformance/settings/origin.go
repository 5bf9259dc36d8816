package settings

import "slices"

// Kind is a sort of origin.
type Kind string

// The kinds of origin, the weakest first.
const (
	Default  Kind = "default"
	File     Kind = "file"
	Variable Kind = "variable"
	Flag     Kind = "flag"
)

// Origin is where a value came from.
type Origin struct {
	Kind  Kind   `json:"kind"`
	Where string `json:"where,omitempty"` // "--mode", "PTP_TEST_MODE", "config.yaml:3"
	By    string `json:"by,omitempty"`    // the other setting that decided, if one did
}

// String is "variable PTP_TEST_MODE", or "variable DISCOVERY_MODE (discovery-mode)".
func (o Origin) String() string {
	text := string(o.Kind)
	if o.Where != "" {
		text += " " + o.Where
	}
	if o.By != "" {
		text += " (" + o.By + ")"
	}
	return text
}

// rank orders origins: the higher prevails.
func (o Origin) rank() int { return slices.Index([]Kind{Default, File, Variable, Flag}, o.Kind) }
