package topology

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longest names, in bytes. An interface name has at most 15 (IFNAMSIZ less its NUL), from which the limits of NICs
// and switches follow; names of labs and workers end up in host names, directories and namespaces.
const (
	MaxLabName         = 20
	MaxWorkerName      = 20
	MaxGrandmasterName = 20
	MaxSwitchName      = 8  // "sw1p12345": the name, p, and up to six digits
	MaxNICName         = 13 // "ens1f0": the name, f, and one digit
	MaxClockName       = 40 // names a PtpConfig
	maxInterfaceName   = 15
)

// problem is a fault that does not know yet where it is.
type problem struct{ what, hint string }

func (p problem) Error() string { return p.what }

// checkLabel says what is wrong with a name of lower-case letters, digits and inner hyphens.
func checkLabel(what, name string, most int) error {
	const rule = "use lower-case letters, digits and inner hyphens, at most %d of them"
	hint := fmt.Sprintf(rule, most)
	switch {
	case name == "":
		return problem{what + " is empty", hint}
	case len(name) > most:
		return problem{fmt.Sprintf("%s %s is too long: %d bytes, at most %d", what, show(name), len(name), most), hint}
	case strings.Trim(name, "-") != name:
		return problem{fmt.Sprintf("%s %s begins or ends with a hyphen", what, show(name)), hint}
	}
	for _, r := range name {
		if !isLower(r) && !isDigit(r) && r != '-' {
			return problem{fmt.Sprintf("%s %s has the character %s", what, show(name), show(string(r))), hint + suggestName(name, most)}
		}
	}
	return nil
}

// suggestName offers a name that would do, if one is near.
func suggestName(name string, most int) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r > '~' && unicode.IsLetter(r) }) {
		return ""
	}
	fixed := strings.Map(func(r rune) rune {
		switch {
		case r == '_' || r == ' ' || r == '.':
			return '-'
		case isLower(r) || isDigit(r) || r == '-':
			return r
		}
		return -1
	}, strings.ToLower(name))
	fixed = strings.Trim(fixed, "-")
	if fixed == "" || len(fixed) > most {
		return ""
	}
	return ", such as " + fixed
}

// checkNICName says what is wrong with the name of a NIC, from which interfaces are named.
func checkNICName(name string) error {
	hint := fmt.Sprintf("a NIC is named like an interface without its port: a lower-case letter, then letters and digits, at most %d, such as ens1", MaxNICName)
	if len(name) > MaxNICName {
		return problem{fmt.Sprintf("NIC name %s is too long: %d bytes, at most %d, for its interface %sf0 may have %d", show(name), len(name), MaxNICName, clip(name), maxInterfaceName), hint}
	}
	for i, r := range name {
		if !isLower(r) && (i == 0 || !isDigit(r)) {
			return problem{fmt.Sprintf("NIC name %s cannot name an interface: it has the character %s at place %d", show(name), show(string(r)), i+1), hint}
		}
	}
	if name == "" {
		return problem{"NIC name is empty", hint}
	}
	return nil
}

// parseVLAN reads a VLAN number.
func parseVLAN(s string) (int, error) {
	id, err := strconv.Atoi(s)
	if err != nil || strconv.Itoa(id) != s {
		return 0, problem{fmt.Sprintf("%s is not a VLAN number", show(s)), "a VLAN is a plain number from 1 to 4094"}
	}
	if id < 1 || id > 4094 {
		return 0, problem{fmt.Sprintf("VLAN %d is outside 1-4094", id), "0 and 4095 are reserved by IEEE 802.1Q"}
	}
	return id, nil
}

func (r *PortRef) parseText(s string) error {
	ref, err := ParsePortRef(s)
	if err != nil {
		return problem{fmt.Sprintf("%s is not a port", show(s)), "write worker/interface, such as w1/ens1f0"}
	}
	*r = ref
	return nil
}

func (t *ClockType) parseText(s string) error {
	return oneOf(t, s, "a type of clock", ClockGrandmaster, ClockBoundary, ClockOrdinary)
}

func (k *NodeKind) parseText(s string) error {
	return oneOf(k, s, "a kind of node", NodesPlain, NodesKind)
}

// oneOf sets v to s if that is one of the choices.
func oneOf[T ~string](v *T, s, noun string, choices ...T) error {
	names := make([]string, len(choices))
	for i, c := range choices {
		if names[i] = string(c); names[i] == s {
			*v = c
			return nil
		}
	}
	return problem{fmt.Sprintf("%s is not %s", show(s), noun), didYouMean(s, names, "it is one of: "+strings.Join(names, ", "))}
}

func isLower(r rune) bool { return r >= 'a' && r <= 'z' }
func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// show is text of the file as a message shows it: as it is if harmless, else quoted, and never long.
func show(s string) string {
	harmless := s != ""
	for _, r := range s {
		if r <= ' ' || r > '~' || r == '"' {
			harmless = false
		}
	}
	if s = clip(s); harmless {
		return s
	}
	return strconv.QuoteToGraphic(s)
}

// clip shortens text for a message.
func clip(s string) string {
	const most = 48
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

// didYouMean is a hint: the candidate that is near what was written, else the fallback.
func didYouMean(wrote string, candidates []string, fallback string) string {
	if best := nearest(wrote, candidates); best != "" {
		return "did you mean " + best + "?"
	}
	return fallback
}

// nearest is the candidate that the fewest edits turn what was written into; "" if none is near.
func nearest(wrote string, candidates []string) string {
	const mostCandidates, longest = 2000, 64
	if len(wrote) > longest || wrote == "" {
		return ""
	}
	if len(candidates) > mostCandidates {
		candidates = candidates[:mostCandidates]
	}
	best, limit := "", 1+len(wrote)/4
	for _, c := range candidates {
		if d := edits(strings.ToLower(wrote), strings.ToLower(c), limit); d <= limit {
			best, limit = c, d-1
		}
	}
	return best
}

// edits counts the insertions, deletions, replacements and swaps of neighbours that turn a into b; more than limit
// may be reported as any number above it.
func edits(a, b string, limit int) int {
	if diff := len(a) - len(b); diff > limit || -diff > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// CheckLabName says what is wrong with a lab's name, as a command gives it.
func CheckLabName(name string) error { return checkLabel("lab name", name, MaxLabName) }
