// Package metrics reads the openshift_ptp_* metrics that a node serves.
package metrics

import (
	"bytes"
	"fmt"
	"regexp"
	"sort"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Role is the value of openshift_ptp_interface_role.
type Role int

// The roles of a port, as linuxptp-daemon numbers them.
const (
	RolePassive Role = iota
	RoleSlave
	RoleMaster
	RoleFaulty
	RoleUnknown
	RoleListening
)

// String is the role's name in capitals.
func (r Role) String() string {
	return name([]string{"PASSIVE", "SLAVE", "MASTER", "FAULTY", "UNKNOWN", "LISTENING"}, int(r))
}

// ClockState is the value of openshift_ptp_clock_state.
type ClockState int

// The states of a clock.
const (
	FreeRun ClockState = iota
	Locked
	Holdover
)

// String is the state's name in capitals.
func (s ClockState) String() string { return name([]string{"FREERUN", "LOCKED", "HOLDOVER"}, int(s)) }

func name(names []string, n int) string {
	if n < 0 || n >= len(names) {
		return fmt.Sprintf("unknown value %d", n)
	}
	return names[n]
}

// Set is one scrape of a node.
type Set map[string]*dto.MetricFamily

// Parse reads Prometheus' text format.
func Parse(text []byte) (Set, error) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("parse metrics: %w", err)
	}
	return families, nil
}

// Role is the role of a port under ptp4l.
func (s Set) Role(node, iface string) (Role, error) {
	v, err := s.value("openshift_ptp_interface_role", node, iface, nil)
	return Role(v), err
}

// ClockState is the state of the clock behind a port under ptp4l.
func (s Set) ClockState(node, iface string) (ClockState, error) {
	v, err := s.value("openshift_ptp_clock_state", node, iface, nil)
	return ClockState(v), err
}

// Offset is offsetFromMaster of the clock behind a port as ptp4l measures it, ns.
func (s Set) Offset(node, iface string) (float64, error) {
	return s.value("openshift_ptp_offset_ns", node, iface, map[string]string{"from": "master"})
}

// value finds the one sample of ptp4l on a node for an interface, by its real name or by its NIC's alias.
func (s Set) value(metric, node, iface string, labels map[string]string) (float64, error) {
	want := map[string]string{"process": "ptp4l", "node": node}
	for k, v := range labels {
		want[k] = v
	}
	for _, name := range []string{iface, Alias(iface)} {
		want["iface"] = name
		for _, m := range s[metric].GetMetric() {
			if has(m, want) {
				return number(m), nil
			}
		}
	}
	return 0, fmt.Errorf("no %s of %s on %s%s", metric, iface, node, s.known(metric))
}

// known lists for which interfaces a metric is there, to help whoever misses one.
func (s Set) known(metric string) string {
	var known []string
	for _, m := range s[metric].GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			labels = append(labels, l.GetName()+"="+l.GetValue())
		}
		known = append(known, "{"+strings.Join(labels, ",")+"}")
	}
	if len(known) == 0 {
		return ""
	}
	sort.Strings(known)
	return "; there are " + strings.Join(known, " ")
}

func has(m *dto.Metric, want map[string]string) bool {
	found := 0
	for _, l := range m.GetLabel() {
		if v, ok := want[l.GetName()]; ok && v == l.GetValue() {
			found++
		}
	}
	return found == len(want)
}

func number(m *dto.Metric) float64 {
	switch {
	case m.Gauge != nil:
		return m.Gauge.GetValue()
	case m.Counter != nil:
		return m.Counter.GetValue()
	}
	return m.Untyped.GetValue()
}

var aliased = regexp.MustCompile(`^(.+?)\d+(np\d+)?(\.\d+)?$`)

// Alias is the name under which the clocks of a NIC's ports are reported together: ens2f0 and ens2f0np0 become
// ens2fx, ens1f0.100 becomes ens1fx.100.
func Alias(iface string) string {
	return aliased.ReplaceAllString(iface, "${1}x${3}")
}
