package specs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
)

func metricsSpecs() []Spec {
	return []Spec{{
		Area:     AreaMetrics,
		Name:     "tells all of its clock, and nothing implausible",
		Subjects: receivers,
		Check:    checkTells,
	}, {
		Area:     AreaMetrics,
		Name:     "nodes tell all of their system clocks",
		Subjects: withSystemClocks,
		Check:    checkTellsSystemClocks,
	}, {
		Area:  AreaMetrics,
		Name:  "nodes tell of no port, process or profile that is not theirs",
		Check: checkTellsNothingElse,
	}, {
		Area:     AreaMetrics,
		Name:     "tells what its ptp4l measures when its clock is stepped",
		Subjects: underTest,
		Check:    checkFollows,
	}, {
		Area:  AreaMetrics,
		Name:  "Prometheus has every metric of the nodes",
		Needs: []Need{NeedPrometheus},
		Check: checkPrometheus,
	}}
}

// tellsWithin is how long a metric may take to appear, in polls: a node may tell of a restarted process only after its next look.
const tellsWithin = 15

// soon waits for what must be the case without anything being done for it.
func (t *Test) soon(ctx context.Context, subject string, look func(ctx context.Context) error) error {
	_, err := t.until(ctx, subject, tellsWithin*t.Settings.Poll, func(ctx context.Context) (bool, string, error) {
		err := look(ctx)
		return err == nil, "", err
	})
	return err
}

// checkTells looks for every metric that a node has of a PTP clock.
func checkTells(ctx context.Context, t *Test) error {
	if err := needConfig(t.Subject); err != nil {
		return err
	}
	if err := t.needSync(t.Subject); err != nil {
		return err
	}
	file, err := t.configOf(ctx, t.Subject)
	if err != nil {
		return err
	}
	subject := fmt.Sprintf("the metrics of %s to be there, once each, and plausible", t.Subject)
	err = t.soon(ctx, subject, func(ctx context.Context) error {
		set, err := t.scrape(ctx, t.Subject.Node)
		if err != nil {
			return err
		}
		return errors.Join(t.tellsClock(set), t.tellsProcess(set, "ptp4l", t.Subject.Node, t.Subject.Config),
			t.tellsThresholds(set, t.Subject.Node, file.Profile))
	})
	return lookAt(err, "curl localhost:9091/metrics on "+t.Subject.Node, process(t.Subject))
}

// tellsClock looks at what is told of the subject's clock and ports.
func (t *Test) tellsClock(set metrics.Set) error {
	i := t.Subject
	active, err := activePort(set, i)
	if err != nil {
		return err
	}
	if seen, ok, err := transmits(set, i); !ok || err != nil {
		return errors.Join(err, errorIf(seen))
	}
	return errors.Join(t.tellsMeasurement(set, "ptp4l", i.Node, active, "master"), t.tellsState(set, "ptp4l", i.Node, active), tellsClass(set, i))
}

// tellsMeasurement looks at the four numbers of a measurement: of one clock against another, they must be there once,
// and be possible for a clock that is locked.
func (t *Test) tellsMeasurement(set metrics.Set, program, node, iface, from string) error {
	var faults []error
	number := func(name string, low, high float64, unit string) float64 {
		v, err := set.OfClock(metrics.Prefix+name, program, node, iface, map[string]string{"from": from})
		if err == nil && !(low <= v && v <= high) {
			err = fmt.Errorf("%s%s of %s of %s on %s is %g %s, expected %g to %g", metrics.Prefix, name, program, iface, node, v, unit, low, high)
		}
		faults = append(faults, err)
		return v
	}
	bound := max(math.Abs(t.Settings.MinOffset), math.Abs(t.Settings.MaxOffset))
	offset := number("offset_ns", t.Settings.MinOffset, t.Settings.MaxOffset, "ns")
	largest := number("max_offset_ns", -largestMax*bound, largestMax*bound, "ns")
	number("frequency_adjustment_ns", -largestAdjustment, largestAdjustment, "ppb")
	number("delay_ns", -bound, largestDelay, "ns")
	if err := errors.Join(faults...); err != nil {
		return err
	}
	if math.Abs(largest) < math.Abs(offset) {
		return fmt.Errorf("%smax_offset_ns of %s on %s is %g ns, less than the offset of %g ns", metrics.Prefix, iface, node, largest, offset)
	}
	return nil
}

// What is plausible.
const (
	largestMax        = 10      // times the bound of the offset: the largest of many measurements
	largestAdjustment = 500_000 // ppb: oscillators of network cards are within 50 ppm, and ptp4l's max_frequency is 900 ppm
	largestDelay      = 10e6    // ns: 2,000 km of fibre
)

