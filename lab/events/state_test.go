package events

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/lab/node"
)

func TestObserve(t *testing.T) {
	ha := []node.Chosen{{Name: "0"}, {Name: "1"}, {Name: "9", HA: []string{"0", "1"}}}
	for _, test := range []struct {
		name                  string
		clocks                []node.ClockStatus
		chosen                []node.Chosen
		lock, system, overall string
	}{
		{"nothing is known", nil, nil, "", "", ""},
		{"ordinary clock", []node.ClockStatus{master(0, locked), system(0, locked)}, nil, "ens1fx/master=LOCKED", "LOCKED", "LOCKED"},
		{"no phc2sys", []node.ClockStatus{master(0, holdover)}, nil, "ens1fx/master=HOLDOVER", "", "HOLDOVER"},
		{"grandmaster", []node.ClockStatus{system(0, locked)}, nil, "", "LOCKED", "LOCKED"},
		{"system clock follows a clock in holdover", []node.ClockStatus{master(0, holdover), system(0, locked)}, nil, "ens1fx/master=HOLDOVER", "HOLDOVER", "HOLDOVER"},
		{"system clock is worse than its source", []node.ClockStatus{master(0, holdover), system(0, freeRun)}, nil, "ens1fx/master=HOLDOVER", "FREERUN", "FREERUN"},
		{"another profile's clock counts for the node only", []node.ClockStatus{master(0, locked), master(1, freeRun), system(0, locked)}, nil,
			"ens1fx/master=LOCKED ens2fx/master=FREERUN", "LOCKED", "FREERUN"},
		{"of two that stand in for each other one is enough for the system clock", []node.ClockStatus{master(0, freeRun), master(1, locked), system(9, locked)}, ha,
			"ens1fx/master=FREERUN ens2fx/master=LOCKED", "LOCKED", "FREERUN"},
		{"both of them are lost", []node.ClockStatus{master(0, freeRun), master(1, holdover), system(9, locked)}, ha,
			"ens1fx/master=FREERUN ens2fx/master=HOLDOVER", "HOLDOVER", "FREERUN"},
		{"a clock without alias", []node.ClockStatus{master(6, locked)}, nil, "ens7f0/master=LOCKED", "", "LOCKED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newFakeNode()
			n.status, n.chosen = statusOf(test.clocks...), test.chosen
			got := observe("w1", n)
			states := func(suffix string) (text string) {
				for _, v := range got[suffix] {
					if text != "" {
						text += " "
					}
					text += v.address[len("/cluster/node/w1/"):] + "=" + v.state
				}
				return text
			}
			named := func(name, state string) string {
				if state == "" {
					return ""
				}
				return name + "=" + state
			}
			want := [3]string{test.lock, named("CLOCK_REALTIME", test.system), named(SyncState[1:], test.overall)}
			if diff := cmp.Diff(want, [3]string{states(LockState), states(OSClock), states(SyncState)}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestObserveNumbers(t *testing.T) {
	n := newFakeNode()
	n.status = statusOf(master(0, locked), system(0, locked))
	n.classes = []node.ClockClass{{Interface: "ens1f1", Class: 6}, {Interface: "ens2f0", Class: 248}, {Interface: "ens1f0", Class: 7}}
	got := observe("w1", n)
	for _, test := range []struct{ suffix, address, metric string }{
		{LockState, "/cluster/node/w1/ens1fx/master", "-7"},
		{OSClock, "/cluster/node/w1/CLOCK_REALTIME", "27"},
		{SyncState, "/cluster/node/w1/sync/sync-status/sync-state", ""},
		{ClockClass, "/cluster/node/w1/ens1fx/master", "7"}, // the later of two ports of one hardware clock
		{ClockClass, "/cluster/node/w1/ens2fx/master", "248"},
	} {
		if v, found := find(got[test.suffix], test.address); !found || v.metric != test.metric {
			t.Errorf("%s %s: %+v, want %s", test.suffix, test.address, v, test.metric)
		}
	}
	m, s := master(0, locked), system(0, locked)
	for _, later := range []*node.ClockStatus{&m, &s} {
		later.Since = later.Since.Add(time.Hour)
		n.status = statusOf(m, s)
		for _, suffix := range []string{OSClock, SyncState} {
			if at := observe("w1", n)[suffix][0].since; !at.Equal(later.Since) {
				t.Errorf("%s is since %s, want the later of what it is made of, %s", suffix, at, later.Since)
			}
		}
		later.Since = later.Since.Add(-time.Hour)
	}
	if len(got[ClockClass]) != 2 {
		t.Errorf("classes %+v", got[ClockClass])
	}
}

func TestUpdate(t *testing.T) {
	t0 := time.Unix(1000, 0)
	v := func(address, state, metric string, since int) value {
		return value{address, state, metric, t0.Add(time.Duration(since) * time.Second)}
	}
	now := t0.Add(100 * time.Second)
	for _, test := range []struct {
		name     string
		old, new []value
		changed  []value
		at       int // seconds
	}{
		{"first", nil, []value{v("a", locked, "1", 3)}, []value{v("a", locked, "1", 100)}, 100},
		{"only the offset", []value{v("a", locked, "1", 3)}, []value{v("a", locked, "2", 3)}, nil, 0},
		{"state", []value{v("a", locked, "1", 3)}, []value{v("a", holdover, "2", 5)}, []value{v("a", holdover, "2", 5)}, 5},
		{"one of two", []value{v("a", locked, "1", 3), v("b", locked, "1", 3)}, []value{v("a", locked, "1", 3), v("b", freeRun, "1", 7)}, []value{v("b", freeRun, "1", 7)}, 7},
		{"both", []value{v("a", locked, "1", 3), v("b", locked, "1", 3)}, []value{v("a", freeRun, "1", 9), v("b", freeRun, "1", 7)}, []value{v("a", freeRun, "1", 9), v("b", freeRun, "1", 7)}, 9},
		{"gone", []value{v("a", locked, "1", 3)}, nil, []value{{address: "a", state: freeRun, metric: "1"}}, 100},
		{"gone in FREERUN", []value{v("a", freeRun, "1", 3)}, nil, nil, 0},
		{"class", []value{v("a", "", "6", 0)}, []value{{address: "a", metric: "7"}}, []value{v("a", "", "7", 100)}, 100},
		{"class gone", []value{v("a", "", "6", 0)}, nil, nil, 0},
	} {
		r := resource{values: test.old}
		changed, at := r.update(test.new, now)
		if diff := cmp.Diff(test.changed, changed, cmp.AllowUnexported(value{})); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if len(changed) > 0 && !at.Equal(t0.Add(time.Duration(test.at)*time.Second)) {
			t.Errorf("%s: at %s", test.name, at.Sub(t0))
		}
	}
}

func TestStampNeverGoesBack(t *testing.T) {
	var r resource
	t0 := time.Unix(1000, 0)
	for i, test := range []struct{ at, want int }{{5, 5}, {3, 5}, {6, 6}} {
		if got := r.stamp(t0.Add(time.Duration(test.at))); !got.Equal(t0.Add(time.Duration(test.want))) {
			t.Errorf("%d: %s", i, got.Sub(t0))
		}
	}
}

// A plain node is what a server needs.
var _ Node = (*node.Node)(nil)
