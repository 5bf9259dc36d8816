package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/cluster/fake"
	world "github.com/ptplab/ptplab/conformance/fake"
	"github.com/ptplab/ptplab/conformance/sabotage"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// onWorld is a system with simulated clocks, in simulated time, and a fake cluster.
type onWorld struct {
	sut.System // a world's
	sut.Cluster
	sut.Configurer
	sut.SecretKeeper
}

func newOnWorld(t *testing.T) onWorld {
	p := fake.NewPTP()
	s := open(t, p, Options{})
	return onWorld{world.New(world.OC()), s, s, s}
}

// clusterSpecs are those that need a cluster.
func clusterSpecs() []specs.Spec {
	return slices.DeleteFunc(specs.All(), func(s specs.Spec) bool { return !slices.Contains(s.Needs, specs.NeedCluster) })
}

func runOn(t *testing.T, system sut.System) conformance.Report {
	t.Helper()
	settings := specs.DefaultSettings()
	settings.Poll, settings.LockWithin = 10*time.Second, 5*time.Minute
	report, err := conformance.Run(t.Context(), system, conformance.Options{LabelFilter: "needs-" + string(specs.NeedCluster), Settings: &settings})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestSabotage runs the specs that need a cluster, clean and under every sabotage of one. Clean, all pass and nothing is left behind;
// sabotaged, some of the sabotage's area fail and no other.
func TestSabotage(t *testing.T) {
	clean := runOn(t, newOnWorld(t))
	if clean.Passed != len(clusterSpecs()) {
		t.Fatalf("clean: %+v", clean)
	}
	failed := map[string]string{} // spec, sabotage
	for _, s := range sabotage.OfCluster() {
		broken, undo, err := s.Apply(t.Context(), newOnWorld(t))
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		caught := false
		for _, spec := range runOn(t, broken).Specs {
			if spec.State != conformance.Failed {
				continue
			}
			caught = true
			failed[spec.Name] = s.Name
			if spec.Area != s.Area {
				t.Errorf("%s: also failed: %s: %s", s.Name, spec.Name, spec.Message)
			}
			t.Logf("%-36s %s\n%s", s.Name, spec.Name, spec.Message)
		}
		if !caught {
			t.Errorf("%s: area %s did not fail", s.Name, s.Area)
		}
		if err := undo(t.Context()); err != nil {
			t.Errorf("%s: undo: %v", s.Name, err)
		}
	}
	for _, spec := range clusterSpecs() {
		if !slices.ContainsFunc(slices.Collect(keys(failed)), func(name string) bool { return strings.HasSuffix(name, spec.Name) }) {
			t.Errorf("no sabotage makes this spec fail: %s: %s", spec.Area, spec.Name)
		}
	}
}

// TestSabotageOfClusterOnly sees that systems that are no cluster are left alone.
func TestSabotageOfClusterOnly(t *testing.T) {
	for _, s := range sabotage.OfCluster() {
		if _, _, err := s.Apply(t.Context(), world.New(world.OC())); !errors.Is(err, sabotage.ErrNotApplicable) {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

// TestSpecsLeaveNothing compares all objects of the cluster before and after a run, but for the operator's pod and lease.
func TestSpecsLeaveNothing(t *testing.T) {
	p := fake.NewPTP()
	s := open(t, p, Options{})
	before := without(p.Everything(), "pods/openshift-ptp/ptp-operator", "leases/")
	report := runOn(t, onWorld{world.New(world.OC()), s, s, s})
	if report.Passed != len(clusterSpecs()) {
		t.Errorf("%+v", report)
	}
	same(t, before, without(p.Everything(), "pods/openshift-ptp/ptp-operator", "leases/"))
}

// TestInterruptedRunLeavesNothing ends a run when the keys of a spec have been mounted, and compares all objects before and after.
func TestInterruptedRunLeavesNothing(t *testing.T) {
	for _, at := range []string{"secrets create", "ptpconfigs create", "secrets delete"} {
		p := fake.NewPTP()
		s := open(t, p, Options{})
		before := without(p.Everything(), "pods/openshift-ptp/ptp-operator", "leases/")
		ctx, cancel := context.WithCancel(t.Context())
		follow := p.Changed
		p.Changed = func(a *fake.API, verb, resource string, object fake.Object) {
			if resource+" "+verb == at {
				cancel()
			}
			follow(a, verb, resource, object)
		}
		report, err := conformance.Run(ctx, onWorld{world.New(world.OC()), s, s, s}, conformance.Options{LabelFilter: "needs-" + string(specs.NeedCluster)})
		if !errors.Is(err, context.Canceled) || report.Failed != 1 {
			t.Errorf("%s: %v, %+v", at, err, report)
		}
		same(t, before, without(p.Everything(), "pods/openshift-ptp/ptp-operator", "leases/"))
		cancel()
	}
}
