package node

import (
	"testing"

	"github.com/ptplab/ptplab/lab/topology"
)

// TestSystemClockNode wants the first node with a phc2sys that follows a received time, by names and by labels.
func TestSystemClockNode(t *testing.T) {
	configs := PtpConfigs(&topology.Plan{Clocks: []topology.Clock{
		{Name: "gm", Worker: "w1", Type: topology.ClockGrandmaster, TransmitPorts: []string{"p0"}, SystemClock: true},
		{Name: "oc", Worker: "w3", Type: topology.ClockOrdinary, ReceivePorts: []string{"p0"}, SystemClock: true},
	}})
	labelled := receiver("any", "p1", true)
	labelled.Spec.Recommend[0].Match = []Match{{NodeLabel: "ptp/receiver"}}
	labels := map[string]map[string]string{"w2": {"ptp/receiver": ""}}
	for _, c := range []struct {
		what    string
		configs []PtpConfig
		nodes   []string
		want    string
	}{
		{"a grandmaster and a receiver", configs, []string{"w3", "w2", "w1"}, "w3"},
		{"a node with the label", append(configs, labelled), []string{"w3", "w2", "w1"}, "w2"},
		{"the label's node is not one of them", append(configs, labelled), []string{"w3", "w1"}, "w3"},
		{"a grandmaster alone", configs[:1], []string{"w1", "w2"}, ""},
		{"no node", configs, nil, ""},
	} {
		if got := SystemClockNode(c.configs, c.nodes, labels); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

// TestRenumber wants the numbers of the files to tell nothing of the past.
func TestRenumber(t *testing.T) {
	b := newBench(t, Options{Renumber: true})
	one, two := receiver("a", "ens4f0", false), receiver("b", "ens5f0", false)
	b.apply(two)
	b.apply(one, two)
	s := b.Status()
	if len(s.Processes) != 2 || s.Processes[0].Config != "ptp4l.0.config" || s.Processes[0].Profile != "a_a" || s.Processes[1].Config != "ptp4l.1.config" {
		t.Errorf("after a profile that comes first: %+v", s.Processes)
	}
	b.apply(two)
	if s = b.Status(); len(s.Processes) != 1 || s.Processes[0].Config != "ptp4l.0.config" || s.Processes[0].Profile != "b_b" {
		t.Errorf("after it went: %+v", s.Processes)
	}
}
