package specs

import (
	"slices"
	"strings"
	"testing"

	"github.com/ptplab/ptplab/conformance/events"
	"github.com/ptplab/ptplab/conformance/sut"
)

func TestWorstState(t *testing.T) {
	for all, want := range map[string]string{
		"LOCKED": "LOCKED", "LOCKED HOLDOVER": "HOLDOVER", "HOLDOVER FREERUN LOCKED": "FREERUN", "": "LOCKED",
	} {
		if got := worstState(strings.Fields(all)); got != want {
			t.Errorf("%s: %s, want %s", all, got, want)
		}
	}
}

func TestSameClass(t *testing.T) {
	for _, test := range []struct {
		kind                 sut.InstanceType
		event, metric, byPMC int
		want                 bool
	}{
		{sut.Ordinary, 255, 255, 6, true},
		{sut.Ordinary, 6, 6, 6, true}, // before 4.21
		{sut.Ordinary, 6, 255, 6, false},
		{sut.Ordinary, 255, 6, 6, false},
		{sut.Ordinary, 52, 255, 6, false},
		{sut.Boundary, 6, 6, 6, true},
		{sut.Boundary, 255, 255, 6, false},
		{sut.Boundary, 248, 6, 6, false},
		{sut.Boundary, 6, 52, 6, true}, // the metric is what is wrong
		{sut.Boundary, 52, 52, 6, false},
		{sut.Ordinary, 255, 52, 6, true},
	} {
		to := Test{Subject: sut.Instance{Type: test.kind}}
		if got := to.sameClass(test.event, test.metric, test.byPMC); got != test.want {
			t.Errorf("%s: event %d, metric %d, pmc %d: %v", test.kind, test.event, test.metric, test.byPMC, got)
		}
	}
}

// of w1 with two clocks in one event.
func event(values ...string) events.Event {
	var e events.Event
	for i := 0; i < len(values); i += 2 {
		e.Values = append(e.Values, events.Value{Address: "/cluster/node/w1/" + values[i], DataType: events.Notification, Text: values[i+1]})
	}
	return e
}

// TestTold wants values looked up by their address, whatever is before them.
func TestTold(t *testing.T) {
	for _, test := range []struct {
		ports []string
		event events.Event
		want  string // "" for an error
	}{
		{[]string{"ens1f0"}, event("ens1fx/master", "LOCKED"), "LOCKED"},
		{[]string{"ens2f0"}, event("ens1fx/master", "LOCKED", "ens2fx/master", "FREERUN"), "FREERUN"},
		{[]string{"ens1f0"}, event("ens1f0/master", "HOLDOVER"), "HOLDOVER"}, // where an alias would be ambiguous
		{[]string{"ens1f0", "ens3f1"}, event("ens3fx/master", "HOLDOVER"), "HOLDOVER"},
		{[]string{"ens1f0"}, event("ens11fx/master", "LOCKED", "CLOCK_REALTIME", "LOCKED"), ""},
		{[]string{"ens1f0"}, event(), ""},
	} {
		to := Test{Subject: sut.Instance{Node: "w1", ReceivePorts: test.ports}}
		if got, err := to.toldState(test.event); got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%v in %s: %q, %v", test.ports, test.event, got, err)
		}
	}
}

func TestEventOrder(t *testing.T) {
	to := Test{Subject: sut.Instance{Node: "w1", ReceivePorts: []string{"ens1f0"}}}
	for told, want := range map[string]bool{
		"HOLDOVER FREERUN LOCKED":                true,
		"HOLDOVER FREERUN LOCKED FREERUN LOCKED": true, // as it settles
		"HOLDOVER FREERUN LOCKED FREERUN":        false,
		"FREERUN LOCKED":                         false,
		"HOLDOVER LOCKED":                        false,
		"FREERUN HOLDOVER LOCKED":                false,
		"HOLDOVER HOLDOVER FREERUN LOCKED":       false,
		"":                                       false,
	} {
		var history []events.Received
		for _, state := range strings.Fields(told) {
			history = append(history, events.Received{Event: event("ens1fx/master", state), Resource: "/cluster/node/w1" + events.LockState})
		}
		others := events.Received{Event: event("ens1fx/master", "LOCKED"), Resource: "/cluster/node/w1" + events.SyncState}
		if err := to.checkOrder(append([]events.Received{others}, history...)); (err == nil) != want {
			t.Errorf("%s: %v", told, err)
		}
	}
}

func TestOneANode(t *testing.T) {
	inv := sut.Inventory{Instances: []sut.Instance{
		{Name: "bc1", Node: "w1", Type: sut.Boundary}, {Name: "bc2", Node: "w1", Type: sut.Boundary}, {Name: "bc3", Node: "w2", Type: sut.Boundary},
	}}
	var names []string
	for _, i := range oneANode(inv) {
		names = append(names, i.Name)
	}
	if !slices.Equal(names, []string{"bc1", "bc3"}) {
		t.Errorf("%v", names)
	}
	if first := firstUnderTest(inv); len(first) != 1 || first[0].Name != "bc1" {
		t.Errorf("%v", first)
	}
	if none := firstUnderTest(sut.Inventory{}); len(none) != 0 {
		t.Errorf("%v", none)
	}
}
