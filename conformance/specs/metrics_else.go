package specs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/metrics"
	"github.com/ptplab/ptplab/conformance/sut"
)

// checkTellsNothingElse sees that each series of a node is of something that the node has: what is left of a profile that was taken
// away misleads whoever watches.
func checkTellsNothingElse(ctx context.Context, t *Test) error {
	nodes := map[string]string{} // to the folder of the configuration files
	for _, i := range receivers(t.Inventory) {
		if i.Config != "" {
			nodes[i.Node] = path.Dir(i.Config)
		}
	}
	if len(nodes) == 0 {
		return Skipped("the configuration files of the clocks cannot be read")
	}
	for _, node := range t.Inventory.Nodes {
		folder, ok := nodes[node]
		if !ok {
			continue
		}
		subject := "the metrics of " + node + " to be of its own ports, processes and profiles only"
		err := t.soon(ctx, subject, func(ctx context.Context) error { return t.tellsNothingElse(ctx, node, folder) })
		if err != nil {
			return lookAt(err, "the files "+folder+"/*.config on "+node, "curl localhost:9091/metrics on "+node)
		}
	}
	return nil
}

func (t *Test) tellsNothingElse(ctx context.Context, node, folder string) error {
	set, err := t.scrape(ctx, node)
	if err != nil {
		return err
	}
	files, err := t.configFiles(ctx, node, folder)
	if err != nil {
		return err
	}
	return owned{node, files}.check(set)
}

// owned is what a node has, by its configuration files.
type owned struct {
	node  string
	files []configFile
}

// check names every series of linuxptp's programs that is of nothing that the node has.
func (o owned) check(set metrics.Set) error {
	var faults []error
	for _, metric := range set.Names() {
		for _, s := range set.Series(metric) {
			if why := o.stray(metric, s); why != "" {
				faults = append(faults, fmt.Errorf("%s%s: %s", metric, metrics.LabelText(s.Labels), why))
			}
		}
	}
	return errors.Join(faults...)
}

// stray says why a series is not of this node; "" if it is.
func (o owned) stray(metric string, s metrics.Series) string {
	program, node := s.Labels["process"], s.Labels["node"]
	switch {
	case node != o.node:
		return fmt.Sprintf("this is node %s", o.node)
	case s.Labels["profile"] != "" && !o.hasProfile(s.Labels["profile"]):
		return "no program runs such a profile"
	case program != "ptp4l" && program != "phc2sys" && program != "ts2phc":
		return "" // what other programs call themselves and their ports is not known here
	case s.Labels["config"] != "" && !o.hasFile(program, s.Labels["config"]):
		return "there is no such configuration file"
	case program != "ptp4l" || s.Labels["iface"] == "":
		return ""
	case strings.HasSuffix(metric, "interface_role") && !slices.Contains(o.ports(), s.Labels["iface"]):
		return "no configuration file has such a port"
	case !o.hasPort(s.Labels["iface"]):
		return "no configuration file has such a port, by name or alias"
	}
	return ""
}

func (o owned) hasProfile(name string) bool {
	return slices.ContainsFunc(o.files, func(f configFile) bool { return isProfile(f.Profile, name) })
}

func (o owned) hasFile(program, name string) bool {
	return slices.ContainsFunc(o.files, func(f configFile) bool { return f.Name == name && strings.HasPrefix(name, program+".") })
}

func (o owned) ports() []string {
	var all []string
	for _, f := range o.files {
		if strings.HasPrefix(f.Name, "ptp4l.") {
			all = append(all, f.Text.Interfaces()...)
		}
	}
	return all
}

func (o owned) hasPort(iface string) bool {
	return slices.ContainsFunc(o.ports(), func(p string) bool { return p == iface || metrics.Alias(p) == iface })
}

// prometheusWithin is how long a metric may take to be in Prometheus, which scrapes twice a minute.
const prometheusWithin = 90 * time.Second

// checkPrometheus sees that each series of the clocks' nodes can be queried, with the same labels.
func checkPrometheus(ctx context.Context, t *Test) error {
	server, ok := sut.As[sut.Prometheus](t.System)
	if !ok {
		return Skipped("no Prometheus collects the metrics of this system")
	}
	var nodes []string
	for _, i := range receivers(t.Inventory) {
		if !slices.Contains(nodes, i.Node) {
			nodes = append(nodes, i.Node)
		}
	}
	for _, node := range nodes {
		subject := "every metric of " + node + " to be in Prometheus"
		_, err := t.until(ctx, subject, prometheusWithin, func(ctx context.Context) (bool, string, error) {
			err := t.inPrometheus(ctx, server, node)
			return err == nil, "", err
		})
		if err != nil {
			return lookAt(err, "the targets page of Prometheus", "the ServiceMonitor of the PTP daemons")
		}
	}
	return nil
}

// inPrometheus looks for each series of a scrape in Prometheus, which adds labels but changes none of these.
func (t *Test) inPrometheus(ctx context.Context, server sut.Prometheus, node string) error {
	set, err := t.scrape(ctx, node)
	if err != nil {
		return err
	}
	names := set.Names()
	if len(names) == 0 {
		return fmt.Errorf("%s has no metric %s*", node, metrics.Prefix)
	}
	var faults []error
	for _, name := range names {
		found, err := server.Query(ctx, fmt.Sprintf("%s{node=%q}", name, node))
		if err != nil {
			return fmt.Errorf("query %s: %w", name, err)
		}
		for _, s := range set.Series(name) {
			there := slices.ContainsFunc(found, func(q sut.Sampled) bool { return carries(q.Labels, s.Labels) })
			if s.Labels["node"] == node && !there {
				faults = append(faults, fmt.Errorf("Prometheus has no %s%s", name, metrics.LabelText(s.Labels)))
			}
		}
	}
	return errors.Join(faults...)
}

// carries says whether labels have all those wanted.
func carries(labels, wanted map[string]string) bool {
	for name, value := range wanted {
		if labels[name] != value {
			return false
		}
	}
	return true
}