// tellsState sees a clock LOCKED.
func (t *Test) tellsState(set metrics.Set, program, node, iface string) error {
	v, err := set.OfClock(metrics.Prefix+"clock_state", program, node, iface, nil)
	if err != nil {
		return err
	}
	if state := metrics.ClockState(v); state != metrics.Locked {
		return fmt.Errorf("clock of %s on %s is %s by %s, expected %s", iface, node, state, program, metrics.Locked)
	}
	return nil
}

// tellsClass sees a clockClass, IEEE 1588-2019 table 4. 255 is of clocks that can only be time receivers.
func tellsClass(set metrics.Set, i sut.Instance) error {
	class, err := set.ClockClass(i.Node, path.Base(i.Config))
	if err != nil {
		return err
	}
	if class < 0 || class > 255 || class == 255 && i.Type != sut.Ordinary {
		return fmt.Errorf("%sclock_class of %s is %d, which no %s clock has", metrics.Prefix, i, class, i.Type)
	}
	return nil
}

// tellsProcess sees a process up and its first start counted.
func (t *Test) tellsProcess(set metrics.Set, program, node, config string) error {
	up, err := set.ProcessStatus(program, node, path.Base(config))
	if err != nil {
		return err
	}
	starts, err := set.Starts(program, node, path.Base(config))
	switch {
	case err != nil:
		return err
	case !up:
		return fmt.Errorf("%sprocess_status says that %s of %s is down", metrics.Prefix, path.Base(config), node)
	case starts < 1:
		return fmt.Errorf("%sprocess_restart_count of %s on %s is %d, but counts the first start too", metrics.Prefix, path.Base(config), node, starts)
	}
	return nil
}

// tellsThresholds sees the three thresholds of a profile. Without event service a node has none: cloud-event-proxy is what tells
// them.
func (t *Test) tellsThresholds(set metrics.Set, node, profile string) error {
	_, events := sut.As[sut.Notifications](t.System)
	if len(set.Series(metrics.Prefix+"threshold")) == 0 && !events {
		return nil
	}
	var values [3]float64
	for n, name := range []string{"MinOffsetThreshold", "MaxOffsetThreshold", "HoldOverTimeout"} {
		v, err := ofProfile(set, metrics.Prefix+"threshold", node, profile, map[string]string{"threshold": name})
		if err != nil {
			return err
		}
		values[n] = v
	}
	if !(values[0] < values[1] && values[2] > 0) {
		return fmt.Errorf("thresholds of profile %s on %s are %g ns, %g ns and %g s, which no clock can keep", profile, node, values[0], values[1], values[2])
	}
	return nil
}

