package specs

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance/fake"
	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
)

// collected is a system whose metrics a Prometheus server has, but for one, or under another pod.
type collected struct {
	*fake.World
	without string // the metric that it has not
	node    string // the label that it has in place of the node's
}

// Query answers `NAME{node="NODE"}`.
func (c collected) Query(ctx context.Context, query string) ([]sut.Sampled, error) {
	name, rest, _ := strings.Cut(query, "{")
	node := strings.TrimSuffix(strings.TrimPrefix(rest, `node="`), `"}`)
	text, err := c.Metrics(ctx, node)
	if err != nil || name == c.without {
		return nil, err
	}
	set, err := metrics.Parse(text)
	if err != nil {
		return nil, err
	}
	var all []sut.Sampled
	for _, s := range set.Series(name) {
		labels := map[string]string{"__name__": name, "pod": "linuxptp-daemon-x", "job": "ptp"}
		for k, v := range s.Labels {
			labels[k] = v
		}
		if c.node != "" {
			labels["node"] = c.node
		}
		all = append(all, sut.Sampled{Labels: labels, Value: s.Value})
	}
	return all, nil
}

func TestPrometheusHasEveryMetric(t *testing.T) {
	inv := fake.OC()
	for _, c := range []struct{ without, node, want string }{
		{"", "", ""},
		{"openshift_ptp_offset_ns", "", "Prometheus has no openshift_ptp_offset_ns{"},
		{"", "exporter", "Prometheus has no openshift_ptp_clock_state{"},
	} {
		system := collected{fake.New(inv), c.without, c.node}
		if err := system.Sleep(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		err := checkPrometheus(t.Context(), &Test{System: system, Inventory: inv, Settings: DefaultSettings()})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("without %q, node %q: %v, want %q", c.without, c.node, err, c.want)
		}
	}
}
