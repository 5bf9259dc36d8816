package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ptplab/ptplab/lab/topology"
)

// threeWorkers is a grandmaster with a phc2sys on w1, a boundary clock on w2 and a receiver on w3, both with a phc2sys.
func threeWorkers() *topology.Plan {
	return &topology.Plan{Workers: []string{"w3", "w2", "w1"}, Clocks: []topology.Clock{
		{Name: "gm", Worker: "w1", Type: topology.ClockGrandmaster, TransmitPorts: []string{"p0"}, SystemClock: true},
		{Name: "oc", Worker: "w3", Type: topology.ClockOrdinary, ReceivePorts: []string{"p0"}, SystemClock: true},
		{Name: "bc", Worker: "w2", Type: topology.ClockBoundary, ReceivePorts: []string{"p0"}, TransmitPorts: []string{"p1"}, SystemClock: true},
	}}
}

// atFirst are the configs of a lab that nobody has changed.
func atFirst(t *testing.T, plan *topology.Plan) configs {
	t.Helper()
	c, err := topologyConfigs(plan)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhoSteersTheSystemClock(t *testing.T) {
	plan := threeWorkers()
	c := atFirst(t, plan)
	if got := c.steersSystemClock(plan.Workers); got != "w2" {
		t.Errorf("%q steers, want w2: w1 only transmits", got)
	}
	c.objects = without(c.objects, "bc")
	if got := c.steersSystemClock(plan.Workers); got != "w3" {
		t.Errorf("%q steers without the boundary clock, want w3", got)
	}
	c.objects = without(c.objects, "oc")
	if got := c.steersSystemClock(plan.Workers); got != "" {
		t.Errorf("%q steers with a grandmaster alone", got)
	}
}

// text is an object for the workers with a label.
func text(name, label, options string) string {
	return fmt.Sprintf("apiVersion: ptp.openshift.io/v1\nkind: PtpConfig\nmetadata: {name: %s, annotations: {kept: yes}}\nspec:\n  profile: [{name: p, interface: p0, ptp4lOpts: -s%s}]\n"+
		"  recommend: [{profile: p, priority: 1, match: [{nodeLabel: %s}]}]\n", name, options, label)
}

func TestLabelsAndObjects(t *testing.T) {
	plan := threeWorkers()
	c := atFirst(t, plan)
	if same, err := c.isOf(plan); !same || err != nil {
		t.Errorf("the topology's own objects: %v, %v", same, err)
	}
	objects, err := parseConfigs([]byte(text("b", "mine", "") + "---\n" + text("a", "mine", "") + "---\n" + text("b", "mine", ", phc2sysOpts: -a -r")))
	if err != nil || len(objects) != 2 || objects[0].Metadata.Name != "a" || objects[1].Spec.Profile[0].Phc2sysOpts == "" {
		t.Fatalf("objects %+v, %v", objects, err)
	}
	changed := c
	for _, o := range objects {
		changed.objects = put(changed.objects, o)
	}
	labelled := changed.withLabel("w1", "mine", true)
	if n := len(changed.of("w1")); n != 1 || len(labelled.of("w1")) != 3 || len(labelled.of("w2")) != 1 {
		t.Errorf("objects of w1: %d without the label, %d with it; of w2 %d", n, len(labelled.of("w1")), len(labelled.of("w2")))
	}
	if got := labelled.steersSystemClock(plan.Workers); got != "w1" {
		t.Errorf("%q steers, want w1, where a receiver now runs", got)
	}
	for what, is := range map[string]configs{"an object more": changed, "a label": c.withLabel("w1", "x", true), "an object less": {objects: c.objects[1:]}} {
		if same, err := is.isOf(plan); same || err != nil {
			t.Errorf("%s is no change: %v", what, err)
		}
	}
	if same, err := c.withLabel("w1", "x", true).withLabel("w1", "x", false).isOf(plan); !same || err != nil {
		t.Errorf("a label that is gone: %v, %v", same, err)
	}
	again, err := parseConfigs(labelled.yaml())
	if err != nil || len(again) != 5 || !strings.Contains(string(labelled.yaml()), "kept: yes") {
		t.Errorf("%d objects in what is listed, %v:\n%s", len(again), err, labelled.yaml())
	}
	if !slices.IsSortedFunc(again, compareConfigs) {
		t.Error("objects are not sorted")
	}
}

func FuzzParseConfigs(f *testing.F) {
	f.Add([]byte(text("a", "x", "") + "---\n" + text("b", "x", "")))
	f.Add([]byte("---\n---\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, in []byte) {
		objects, err := parseConfigs(in)
		if err != nil {
			return
		}
		again, err := parseConfigs(configs{objects: objects}.yaml())
		if err != nil || len(again) != len(objects) {
			t.Errorf("%q: %d objects written and %d read, %v", in, len(objects), len(again), err)
		}
	})
}
