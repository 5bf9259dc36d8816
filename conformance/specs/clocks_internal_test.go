package specs

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

// two is a grandmaster, two boundary clocks of one node, a receiver behind the first and one that hears both.
func two() sut.Inventory {
	return sut.Inventory{Instances: []sut.Instance{
		{Name: "gm", Type: sut.Grandmaster},
		{Name: "bc1", Type: sut.Boundary, Upstream: []string{"gm"}},
		{Name: "bc2", Type: sut.Boundary, Upstream: []string{"gm"}},
		{Name: "sw", Type: sut.Boundary, Upstream: []string{"bc1"}, InSwitch: true},
		{Name: "oc1", Type: sut.Ordinary, Upstream: []string{"sw"}},
		{Name: "oc2", Type: sut.Ordinary, Upstream: []string{"bc1", "bc2"}},
	}}
}

func instanceNames(all []sut.Instance) []string {
	var found []string
	for _, i := range all {
		found = append(found, i.Name)
	}
	return found
}

func TestBehind(t *testing.T) {
	inv := two()
	for name, want := range map[string][]string{
		"gm": {"bc1", "bc2", "sw", "oc1", "oc2"}, "bc1": {"sw", "oc1"}, "bc2": nil, "sw": {"oc1"}, "oc1": nil,
	} {
		i, _ := inv.Instance(name)
		if got := instanceNames(behind(inv, i)); !slices.Equal(got, want) {
			t.Errorf("behind %s: %v, want %v", name, got, want)
		}
	}
	bc1, _ := inv.Instance("bc1")
	bc2, _ := inv.Instance("bc2")
	if got := instanceNames(disturbed(inv, bc1, bc2)); !slices.Equal(got, []string{"bc1", "bc2", "oc1"}) {
		t.Errorf("disturbed: %v", got)
	}
}

func TestSelecting(t *testing.T) {
	// What phc2sys of linuxptp 4.2 printed with two sources, and with one.
	for _, c := range []struct{ line, any, only string }{
		{"phc2sys[24.020]: [phc2sys.2.config:6] selecting ens2f0 as out-of-domain source clock", "ens2f0", ""},
		{"phc2sys[17.020]: [phc2sys.2.config:6] selecting ens2f0 as domain source clock", "", "ens2f0"},
		{"phc2sys[17.020]: [phc2sys.2.config:6] selecting CLOCK_REALTIME for synchronization", "", ""},
		{"ptp4l[1.0]: [ptp4l.0.config:6] selecting ens2f0 as out-of-domain source clock", "", ""},
	} {
		first := func(m []string) string {
			if m == nil {
				return ""
			}
			return m[1]
		}
		if got := first(selecting.FindStringSubmatch(c.line)); got != c.any {
			t.Errorf("%q: %q, want %q", c.line, got, c.any)
		}
		if got := first(selectingOnly.FindStringSubmatch(c.line)); got != c.only {
			t.Errorf("%q, one source: %q, want %q", c.line, got, c.only)
		}
	}
}

