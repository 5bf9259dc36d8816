package node

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// collector makes the metrics from the node's state when somebody asks, so that a line costs nothing for them.
type collector struct{ n *Node }

// metric is the description of one of upstream's metrics.
type metric struct {
	name, help string
	labels     []string
}

// The metrics of linuxptp-daemon and its event proxy that a plain node has.
var (
	offsetLabels = []string{"from", "process", "node", "iface"}
	statusLabels = []string{"process", "node", "config"}

	offsetNs     = metric{"offset_ns", "Offset in ns", offsetLabels}
	maxOffsetNs  = metric{"max_offset_ns", "Largest offset of the last measurement in ns", offsetLabels}
	frequency    = metric{"frequency_adjustment_ns", "Frequency adjustment in ppb", offsetLabels}
	delayNs      = metric{"delay_ns", "Path delay in ns", offsetLabels}
	clockState   = metric{"clock_state", "0 = FREERUN, 1 = LOCKED, 2 = HOLDOVER", []string{"process", "node", "iface"}}
	clockClass   = metric{"clock_class", "PTP clockClass", statusLabels}
	portRole     = metric{"interface_role", "0 = PASSIVE, 1 = SLAVE, 2 = MASTER, 3 = FAULTY, 4 = UNKNOWN, 5 = LISTENING", []string{"process", "node", "iface"}}
	processUp    = metric{"process_status", "0 = DOWN, 1 = UP", statusLabels}
	processCount = metric{"process_restart_count", "Starts of the process, the first one included", statusLabels}
	haProfile    = metric{"ha_profile_status", "0 = INACTIVE, 1 = ACTIVE", []string{"process", "node", "profile"}}
	threshold    = metric{"threshold", "Thresholds of the profile: offsets in ns, timeout in s", []string{"threshold", "node", "profile"}}
)

// send gives one value.
func (m *metric) send(ch chan<- prometheus.Metric, kind prometheus.ValueType, value float64, labels ...string) {
	desc := prometheus.NewDesc("openshift_ptp_"+m.name, m.help, m.labels, nil)
	ch <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
}

// Collector gives the node's metrics, openshift_ptp_*, with upstream's names and labels.
func (n *Node) Collector() prometheus.Collector { return collector{n} }

// Gatherer gives a registry that has nothing but the node's metrics.
func (n *Node) Gatherer() prometheus.Gatherer {
	r := prometheus.NewRegistry()
	r.MustRegister(n.Collector())
	return r
}

// Describe says nothing: which metrics there are depends on the profiles.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// sample is a value on its way out.
type sample struct {
	metric *metric
	kind   prometheus.ValueType
	value  float64
	labels []string
}

// Collect gives all metrics. Two processes that would give the same series, such as the two ports of one hardware clock
// in two profiles, give it once: the later one counts.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	var order []string
	last := map[string]sample{}
	for _, s := range c.n.samples() {
		key := s.metric.name
		for _, l := range s.labels {
			key += "\x00" + l
		}
		if _, found := last[key]; !found {
			order = append(order, key)
		}
		last[key] = s
	}
	for _, key := range order {
		s := last[key]
		s.metric.send(ch, s.kind, s.value, s.labels...)
	}
}

// samples takes the metrics from the state, under the lock.
func (n *Node) samples() []sample {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.look()
	var all []sample
	gauge := func(m *metric, value float64, labels ...string) {
		all = append(all, sample{m, prometheus.GaugeValue, value, labels})
	}
	alias := aliases(n.interfaces(), n.o.PHC)
	for _, p := range n.processes {
		process := p.kind.String()
		gauge(&processUp, number(p.state == Running), process, n.o.Name, p.config)
		all = append(all, sample{&processCount, prometheus.CounterValue, float64(p.starts), []string{process, n.o.Name, p.config}})
		for _, s := range p.clock.series {
			name := s.iface
			if a, found := alias[name]; found {
				name = a
			}
			gauge(&clockState, float64(s.state), process, n.o.Name, name)
			if s.measured {
				gauge(&offsetNs, float64(s.offset), s.from, process, n.o.Name, name)
				gauge(&maxOffsetNs, float64(s.max), s.from, process, n.o.Name, name)
				gauge(&frequency, float64(s.freq), s.from, process, n.o.Name, name)
				gauge(&delayNs, float64(s.delay), s.from, process, n.o.Name, name)
			}
		}
		for _, q := range p.clock.ports {
			gauge(&portRole, float64(q.role), process, n.o.Name, q.name)
		}
		if p.clock.class >= 0 {
			gauge(&clockClass, float64(p.clock.class), process, n.o.Name, p.config)
		}
		n.haSamples(p, gauge)
	}
	for _, c := range n.chosen {
		t := c.Profile.threshold()
		gauge(&threshold, float64(t.MinOffsetThreshold), "MinOffsetThreshold", n.o.Name, c.Profile.Name)
		gauge(&threshold, float64(t.MaxOffsetThreshold), "MaxOffsetThreshold", n.o.Name, c.Profile.Name)
		gauge(&threshold, float64(t.HoldOverTimeout), "HoldOverTimeout", n.o.Name, c.Profile.Name)
	}
	return all
}

// haSamples says which of the profiles that a phc2sys can choose from it has chosen.
func (n *Node) haSamples(p *process, gauge func(*metric, float64, ...string)) {
	if p.kind != linuxptp.Phc2sys || len(p.gates) < 2 {
		return
	}
	for _, profile := range p.gates {
		active := slices.ContainsFunc(n.processes, func(o *process) bool {
			return o.profile == profile && p.clock.active != "" && slices.Contains(o.ports, p.clock.active)
		})
		gauge(&haProfile, number(active), p.kind.String(), n.o.Name, n.short(profile))
	}
}

// short is the name of a profile as its PtpConfig has it.
func (n *Node) short(qualified string) string {
	for _, c := range n.chosen {
		if c.Name == qualified {
			return c.Profile.Name
		}
	}
	return qualified
}

// interfaces gives all ports of the node's PTP instances, each once.
func (n *Node) interfaces() []string {
	var all []string
	for _, p := range n.processes {
		for _, q := range p.ports {
			if !slices.Contains(all, q) {
				all = append(all, q)
			}
		}
	}
	return all
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
