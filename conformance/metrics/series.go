package metrics

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// Prefix begins the name of every metric of a PTP node.
const Prefix = "openshift_ptp_"

// Series is one series of a scrape.
type Series struct {
	Labels map[string]string
	Value  float64
}

// Series lists the series of a metric, named with its prefix.
func (s Set) Series(metric string) []Series {
	var all []Series
	for _, m := range s[metric].GetMetric() {
		all = append(all, Series{Labels: labelsOf(m), Value: number(m)})
	}
	return all
}

// Names lists the metrics that have series and whose name begins with Prefix, sorted.
func (s Set) Names() []string {
	var names []string
	for name, family := range s {
		if strings.HasPrefix(name, Prefix) && len(family.GetMetric()) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Find gives the value of the one series of a metric that has the wanted labels. It is an error if there is none or more
// than one.
func (s Set) Find(metric string, want map[string]string) (float64, error) {
	var found []float64
	for _, m := range s[metric].GetMetric() {
		if has(m, want) {
			found = append(found, number(m))
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d series %s%s, expected one%s", len(found), metric, LabelText(want), s.known(metric))
	}
	return found[0], nil
}

// OfClock gives the value of a metric of a clock on a node: the series of a program whose iface is the interface or the alias of
// its NIC.
func (s Set) OfClock(metric, program, node, iface string, labels map[string]string) (float64, error) {
	want := map[string]string{"process": program, "node": node}
	maps.Copy(want, labels)
	var faults []string
	for _, name := range slices.Compact([]string{iface, Alias(iface)}) {
		want["iface"] = name
		v, err := s.Find(metric, want)
		if err == nil {
			return v, nil
		}
		faults = append(faults, LabelText(want))
	}
	return 0, fmt.Errorf("no single series %s%s%s", metric, strings.Join(faults, " or "), s.known(metric))
}

// ProcessStatus says whether a process is up, by the name of its configuration file: "ptp4l.0.config".
func (s Set) ProcessStatus(program, node, config string) (up bool, err error) {
	v, err := s.Find(Prefix+"process_status", processLabels(program, node, config))
	if err == nil && v != 0 && v != 1 {
		err = fmt.Errorf("%sprocess_status of %s on %s is %g, neither 0 nor 1", Prefix, config, node, v)
	}
	return v == 1, err
}

// Starts is how often a process was started, the first time included.
func (s Set) Starts(program, node, config string) (int, error) {
	v, err := s.Find(Prefix+"process_restart_count", processLabels(program, node, config))
	return int(v), err
}

// ClockClass is the clockClass that a ptp4l's metric tells.
func (s Set) ClockClass(node, config string) (int, error) {
	v, err := s.Find(Prefix+"clock_class", processLabels("ptp4l", node, config))
	return int(v), err
}

func processLabels(program, node, config string) map[string]string {
	return map[string]string{"process": program, "node": node, "config": config}
}

// LabelText writes labels as PromQL has them: `{config="ptp4l.0.config",node="w1"}`.
func LabelText(labels map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, fmt.Sprintf("%s=%q", name, labels[name]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := map[string]string{}
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}
