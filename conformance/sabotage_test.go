package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/fake"
	"github.com/ptplab/ptplab/conformance/sabotage"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// of makes a sabotage that only the simulated world can do.
func of(name, area string, do func(*fake.World)) sabotage.Sabotage {
	return sabotage.Sabotage{Name: name, Area: area, Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
		do(system.(*fake.World))
		return system, func(context.Context) error { return nil }, nil
	}}
}

// simulated are the sabotages that only the simulated world can do, on the ordinary clock oc1, which all worlds have, and the
// first clock under test.
func simulated(first string) []sabotage.Sabotage {
	return []sabotage.Sabotage{
		of("wrong domain", specs.AreaSync, func(w *fake.World) { w.Domain["oc1"] = 5 }),
		of("time past the upstream", specs.AreaPath, func(w *fake.World) { w.Bypass["oc1"] = "gm" }),
		of("clock 5 us off, ptp4l content", specs.AreaAccuracy, func(w *fake.World) { w.ClockError["oc1"] = 5000 }),
		of("holdover left at once", specs.AreaFailover, func(w *fake.World) { w.HoldoverTime[first] = time.Second }),
		of("holdover without end", specs.AreaFailover, func(w *fake.World) { w.HoldoverTime[first] = time.Hour }),
		of("no holdover", specs.AreaFailover, func(w *fake.World) { w.HoldoverTime[first] = 0 }),
	}
}

// worldAreas are the areas of which the simulated world knows enough; the others are for labs.
var worldAreas = []string{specs.AreaSync, specs.AreaPath, specs.AreaAccuracy, specs.AreaClockClass, specs.AreaFailover, specs.AreaOutage}

// worldFilter selects them.
var worldFilter = strings.Join(worldAreas, " || ")

// worldModes are the modes of the worlds.
func worldModes() map[string]specs.Mode {
	return map[string]specs.Mode{"oc": specs.OC, "dual-follower": specs.DualFollower, "bc": specs.BC, "dnbc": specs.DualNICBC}
}

// inWorld says whether a spec can be checked in the simulated world.
func inWorld(spec specs.Spec) bool {
	anywhere := slices.ContainsFunc(slices.Collect(maps.Values(worldModes())), spec.RunsIn)
	return anywhere && slices.Contains(worldAreas, spec.Area) && !slices.ContainsFunc(spec.Needs, func(n specs.Need) bool { return n.Missing(fake.New(fake.OC())) != "" })
}

// TestSabotage breaks a simulated system in every known way and sees exactly the expected area fail. A spec that no
// sabotage makes fail is a spec that cannot fail.
func TestSabotage(t *testing.T) {
	var caught []string // spec, sabotage
	seen := map[string]bool{}
	for _, world := range []string{"oc", "dual-follower", "bc", "dnbc"} {
		first := "bc1"
		if world == "oc" || world == "dual-follower" {
			first = "oc1"
		}
		for _, s := range append(sabotage.All(), simulated(first)...) {
			if !slices.Contains(worldAreas, s.Area) || s.Modes != nil && !slices.Contains(s.Modes, worldModes()[world]) {
				continue
			}
			if world == "dual-follower" && strings.Contains(s.Name, "holdover") {
				continue // a clock with two receive ports fails over instead
			}
			for _, spec := range trySabotage(t, world, s) {
				seen[spec] = true
				caught = append(caught, fmt.Sprintf("%-14s %-62s %-32s failed as it should", world, spec, s.Name))
			}
		}
	}
	for _, spec := range specs.All() {
		if !inWorld(spec) {
			continue
		}
		if !seen[spec.Area+": "+spec.Name] {
			t.Errorf("no sabotage makes this spec fail: %s: %s", spec.Area, spec.Name)
		}
	}
	t.Logf("%-14s %-62s %s\n%s", "world", "spec", "sabotage", strings.Join(caught, "\n"))
}

// trySabotage runs the suite on a broken world and returns the specs that failed, by area and name.
func trySabotage(t *testing.T, world string, s sabotage.Sabotage) []string {
	t.Helper()
	ctx := context.Background()
	system, undo, err := s.Apply(ctx, fake.New(worlds()[world]))
	if errors.Is(err, sabotage.ErrNotApplicable) {
		return nil
	}
	if err != nil {
		t.Errorf("%s, %s: %v", world, s.Name, err)
		return nil
	}
	report := run(t, system, conformance.Options{LabelFilter: worldFilter})
	var failed []string
	for _, spec := range report.Specs {
		if spec.State == conformance.Failed && spec.Area != s.Area {
			t.Errorf("%s, %s: also failed: %s: %s", world, s.Name, spec.Name, spec.Message)
		}
		if spec.State == conformance.Failed {
			failed = append(failed, kind(spec))
		}
	}
	if len(failed) == 0 {
		t.Errorf("%s, %s: area %s did not fail:\n%s", world, s.Name, s.Area, table(t, report))
	}
	if err := undo(ctx); err != nil {
		t.Errorf("%s, %s: undo: %v", world, s.Name, err)
	}
	return slices.Compact(failed)
}

// kind is the area and name of a spec, without its subject.
func kind(report conformance.SpecReport) string {
	for _, spec := range specs.All() {
		if spec.Area == report.Area && strings.HasSuffix(report.Name, spec.Name) {
			return spec.Area + ": " + spec.Name
		}
	}
	return report.Name
}

// worldFor names the first world of the modes in which a sabotage is tried, "" if there is none.
func worldFor(s sabotage.Sabotage) string {
	for _, mode := range s.TriedIn() {
		for name, of := range worldModes() {
			if of == mode {
				return name
			}
		}
	}
	return ""
}

// TestUndo sees a system mended after each sabotage.
func TestUndo(t *testing.T) {
	for _, s := range sabotage.All() {
		name := worldFor(s)
		if !slices.Contains(worldAreas, s.Area) || name == "" {
			continue
		}
		world := fake.New(worlds()[name])
		broken, undo, err := s.Apply(context.Background(), world)
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		run(t, broken, conformance.Options{LabelFilter: "clock-class || failover || outage"})
		if err := undo(context.Background()); err != nil {
			t.Fatalf("%s: undo: %v", s.Name, err)
		}
		if report := run(t, world, conformance.Options{LabelFilter: worldFilter}); !report.OK() {
			t.Errorf("after %s:\n%s", s.Name, table(t, report))
		}
	}
}

func TestSabotageNotApplicable(t *testing.T) {
	for _, s := range sabotage.All() {
		name := worldFor(s)
		if !slices.Contains(worldAreas, s.Area) || name == "" {
			continue
		}
		_, _, err := s.Apply(context.Background(), fake.Blind(fake.New(worlds()[name])))
		needsMore := s.Area == specs.AreaAccuracy || strings.Contains(s.Name, "off") || strings.Contains(s.Name, "PtpConfig")
		if needsMore != errors.Is(err, sabotage.ErrNotApplicable) {
			t.Errorf("%s on a system without true error and PtpConfigs: %v", s.Name, err)
		}
	}
}