// ofProfile gives the value of a metric of a profile. Nodes name a profile with its object before it or without.
func ofProfile(set metrics.Set, metric, node, profile string, labels map[string]string) (float64, error) {
	var found []float64
	for _, s := range set.Series(metric) {
		fits := s.Labels["node"] == node && isProfile(s.Labels["profile"], profile)
		for name, value := range labels {
			fits = fits && s.Labels[name] == value
		}
		if fits {
			found = append(found, s.Value)
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d series %s%s of profile %s on %s, expected one", len(found), metric, metrics.LabelText(labels), profile, node)
	}
	return found[0], nil
}

// isProfile says whether two names are of one profile, either with its object before it: "test-slave1_test-slave1".
func isProfile(a, b string) bool {
	return a == b || strings.HasSuffix(a, "_"+b) || strings.HasSuffix(b, "_"+a)
}

// checkTellsSystemClocks looks for the metrics of every phc2sys.
func checkTellsSystemClocks(ctx context.Context, t *Test) error {
	clocks, err := t.systemClocks(ctx)
	if err != nil {
		return err
	}
	for _, c := range clocks {
		subject := fmt.Sprintf("the metrics of the system clock of %s to be there, once each, and plausible", c.Node)
		err := t.soon(ctx, subject, func(ctx context.Context) error {
			set, err := t.scrape(ctx, c.Node)
			if err != nil {
				return err
			}
			return errors.Join(t.tellsProcess(set, "phc2sys", c.Node, c.Config), t.tellsSystemClock(set, c), t.tellsChosen(set, c))
		})
		if err != nil {
			return lookAt(err, fmt.Sprintf("phc2sys on %s (%s)", c.Node, c.Config))
		}
	}
	return nil
}

// systemClock is a phc2sys that runs.
type systemClock struct {
	sut.SystemClock
	steers bool // it is not told to measure only
}

// systemClocks lists the system clocks whose sources the sync area has found well. Those whose phc2sys only prints its version,
// because nodes share a clock, are left out; without any, the check is skipped.
func (t *Test) systemClocks(ctx context.Context) ([]systemClock, error) {
	var found []systemClock
	for _, c := range t.Inventory.SystemClocks {
		for _, name := range c.Sources {
			if i, ok := t.Inventory.Instance(name); ok && i.IsReceiver() {
				if err := t.needSync(i); err != nil {
					return nil, err
				}
			}
		}
		if c.Config == "" {
			continue
		}
		files, err := t.configFiles(ctx, c.Node, path.Dir(c.Config))
		if err != nil {
			return nil, err
		}
		n := slices.IndexFunc(files, func(f configFile) bool { return f.Name == path.Base(c.Config) })
		if n < 0 {
			return nil, fmt.Errorf("%s has no configuration file %s", c.Node, c.Config)
		}
		onlyVersion, err := t.onlyVersion(ctx, c)
		if err != nil {
			return nil, err
		}
		if free, _ := files[n].Text.Get("global", "free_running"); !onlyVersion {
			found = append(found, systemClock{c, free != "1"})
		}
	}
	if len(found) == 0 {
		return nil, Skipped("no phc2sys follows a clock here")
	}
	return found, nil
}

// onlyVersion says whether a profile has phc2sys print its version and end: what is configured where all nodes share one
// CLOCK_REALTIME.
func (t *Test) onlyVersion(ctx context.Context, c sut.SystemClock) (bool, error) {
	configurer, ok := sut.As[sut.Configurer](t.System)
	if !ok {
		return false, nil
	}
	objects, err := configurer.Configs(ctx)
	if err != nil {
		return false, fmt.Errorf("list the PtpConfigs: %w", err)
	}
	for _, o := range objects {
		for _, p := range o.Spec.Profile {
			if o.Metadata.Name+"_"+p.Name == c.Profile && p.Phc2sysOpts != nil {
				return strings.TrimSpace(*p.Phc2sysOpts) == "-v", nil
			}
		}
	}
	return false, nil
}

// realtime is the iface label of the system clock.
const realtime = "CLOCK_REALTIME"

// tellsSystemClock looks at what is told of a node's CLOCK_REALTIME. Where phc2sys only measures it, it need not be right.
func (t *Test) tellsSystemClock(set metrics.Set, c systemClock) error {
	labels := map[string]string{"process": "phc2sys", "node": c.Node, "iface": realtime}
	if !c.steers {
		_, err := set.Find(metrics.Prefix+"offset_ns", labels)
		return err
	}
	from := "phc"
	for _, s := range set.Series(metrics.Prefix + "offset_ns") {
		if s.Labels["iface"] == realtime && s.Labels["node"] == c.Node && s.Labels["from"] == "sys" {
			from = "sys"
		}
	}
	return errors.Join(t.tellsMeasurement(set, "phc2sys", c.Node, realtime, from), t.tellsState(set, "phc2sys", c.Node, realtime))
}

// tellsChosen sees which of several sources a system clock follows: exactly one of their profiles is active.
func (t *Test) tellsChosen(set metrics.Set, c systemClock) error {
	if len(c.Sources) < 2 {
		return nil
	}
	active := 0.0
	for _, name := range c.Sources {
		i, ok := t.Inventory.Instance(name)
		if !ok {
			return fmt.Errorf("the system clock of %s follows %s, which does not exist", c.Node, name)
		}
		profile := i.Profile
		if profile == "" {
			profile = i.Name
		}
		v, err := ofProfile(set, metrics.Prefix+"ha_profile_status", c.Node, profile, map[string]string{"process": "phc2sys"})
		if err != nil {
			return err
		}
		active += v
	}
	if active != 1 {
		return fmt.Errorf("%g profiles of %s are active by %sha_profile_status, expected one of %s", active, c.Node, metrics.Prefix, strings.Join(c.Sources, ", "))
	}
	return nil
}

// errorIf makes an error of a sight, nil of none.
func errorIf(seen string) error {
	if seen == "" {
		return nil
	}
	return errors.New(seen)
}

// withSystemClocks is the whole system where a phc2sys follows a clock; nothing elsewhere.
func withSystemClocks(inv sut.Inventory) []sut.Instance {
	if !slices.ContainsFunc(inv.SystemClocks, func(c sut.SystemClock) bool { return c.Config != "" }) {
		return nil
	}
	return []sut.Instance{{}}
}
