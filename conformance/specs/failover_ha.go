package specs

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

// highAvailabilitySpecs are of a system clock that follows whichever of two boundary clocks works.
func highAvailabilitySpecs() []Spec {
	ha := []Mode{DualNICBCHA}
	return []Spec{{
		Area:  AreaFailover,
		Name:  "the system clock follows the other boundary clock while the first has no upstream link",
		Modes: ha,
		Check: checkSwitchOver,
	}, {
		Area:  AreaFailover,
		Name:  "both boundary clocks run free, and the system clock follows neither, with both upstream links down",
		Modes: ha,
		Check: checkBothDown,
	}, {
		Area:  AreaFailover,
		Name:  "the system clock follows the other boundary clock while the profile of the first is deleted",
		Modes: ha,
		Needs: []Need{NeedConfigure},
		Check: checkProfileDeleted,
	}}
}

// sources are the clocks that one system clock can follow, in the order of its preference.
type sources struct {
	clock sut.SystemClock
	all   []sut.Instance
}

// sources finds the system clock that has several sources.
func (t *Test) sources() (sources, error) {
	for _, s := range t.Inventory.SystemClocks {
		if len(s.Sources) < 2 {
			continue
		}
		found := sources{clock: s}
		for _, name := range s.Sources {
			i, ok := t.Inventory.Instance(name)
			if !ok {
				return sources{}, fmt.Errorf("the system clock of %s follows %s, which is no instance", s.Node, name)
			}
			found.all = append(found.all, i)
		}
		return found, t.needSync(disturbed(t.Inventory, found.all...)...)
	}
	return sources{}, Skipped("no system clock follows several clocks")
}

// others are the sources but one.
func (s sources) others(i sut.Instance) []sut.Instance {
	return slices.DeleteFunc(slices.Clone(s.all), func(o sut.Instance) bool { return o.Name == i.Name })
}

// selecting matches what phc2sys prints when it has chosen what CLOCK_REALTIME follows:
//
//	phc2sys[24.020]: [phc2sys.2.config:6] selecting ens2f0 as out-of-domain source clock
//
// One that has a single source to choose from only says "as domain source clock".
var (
	selecting     = regexp.MustCompile(`phc2sys.*selecting (\w[\w.-]*) as out-of-domain source clock`)
	selectingOnly = regexp.MustCompile(`phc2sys.*selecting (\w[\w.-]*) as domain source clock`)
)

// selected is the interface that phc2sys chose last since an instant, "" for none. It may choose several times on its way: whoever
// demands exactly one line fails by chance.
func (t *Test) selected(ctx context.Context, node string, since time.Time, pattern *regexp.Regexp) (string, error) {
	lines, err := t.logs(ctx, node, "", since)
	if err != nil {
		return "", err
	}
	last := ""
	for _, l := range lines {
		if m := pattern.FindStringSubmatch(l.Text); m != nil {
			last = m[1]
		}
	}
	return last, nil
}

// active is the source whose profile the metric calls active. It is an error if there is not exactly one.
func (s sources) active(set metrics.Set) (sut.Instance, error) {
	const metric = "openshift_ptp_ha_profile_status"
	var found []sut.Instance
	var seen []string
	for _, one := range set.Series(metric) {
		if one.Labels["node"] != s.clock.Node || one.Labels["process"] != "phc2sys" {
			continue
		}
		seen = append(seen, fmt.Sprintf("%s %g", one.Labels["profile"], one.Value))
		for _, i := range s.all {
			if one.Value == 1 && isProfileOf(i, one.Labels["profile"]) {
				found = append(found, i)
			}
		}
	}
	if len(found) != 1 {
		return sut.Instance{}, fmt.Errorf("%s: %s; exactly one must be 1", metric, strings.Join(seen, ", "))
	}
	return found[0], nil
}

// isProfileOf says whether a name, qualified or not, is that of the profile which runs an instance.
func isProfileOf(i sut.Instance, name string) bool {
	return name != "" && (name == i.Profile || i.Profile == i.Object+"_"+name || i.Profile == "" && name == i.Name)
}

// followsProbe looks whether the system clock follows a source by the metric, and if an instant is given, whether what phc2sys
// has chosen since then is a port of it.
func (t *Test) followsProbe(s sources, want sut.Instance, since time.Time) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		set, err := t.scrape(ctx, s.clock.Node)
		if err != nil {
			return false, "", err
		}
		active, err := s.active(set)
		if err != nil {
			return false, "", err
		}
		seen := "active is " + active.String()
		if since.IsZero() || active.Name != want.Name {
			return active.Name == want.Name, seen, nil
		}
		return t.chosen(ctx, s, want, since, selecting, seen)
	}
}