func TestIsProfileOf(t *testing.T) {
	i := sut.Instance{Name: "x", Object: "test-bc", Profile: "test-bc_bc_1"}
	for name, want := range map[string]bool{"bc_1": true, "test-bc_bc_1": true, "1": false, "x": false, "": false} {
		if isProfileOf(i, name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}

// haObjects are two boundary clocks and what chooses between them, on node w1.
func haObjects() []ptpconfig.PtpConfig {
	one := func(name string, p ptpconfig.Profile) ptpconfig.PtpConfig {
		p.Name = name
		return ptpconfig.PtpConfig{Metadata: ptpconfig.Metadata{Name: "o-" + name}, Spec: ptpconfig.Spec{
			Profile:   []ptpconfig.Profile{p},
			Recommend: []ptpconfig.Recommend{{Profile: name, Priority: 5, Match: []ptpconfig.Match{{NodeName: "w1"}}}},
		}}
	}
	return []ptpconfig.PtpConfig{
		one("bc1", ptpconfig.Profile{Ptp4lOpts: new("-2")}),
		one("bc2", ptpconfig.Profile{Ptp4lOpts: new("-2")}),
		one("ha", ptpconfig.Profile{Ptp4lOpts: new(""), PtpSettings: map[string]string{"haProfiles": "bc1, o-bc2_bc2"}}),
	}
}

func TestStandIn(t *testing.T) {
	objects := haObjects()
	s := &standIn{subject: sut.Instance{Node: "w1"}}
	if err := s.copy(objects, ptpconfig.Match{NodeLabel: standInLabel}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bc1-stand-in", "bc2-stand-in"}, s.ptp4l); diff != "" {
		t.Errorf("profiles with ptp4l (-want +got):\n%s", diff)
	}
	if got := s.object.Spec.Profile[2].PtpSettings["haProfiles"]; got != "bc1-stand-in,bc2-stand-in" {
		t.Errorf("haProfiles of the copy: %q", got)
	}
	if got := objects[2].Spec.Profile[0].PtpSettings["haProfiles"]; got != "bc1, o-bc2_bc2" {
		t.Errorf("the original was changed: %q", got)
	}
	for _, r := range s.object.Spec.Recommend {
		if r.Priority != 0 || r.Match[0].NodeLabel != standInLabel {
			t.Errorf("recommendation %+v", r)
		}
	}
	s.before = map[string]string{"ptp4l.0.config": "bc2", "ptp4l.1.config": "o-bc1_bc1", "phc2sys.2.config": "ha"}
	for n, want := range []int{1, 0, 2} {
		if got := s.number(objects[n]); got != want {
			t.Errorf("number of %s: %d, want %d", objects[n].Metadata.Name, got, want)
		}
	}
	objects[0].Spec.Recommend[0].Priority = 0
	if err := s.copy(objects, ptpconfig.Match{}); !errors.As(err, new(Skipped)) {
		t.Errorf("against priority 0: %v", err)
	}
}

// TestProfileFaults sees that each fault makes a profile differ from the valid one, in its own way.
func TestProfileFaults(t *testing.T) {
	var seen []ptpconfig.Profile
	for _, f := range profileFaults() {
		p := validProfile()
		f.spoil(&p)
		for _, other := range append(seen, validProfile()) {
			if cmp.Equal(p, other) {
				t.Errorf("%s is like another", f.name)
			}
		}
		seen = append(seen, p)
	}
}

func TestSameObjects(t *testing.T) {
	a := haObjects()
	b := []ptpconfig.PtpConfig{a[2], a[0], a[1]}
	if !sameObjects(a, b) {
		t.Error("order makes a difference")
	}
	if sameObjects(a, a[:2]) {
		t.Error("a missing object makes none")
	}
	c := haObjects()
	c[1].Spec.Profile[0].Ptp4lOpts = new("-2 -s")
	if sameObjects(a, c) {
		t.Error("changed options make none")
	}
}

// counting is a clock of its own.
type counting struct {
	sut.System
	now time.Time
}

func (c *counting) Now(context.Context) (time.Time, error) { return c.now, nil }
func (c *counting) Sleep(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return nil
}

func TestStays(t *testing.T) {
	looks := 0
	breaksAt := func(n int) func(context.Context) (bool, string, error) {
		looks = 0
		return func(context.Context) (bool, string, error) {
			looks++
			return looks != n, "look", nil
		}
	}
	test := &Test{System: &counting{now: time.Unix(0, 0)}}
	if err := test.stays(t.Context(), "it to hold", 2*time.Second, time.Second, breaksAt(9)); err != nil || looks != 3 {
		t.Errorf("%v after %d looks", err, looks)
	}
	err := test.stays(t.Context(), "it to hold", 2*time.Second, time.Second, breaksAt(2))
	if err == nil || !strings.Contains(err.Error(), "expected it to hold for 2s, but 1s into it: look") {
		t.Errorf("got %v", err)
	}
}
