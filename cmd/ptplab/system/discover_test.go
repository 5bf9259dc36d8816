package system

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab"
)

// TestGraphComesBackWhole holds that a graph says the same after its way out of the lab's kernel.
func TestGraphComesBackWhole(t *testing.T) {
	local := func(name, mac string) *l2.Neighbors {
		return &l2.Neighbors{Local: l2.Local{IfName: name, IfMac: l2.MAC{Data: mac}}, Remote: l2.MACs{}}
	}
	a, b, c := local("p0", "02:00:00:00:00:01"), local("p0", "02:00:00:00:00:02"), local("p1", "02:00:00:00:00:03")
	a.Remote["02:00:00:00:00:02"], b.Remote["02:00:00:00:00:01"] = true, true
	graph := l2.Merge(map[string]l2.Report{
		"w1": {l2.Probes: {"p0": a}}, "w2": {l2.Probes: {"p0": b, "p1": c}},
	}, l2.Skip{"w9/p9"})
	f := &fakeLab{extra: graph}
	got, err := New(f, nil).Discover(t.Context(), l2.Request{})
	if err != nil || !slices.Equal(f.calls, []string{opDiscover}) {
		t.Fatalf("calls %q, %v", f.calls, err)
	}
	if diff := cmp.Diff(graph, got); diff != "" {
		t.Errorf("(-there +here):\n%s", diff)
	}
	expect := []sut.PortRef{{Node: "w1", Interface: "p0"}, {Node: "w2", Interface: "p1"}}
	if unheard := got.Unheard(expect); len(unheard) != 1 || unheard[0] != expect[1] {
		t.Errorf("unheard ports %v", unheard)
	}
}

func TestChosen(t *testing.T) {
	workers := []lab.Namespace{{Worker: "w1", File: "/1"}, {Worker: "w2", File: "/2"}}
	if got, err := chosen(workers, nil); err != nil || len(got) != 2 {
		t.Errorf("all workers: %v, %v", got, err)
	}
	if got, err := chosen(workers, []string{"w2"}); err != nil || len(got) != 1 || got[0].File != "/2" {
		t.Errorf("worker w2: %v, %v", got, err)
	}
	if _, err := chosen(workers, []string{"sw1"}); err == nil || !strings.Contains(err.Error(), "w1, w2") {
		t.Errorf("a switch: %v", err)
	}
}