// chosen looks whether the last choice of phc2sys since an instant is a port of a source. Where there is no log, it is.
func (t *Test) chosen(ctx context.Context, s sources, want sut.Instance, since time.Time, pattern *regexp.Regexp, seen string) (bool, string, error) {
	if _, ok := sut.As[sut.Logs](t.System); !ok {
		return true, seen, nil
	}
	port, err := t.selected(ctx, s.clock.Node, since, pattern)
	if err != nil {
		return false, "", err
	}
	if port == "" {
		return false, seen + ", phc2sys has not said that it selects anything", nil
	}
	ports := append(slices.Clone(want.ReceivePorts), want.TransmitPorts...)
	return slices.Contains(ports, port), seen + ", phc2sys selects " + port, nil
}

// untilFollows waits until the system clock follows a source.
func (t *Test) untilFollows(ctx context.Context, s sources, want sut.Instance, since time.Time, after string) (time.Duration, error) {
	subject := fmt.Sprintf("the system clock of %s to follow %s after %s", s.clock.Node, want, after)
	took, err := t.until(ctx, subject, t.Settings.LockWithin, t.followsProbe(s, want, since))
	return took, lookAt(err, fmt.Sprintf("phc2sys of %s (%s) and what it selects", s.clock.Node, s.clock.Config), process(want))
}

// ready waits until all sources are locked and the system clock follows the first.
func (t *Test) ready(ctx context.Context, s sources) error {
	if err := t.startLocked(ctx, s.all...); err != nil {
		return err
	}
	_, err := t.untilFollows(ctx, s, s.all[0], time.Time{}, "the specs before")
	return err
}

// checkSwitchOver takes the upstream links of the first source down: the system clock must follow the other, and the first again
// when it is back.
func checkSwitchOver(ctx context.Context, t *Test) error {
	s, err := t.sources()
	if err != nil {
		return err
	}
	first, other := s.all[0], s.all[1]
	if err := t.mayTakeDown(first, first.ReceivePorts...); err != nil {
		return err
	}
	if err := t.ready(ctx, s); err != nil {
		return err
	}
	for _, up := range []bool{false, true} {
		since, err := t.System.Now(ctx)
		if err != nil {
			return err
		}
		want, after := other, fmt.Sprintf("the upstream link of %s was set down", first)
		if up {
			want, after = first, fmt.Sprintf("the upstream link of %s was set up again", first)
		}
		if err := t.setReceiveLinks(ctx, first, up); err != nil {
			return err
		}
		took, err := t.untilFollows(ctx, s, want, since, after)
		if err != nil {
			return err
		}
		t.measureSeconds("until the system clock followed "+want.Name, took)
	}
	return t.untilAllLocked(ctx, "the upstream link came back", disturbed(t.Inventory, s.all...)...)
}

// setReceiveLinks takes all upstream links of an instance down or up.
func (t *Test) setReceiveLinks(ctx context.Context, i sut.Instance, up bool) error {
	for _, name := range i.ReceivePorts {
		port := sut.PortRef{Node: i.Node, Interface: name}
		if !up {
			if err := t.linkDown(ctx, port); err != nil {
				return err
			}
			continue
		}
		if err := t.System.SetLink(ctx, port, true); err != nil {
			return fmt.Errorf("set link %s up: %w", port, err)
		}
	}
	return nil
}

