package l2

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The keys of a Report: ethertypes in hexadecimal.
const (
	Inventory = "0000" // every port of the node, heard or not
	Probes    = "88b5" // IEEE Std 802 local experimental ethertype 1, that of the probe frames
	PTP       = "88f7" // PTP over Ethernet, IEEE 1588-2019 annex E
)

// Report is what one node knows: ethertype, then interface name, then what was heard there.
type Report map[string]map[string]*Neighbors

// Neighbors is what one interface heard of one ethertype. Own, Tagged are additions to the format of the l2discovery daemon,
// whose readers pass over them.
type Neighbors struct {
	Local     Local
	Remote    MACs              // senders on other nodes, of frames without VLAN tag or of PTP
	Announces map[string]*Clock `json:"ptpAnnounces,omitempty"` // by grandmaster identity
	Own       MACs              `json:",omitempty"`             // senders of probes that are other ports of this node
	Tagged    map[string]uint16 `json:",omitempty"`             // senders of probes that arrived with a VLAN tag, and its VLAN id
}

// MACs is a set of MAC addresses such as "F4:03:43:D1:70:A0", in upper case. Every value is true.
type MACs map[string]bool

// Local is an interface of the node. Old daemons report only its name, address and index; then Details is nil.
type Local struct {
	IfName  string
	IfMac   MAC
	IfIndex int
	*Details
}

// MAC is a MAC address as text, "F4:03:43:D1:70:A0".
type MAC struct{ Data string }

// Details is what newer daemons know of an interface. Prefer the methods of Local, which work without.
type Details struct {
	IfPci       PCI
	IfPTPCaps   PTPCaps
	IfUp        bool
	IfMaster    string // name of the bond or bridge that it is a port of
	IfSlaveType string // kind of the master: "bond", "bridge", "team"
}

// PCI is the address and the description of the PCI function behind an interface; zero if there is none.
type PCI struct {
	Device      string // domain, bus and device: "0000:1f:01"
	Function    string // "0"
	Description string // class, vendor and device in words
	Subsystem   string // subsystem vendor and device in words
}

// PTPCaps is the time stamping that an interface can do in hardware.
type PTPCaps struct {
	HwRx, HwTx, HwRawClock bool
	*ClockDetails
}

// ClockDetails is what newer daemons know of the clock behind an interface.
type ClockDetails struct {
	PhcIndex   int    // N of /dev/ptpN; -1 without a PTP hardware clock
	HasPtpPins bool   // the clock has programmable pins
	GnssDevice string // name of the GNSS receiver of the card, "gnss0"
}

// Clock is what an Announce message says, under the names of the report. Port, MAC and VLAN are additions to the daemon's format.
type Clock struct {
	Domain      uint8  `json:"domainNumber"`
	Priority1   uint8  `json:"grandmasterPriority1"`
	Class       uint8  `json:"clockClass"`
	Accuracy    uint8  `json:"clockAccuracy"`
	Variance    uint16 `json:"offsetScaledLogVariance"`
	Priority2   uint8  `json:"grandmasterPriority2"`
	Grandmaster string `json:"grandmasterIdentity"` // "020000.fffe.000a01"
	Steps       uint16 `json:"stepsRemoved"`
	TimeSource  uint8  `json:"timeSource"`
	Port        string `json:"sourcePortIdentity,omitempty"` // of the sender, "020000.fffe.000a01-1"
	MAC         string `json:"sourceMac,omitempty"`
	VLAN        uint16 `json:"vlan,omitempty"` // 0 without tag
}

// ParseReport reads a report of this package or of the l2discovery daemon, old or new.
func ParseReport(text []byte) (Report, error) {
	var r Report
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("parse L2 report: %w", err)
	}
	if r == nil {
		return nil, errors.New("parse L2 report: it is null")
	}
	for ethertype, ports := range r {
		for name, n := range ports {
			if n == nil {
				return nil, fmt.Errorf("parse L2 report: %s of ethertype %s is null", name, ethertype)
			}
			if n.Local.IfName != name {
				return nil, fmt.Errorf("parse L2 report: %q of ethertype %s is called %q inside", name, ethertype, n.Local.IfName)
			}
			for gm, clock := range n.Announces {
				if clock == nil {
					return nil, fmt.Errorf("parse L2 report: announce of %q at %s is null", gm, name)
				}
			}
		}
	}
	return r, nil
}

// ports returns every interface that the report mentions, by name. Its inventory comes first, for what is heard may be older.
func (r Report) ports() map[string]Local {
	ports := map[string]Local{}
	for _, ethertype := range slices.Sorted(maps.Keys(r)) {
		for name, n := range r[ethertype] {
			if _, ok := ports[name]; !ok {
				ports[name] = n.Local
			}
		}
	}
	return ports
}

// neighbors returns the entry of an interface, which it makes if there is none.
func (r Report) neighbors(ethertype string, port Local) *Neighbors {
	if r[ethertype] == nil {
		r[ethertype] = map[string]*Neighbors{}
	}
	n := r[ethertype][port.IfName]
	if n == nil {
		n = &Neighbors{Local: port, Remote: MACs{}}
		r[ethertype][port.IfName] = n
	}
	return n
}

// Address is the MAC address in upper case.
func (l Local) Address() string { return strings.ToUpper(l.IfMac.Data) }

// Up says whether the interface has a link, and whether the report says so at all.
func (l Local) Up() (up, known bool) {
	if l.Details == nil {
		return false, false
	}
	return l.IfUp, true
}

// IsMember says whether the interface is part of a link aggregation, which carries frames through one of its members only.
func (l Local) IsMember() bool {
	return l.Details != nil && (l.IfSlaveType == "bond" || l.IfSlaveType == "team")
}

// PHC is the index of the interface's PTP hardware clock, N of /dev/ptpN; false if it has none or the report does not say.
func (l Local) PHC() (int, bool) {
	if l.Details == nil || l.IfPTPCaps.ClockDetails == nil || l.IfPTPCaps.PhcIndex < 0 {
		return 0, false
	}
	return l.IfPTPCaps.PhcIndex, true
}

// IsPTP says whether the interface can take hardware time stamps of its own clock in both directions, and whether the report says
// so at all. Virtual functions cannot: they share a clock that they may not steer.
func (l Local) IsPTP() (capable, known bool) {
	if l.Details == nil {
		return false, false
	}
	c := l.IfPTPCaps
	return c.HwRx && c.HwTx && c.HwRawClock && !strings.Contains(l.IfPci.Description, "Virtual"), true
}
