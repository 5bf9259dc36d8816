package l2

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	ownMAC     = "00:00:00:00:00:01"
	siblingMAC = "00:00:00:00:00:02"
	otherMAC   = "00:00:00:00:00:03"
)

func TestHear(t *testing.T) {
	port := Local{IfName: "p", IfMac: MAC{ownMAC}}
	own := map[string]bool{ownMAC: true, siblingMAC: true}
	announce := frameOf(t, "announce-grandmaster.hex")[ethernetHeader:]
	heardClock := captured
	heardClock.MAC, heardClock.VLAN = otherMAC, 100
	for name, c := range map[string]struct {
		frame Frame
		want  Report
	}{
		"probe":              {Frame{Source: otherMAC, EtherType: etherProbe}, Report{Probes: {"p": {Local: port, Remote: MACs{otherMAC: true}}}}},
		"its own probe":      {Frame{Source: ownMAC, EtherType: etherProbe}, Report{}},
		"sibling's probe":    {Frame{Source: siblingMAC, EtherType: etherProbe}, Report{Probes: {"p": {Local: port, Remote: MACs{}, Own: MACs{siblingMAC: true}}}}},
		"tagged probe":       {Frame{Source: otherMAC, EtherType: etherProbe, VLAN: 7}, Report{Probes: {"p": {Local: port, Remote: MACs{}, Tagged: map[string]uint16{otherMAC: 7}}}}},
		"PTP of the sibling": {Frame{Source: siblingMAC, EtherType: etherPTP, Payload: announce}, Report{}},
		"other PTP":          {Frame{Source: otherMAC, EtherType: etherPTP, Payload: []byte{0, 2}}, Report{PTP: {"p": {Local: port, Remote: MACs{otherMAC: true}}}}},
		"announce": {Frame{Source: otherMAC, EtherType: etherPTP, VLAN: 100, Payload: announce},
			Report{PTP: {"p": {Local: port, Remote: MACs{otherMAC: true}, Announces: map[string]*Clock{captured.Grandmaster: &heardClock}}}}},
		"other ethertype": {Frame{Source: otherMAC, EtherType: 0x0800}, Report{}},
	} {
		r := Report{}
		fresh := r.hear(port, c.frame, own)
		if diff := cmp.Diff(c.want, r); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if fresh != (len(c.want) > 0) {
			t.Errorf("%s: news %v", name, fresh)
		}
		if r.hear(port, c.frame, own) {
			t.Errorf("%s is news a second time", name)
		}
	}
}

// TestKeep holds that of several clocks with the same grandmaster the nearest is kept, in whatever order they are heard.
func TestKeep(t *testing.T) {
	near, equal, far := captured, captured, captured
	near.Steps, near.Port = 1, "a-1"
	equal.Steps, equal.Port = 1, "b-1"
	far.Steps, far.Port = 2, "0-1"
	for _, order := range [][]Clock{{near, equal, far}, {far, equal, near}, {equal, near, far}, {equal, far, near}} {
		var n Neighbors
		for _, c := range slices.Concat(order, order) {
			n.keep(c)
		}
		if got := n.Announces[captured.Grandmaster]; len(n.Announces) != 1 || *got != near {
			t.Errorf("kept %+v", got)
		}
	}
	var n Neighbors
	n.keep(near)
	further := near
	further.Steps = 5
	if !n.keep(further) || *n.Announces[captured.Grandmaster] != further {
		t.Error("news of the same sender is not kept")
	}
}

func TestClone(t *testing.T) {
	r := Report{}
	port := Local{IfName: "p", IfMac: MAC{ownMAC}}
	r.hear(port, Frame{Source: otherMAC, EtherType: etherProbe}, nil)
	c := r.clone()
	r.hear(port, Frame{Source: siblingMAC, EtherType: etherProbe}, nil)
	if len(c[Probes]["p"].Remote) != 1 || len(r[Probes]["p"].Remote) != 2 {
		t.Errorf("clone %v, original %v", c[Probes]["p"].Remote, r[Probes]["p"].Remote)
	}
}