// checkBothDown takes the upstream links of all sources down: each must end in FREERUN, and phc2sys must not choose one of them.
func checkBothDown(ctx context.Context, t *Test) error {
	s, err := t.sources()
	if err != nil {
		return err
	}
	var freeRunning []wait.Probe
	for _, i := range s.all {
		if err := t.mayTakeDown(i, i.ReceivePorts...); err != nil {
			return err
		}
		freeRunning = append(freeRunning, named(i, t.portsProbe(i, metrics.FreeRun, metrics.RoleFaulty)))
	}
	if err := t.ready(ctx, s); err != nil {
		return err
	}
	for _, i := range s.all {
		if err := t.setReceiveLinks(ctx, i, false); err != nil {
			return err
		}
	}
	down, err := t.System.Now(ctx)
	if err != nil {
		return err
	}
	after := "all their upstream links were set down"
	subject := fmt.Sprintf("%s to be in FREERUN with FAULTY receive ports after %s", names(s.all), after)
	took, err := t.until(ctx, subject, t.Settings.Holdover+2*t.Settings.HoldoverWithin, both(freeRunning...))
	if err != nil {
		return lookAt(err, process(s.all[0]), process(s.all[1]))
	}
	t.measureSeconds("links down to FREERUN of both", took)
	if err := t.choosesNone(ctx, s, down); err != nil {
		return err
	}
	since, err := t.System.Now(ctx)
	if err != nil {
		return err
	}
	for _, i := range s.all {
		if err := t.setReceiveLinks(ctx, i, true); err != nil {
			return err
		}
	}
	if _, err := t.untilFollows(ctx, s, s.all[0], since, "the upstream links were set up again"); err != nil {
		return err
	}
	return t.untilAllLocked(ctx, "the upstream links were set up again", disturbed(t.Inventory, s.all...)...)
}

// choosesNone is an error if phc2sys has chosen a source in the time before now, by when it had seen that there is none. Without a
// log it cannot be told.
func (t *Test) choosesNone(ctx context.Context, s sources, since time.Time) error {
	if _, ok := sut.As[sut.Logs](t.System); !ok {
		return nil
	}
	port, err := t.selected(ctx, s.clock.Node, since.Add(t.Settings.Poll), selecting)
	if err != nil || port == "" {
		return err
	}
	return fmt.Errorf("phc2sys of %s selects %s for the system clock while no source has an upstream link", s.clock.Node, port)
}

// checkProfileDeleted deletes the PtpConfig of the source that the system clock follows: another must take over, and when the object
// is there again, all must be as before.
func checkProfileDeleted(ctx context.Context, t *Test) error {
	s, err := t.sources()
	if err != nil {
		return err
	}
	first, other := s.all[0], s.all[1]
	if first.Object == "" || slices.ContainsFunc(s.others(first), func(i sut.Instance) bool { return i.Object == first.Object }) {
		return Skipped(fmt.Sprintf("%s has no PtpConfig of its own that could be deleted", first))
	}
	if err := t.ready(ctx, s); err != nil {
		return err
	}
	since, err := t.System.Now(ctx)
	if err != nil {
		return err
	}
	restore, err := t.deleteObject(ctx, first.Object)
	if err != nil {
		return err
	}
	after := fmt.Sprintf("the PtpConfig of %s was deleted", first)
	subject := fmt.Sprintf("the system clock of %s to follow %s, and %s not to run, after %s", s.clock.Node, other, first, after)
	took, err := t.until(ctx, subject, t.Settings.LockWithin, both(t.goneProbe(first), t.lockedProbe(other), t.onlyChoice(s, other, since)))
	if err != nil {
		return lookAt(err, fmt.Sprintf("phc2sys of %s and what it selects", s.clock.Node), process(other))
	}
	t.measureSeconds("profile deleted until the system clock followed "+other.Name, took)
	if since, err = t.System.Now(ctx); err != nil {
		return err
	}
	if err := restore(ctx); err != nil {
		return err
	}
	if _, err := t.untilFollows(ctx, s, first, since, fmt.Sprintf("the PtpConfig of %s was created again", first)); err != nil {
		return err
	}
	return t.untilAllLocked(ctx, fmt.Sprintf("the PtpConfig of %s was created again", first), disturbed(t.Inventory, s.all...)...)
}

// goneProbe looks whether no ptp4l on its node has the profile of an instance.
func (t *Test) goneProbe(i sut.Instance) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		now, err := t.profilesOn(ctx, i)
		if err != nil {
			return false, "", err
		}
		for file, profile := range now {
			if isProfileOf(i, profile) {
				return false, fmt.Sprintf("%s still has profile %s", file, profile), nil
			}
		}
		return true, "", nil
	}
}

// onlyChoice looks whether the system clock follows the one source that is left: by the log or, where there is none, by the
// metric, which a daemon with a single profile need not have.
func (t *Test) onlyChoice(s sources, want sut.Instance, since time.Time) wait.Probe {
	if _, ok := sut.As[sut.Logs](t.System); !ok {
		return t.followsProbe(s, want, time.Time{})
	}
	pattern := selecting
	if len(s.all) == 2 {
		pattern = selectingOnly
	}
	return func(ctx context.Context) (bool, string, error) {
		return t.chosen(ctx, s, want, since, pattern, want.String()+" is left")
	}
}
