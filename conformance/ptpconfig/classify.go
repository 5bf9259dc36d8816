package ptpconfig

import (
	"fmt"
	"slices"
	"strings"
)

// ForNode gives what of the objects applies to a node of this name with these labels: only profiles that the node
// runs, and only the recommendations that make it run them. The arguments are left alone.
func ForNode(objects []PtpConfig, node string, labels []string) []PtpConfig {
	matches := func(r Recommend) bool {
		return slices.ContainsFunc(r.Match, func(m Match) bool {
			return m.NodeName != "" && m.NodeName == node || m.NodeLabel != "" && slices.Contains(labels, m.NodeLabel)
		})
	}
	var best *int64
	for _, o := range objects {
		for _, r := range o.Spec.Recommend {
			if matches(r) && (best == nil || r.Priority < *best) {
				best = &r.Priority
			}
		}
	}
	var applied []PtpConfig
	for _, o := range objects {
		all := o.Spec
		o.Spec.Profile, o.Spec.Recommend = nil, nil
		for _, r := range all.Recommend {
			if matches(r) && r.Priority == *best {
				o.Spec.Recommend = append(o.Spec.Recommend, r)
			}
		}
		for _, p := range all.Profile {
			if slices.ContainsFunc(o.Spec.Recommend, func(r Recommend) bool { return r.Profile == p.Name }) {
				o.Spec.Profile = append(o.Spec.Profile, p)
			}
		}
		if len(o.Spec.Profile) > 0 {
			applied = append(applied, o)
		}
	}
	return applied
}

// Ports gives the ports of the profile's ptp4l that receive time and those that only transmit it, in ptp4l's order.
// A port that says neither counts as one that receives, because ptp4l lets it.
func (p Profile) Ports() (receive, transmit []string) {
	if !runs(p.Ptp4lOpts) {
		return nil, nil
	}
	conf := Conf(value(p.Ptp4lConf))
	ports := conf.Interfaces()
	if name := value(p.Interface); name != "" && !slices.Contains(ports, name) {
		ports = append([]string{name}, ports...)
	}
	for _, port := range ports {
		if transmits(conf, port) {
			transmit = append(transmit, port)
		} else {
			receive = append(receive, port)
		}
	}
	return receive, transmit
}

// transmits tells whether a port may be master only. The option has two names, an old and a new one.
func transmits(conf Conf, port string) bool {
	for _, key := range []string{"serverOnly", "masterOnly"} {
		if v, found := conf.GetPort(port, key); found {
			return v == "1"
		}
	}
	return false
}

// kind is what a profile is, by its ports and settings.
type kind int

const (
	idle               kind = iota // no port and nothing to follow one: not a clock
	ordinary                       // one port, which receives
	dualFollower                   // two ports, which receive
	boundary                       // ports that receive and ports that transmit
	highAvailability               // a phc2sys over several profiles
	telecomBoundary                // says so
	telecomReceiver                // one half of a telecom boundary clock
	telecomTransmitter             // the other
	telecomGrandmaster             // says so, or transmits on two ports what ts2phc gets
	other
)

// clock is what Classify sees of a profile.
type clock struct {
	name              string
	kind              kind
	receive, transmit int // ports
	phc2sys           bool
}

func clockOf(p Profile) clock {
	receive, transmit := p.Ports()
	c := clock{name: p.Name, receive: len(receive), transmit: len(transmit), phc2sys: runs(p.Phc2sysOpts)}
	half := func(name string) bool { return p.Name == name || strings.HasSuffix(p.Name, "_"+name) }
	switch {
	case p.PtpSettings["clockType"] == "T-BC":
		c.kind = telecomBoundary
	case half("tbc-tr"):
		c.kind = telecomReceiver
	case half("tbc-tt"):
		c.kind = telecomTransmitter
	case p.PtpSettings["clockType"] == "T-GM", c.receive == 0 && c.transmit >= 2 && value(p.Ts2phcConf) != "":
		c.kind = telecomGrandmaster
	case !runs(p.Ptp4lOpts) && c.phc2sys && p.PtpSettings["haProfiles"] != "":
		c.kind = highAvailability
	case c.receive >= 1 && c.transmit >= 1:
		c.kind = boundary
	case c.transmit == 0 && c.receive == 1:
		c.kind = ordinary
	case c.transmit == 0 && c.receive == 2:
		c.kind = dualFollower
	case c.transmit+c.receive > 0:
		c.kind = other
	}
	return c
}

// String is "test-bc-master1 (receives on 1 port, only transmits on 1, phc2sys)".
func (c clock) String() string {
	what := fmt.Sprintf("receives on %s, only transmits on %d", ports(c.receive), c.transmit)
	if c.kind == highAvailability {
		what = "haProfiles"
	}
	if c.phc2sys {
		what += ", phc2sys"
	}
	return c.name + " (" + what + ")"
}

func ports(n int) string {
	if n == 1 {
		return "1 port"
	}
	return fmt.Sprintf("%d ports", n)
}

// Classify tells the mode that the objects of the clock under test make: those of
// ForNode(all, node, []string{LabelUnderTest}). It changes nothing. When it cannot tell, the error is a sentence that
// says what there is and what was expected.
func Classify(objects []PtpConfig) (Mode, error) {
	var clocks []clock
	number := map[kind]int{}
	for _, o := range objects {
		for _, p := range o.Spec.Profile {
			if c := clockOf(p); c.kind != idle {
				clocks = append(clocks, c)
				number[c.kind]++
			}
		}
	}
	alone := len(clocks) == 1
	switch {
	case len(clocks) == 0:
		return "", fmt.Errorf("no clock is configured on the node under test; label the node %s and recommend for that label a profile that runs ptp4l", LabelUnderTest)
	case number[telecomBoundary] > 0, number[telecomReceiver] > 0 && number[telecomTransmitter] > 0:
		return TBC, nil
	case number[telecomGrandmaster] > 0:
		return TGM, nil
	case alone && number[ordinary] == 1:
		return OC, nil
	case alone && number[dualFollower] == 1:
		return DualFollower, nil
	case number[boundary] == 1 && len(clocks) == 1+number[highAvailability]:
		return BC, nil
	case number[boundary] == 2 && len(clocks) == 2+number[highAvailability]:
		return classifyDual(clocks, number[highAvailability])
	}
	return "", cannotTell(clocks, "one clock that receives on one or two ports, or one or two that receive and transmit")
}

// classifyDual tells the modes with two boundary clocks apart by who sets CLOCK_REALTIME.
func classifyDual(clocks []clock, ha int) (Mode, error) {
	with := 0
	for _, c := range clocks {
		if c.kind == boundary && c.phc2sys {
			with++
		}
	}
	switch {
	case with == 1 && ha == 0:
		return DualNICBC, nil
	case with == 0 && ha == 1:
		return DualNICBCHA, nil
	}
	return "", cannotTell(clocks, "of two boundary clocks exactly one with phc2sys, or none with it and one profile with haProfiles")
}

func cannotTell(clocks []clock, expected string) error {
	var names []string
	for _, c := range clocks {
		names = append(names, c.String())
	}
	return fmt.Errorf("the mode of the clock under test cannot be told from %s; expected %s", strings.Join(names, ", "), expected)
}
