package arrange_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/arrange"
	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/solver"
	"github.com/ptplab/ptplab/conformance/sut"
)

// target is a system that only has PtpConfigs, labels and cables.
type target struct {
	sut.System
	now     time.Time
	graph   *l2.Graph
	objects map[string]ptpconfig.PtpConfig
	labels  map[string]map[string]bool // node, key
	deaf    bool                       // nothing that is applied ever runs
	refuse  string                     // name of an object that is turned down
	log     []string
}

func (t *target) Now(context.Context) (time.Time, error) { return t.now, nil }

func (t *target) Sleep(ctx context.Context, d time.Duration) error {
	t.now = t.now.Add(d)
	return ctx.Err()
}

func (t *target) Discover(context.Context, l2.Request) (*l2.Graph, error) {
	t.log = append(t.log, fmt.Sprintf("discover with %d objects", len(t.objects)))
	return t.graph, nil
}

func (t *target) Configs(context.Context) ([]ptpconfig.PtpConfig, error) {
	var all []ptpconfig.PtpConfig
	for _, name := range slices.Sorted(maps.Keys(t.objects)) {
		all = append(all, t.objects[name])
	}
	return all, nil
}

func (t *target) PutConfig(_ context.Context, o ptpconfig.PtpConfig) error {
	if o.Metadata.Name == t.refuse {
		return &sut.RefusedError{Object: "PtpConfig " + t.refuse, Reason: "not today"}
	}
	t.objects[o.Metadata.Name] = o
	return nil
}

func (t *target) DeleteConfig(_ context.Context, name string) error {
	delete(t.objects, name)
	return nil
}

func (t *target) Labels(_ context.Context, node string) ([]string, error) {
	return slices.Sorted(maps.Keys(t.labels[node])), nil
}

func (t *target) SetLabel(_ context.Context, node, key string, present bool) error {
	if present {
		t.labels[node][key] = true
	} else {
		delete(t.labels[node], key)
	}
	return nil
}

// Inventory has an instance for each profile that applies to a node.
func (t *target) Inventory(ctx context.Context) (sut.Inventory, error) {
	var inv sut.Inventory
	if t.deaf {
		return inv, errors.New("nothing runs")
	}
	all, _ := t.Configs(ctx)
	for node := range t.labels {
		labels, _ := t.Labels(ctx, node)
		for _, o := range ptpconfig.ForNode(all, node, labels) {
			inv.Instances = append(inv.Instances, sut.Instance{Name: o.Metadata.Name, Object: o.Metadata.Name, Node: node, Config: "/var/run/ptp4l.0.config"})
		}
	}
	return inv, nil
}

// snapshot is all that the suite could leave behind.
func (t *target) snapshot() string {
	objects, _ := t.Configs(context.Background())
	text, _ := ptpconfig.YAML(objects...)
	return fmt.Sprintf("%s\n%v", text, t.labels)
}

// dnbc is the network of topologies/dnbc.yaml.
func dnbc() *target {
	t := &target{now: time.Unix(1_700_000_000, 0), objects: map[string]ptpconfig.PtpConfig{}, labels: map[string]map[string]bool{}, graph: &l2.Graph{}}
	for _, p := range []struct {
		node, port string
		nic, lan   int
	}{
		{"w1", "ens1f0", 1, 1}, {"w1", "ens1f1", 1, 2}, {"w1", "ens2f0", 2, 2}, {"w1", "ens2f1", 2, 3},
		{"w2", "ens3f0", 3, 2}, {"w2", "ens3f1", 3, 2},
		{"w3", "ens4f0", 4, 1}, {"w3", "ens5f0", 5, 3}, {"w3", "ens6f0", 6, 3},
	} {
		t.graph.Ports = append(t.graph.Ports, l2.Port{Node: p.node, Interface: p.port, PTP: l2.Yes, Link: l2.Yes, NIC: p.nic, LAN: p.lan})
	}
	t.graph.Nodes = []string{"w1", "w2", "w3"}
	for _, node := range t.graph.Nodes {
		t.labels[node] = map[string]bool{"kubernetes.io/os": true}
	}
	return t
}

// own is an object that ptplab has made for a node.
func own(name, node string) ptpconfig.PtpConfig {
	opts := "-2"
	return ptpconfig.PtpConfig{
		APIVersion: ptpconfig.APIVersion, Kind: ptpconfig.Kind,
		Metadata: ptpconfig.Metadata{Name: name, Labels: map[string]string{arrange.ManagedBy: arrange.ManagedByValue}},
		Spec: ptpconfig.Spec{
			Profile:   []ptpconfig.Profile{{Name: name, Ptp4lOpts: &opts}},
			Recommend: []ptpconfig.Recommend{{Profile: name, Priority: 5, Match: []ptpconfig.Match{{NodeName: node}}}},
		},
	}
}

func TestArrangeAndUndo(t *testing.T) {
	for mode, want := range map[ptpconfig.Mode][]string{
		ptpconfig.OC:           {"test-grandmaster", "test-slave1"},
		ptpconfig.DualFollower: {"test-grandmaster", "test-slave1"},
		ptpconfig.BC:           {"test-bc-master1", "test-grandmaster", "test-slave1"},
		ptpconfig.DualNICBC:    {"test-bc-master1", "test-bc-master2", "test-grandmaster", "test-slave1", "test-slave2"},
		ptpconfig.DualNICBCHA:  {"test-bc-master1", "test-bc-master2", "test-dual-nic-bc-ha", "test-grandmaster", "test-slave1", "test-slave2"},
	} {
		system := dnbc()
		system.objects["lab-clock"] = own("lab-clock", "w2")
		system.labels["w3"][ptpconfig.LabelUnderTest] = true // left by somebody
		before := system.snapshot()
		a, err := arrange.Arrange(context.Background(), system, arrange.Options{Mode: mode})
		if err != nil {
			t.Errorf("%s: %v", mode, err)
			continue
		}
		if got := slices.Sorted(maps.Keys(system.objects)); !slices.Equal(got, want) {
			t.Errorf("%s: objects %v, want %v", mode, got, want)
		}
		var marked []string
		for node, labels := range system.labels {
			if labels[ptpconfig.LabelUnderTest] {
				marked = append(marked, node)
			}
		}
		if len(marked) != 1 {
			t.Errorf("%s: %v are under test", mode, marked)
		}
		if !slices.Equal(system.log, []string{"discover with 0 objects"}) {
			t.Errorf("%s: own clocks disturb the discovery: %v", mode, system.log)
		}
		if err := a.Undo(context.Background()); err != nil {
			t.Errorf("%s: undo: %v", mode, err)
		}
		if diff := cmp.Diff(before, system.snapshot()); diff != "" {
			t.Errorf("%s is not undone (-before +after):\n%s", mode, diff)
		}
	}
}

// TestFailuresLeaveNothing breaks every step and compares the system before and after.
func TestFailuresLeaveNothing(t *testing.T) {
	stop, cancel := context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		ctx   context.Context
		spoil func(*target)
		mode  ptpconfig.Mode
		want  string
	}{
		"no PTP ports": {spoil: func(s *target) { s.graph.Ports = nil }, mode: ptpconfig.OC, want: "none of the nodes w1, w2, w3 has a port with hardware time stamps"},
		"cabling": {spoil: func(s *target) {
			for i := range s.graph.Ports {
				s.graph.Ports[i].LAN = i + 1
			}
		}, mode: ptpconfig.OC, want: "the cabling does not give mode OC: "},
		"foreign object": {spoil: func(s *target) {
			foreign := own("theirs", "w1")
			foreign.Metadata.Labels = nil
			s.objects["theirs"] = foreign
		}, mode: ptpconfig.DualNICBC, want: "PtpConfig theirs also applies to node w1, and is not the suite's to take away"},
		"webhook":       {spoil: func(s *target) { s.refuse = "test-slave1" }, mode: ptpconfig.OC, want: "PtpConfig test-slave1 was refused: not today"},
		"nothing runs":  {spoil: func(s *target) { s.deaf = true }, mode: ptpconfig.OC, want: "the profiles of mode OC to run"},
		"interrupted":   {ctx: stop, spoil: func(s *target) { s.deaf = true }, mode: ptpconfig.OC, want: "context canceled"},
		"no generation": {spoil: func(*target) {}, mode: ptpconfig.TBC, want: "mode TBC has no specs yet"},
	} {
		system := dnbc()
		system.objects["lab-clock"] = own("lab-clock", "w2")
		c.spoil(system)
		before := system.snapshot()
		if c.ctx == nil {
			c.ctx = context.Background()
		}
		_, err := arrange.Arrange(c.ctx, system, arrange.Options{Mode: c.mode})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if diff := cmp.Diff(before, system.snapshot()); diff != "" {
			t.Errorf("%s leaves something (-before +after):\n%s", name, diff)
		}
	}
}

func TestUnsolvableIsFound(t *testing.T) {
	system := dnbc()
	system.graph.Ports = system.graph.Ports[4:] // without the node with two cards on different LANs
	_, err := arrange.Arrange(context.Background(), system, arrange.Options{Mode: ptpconfig.BC})
	var unsolvable *solver.Unsolvable
	if !errors.As(err, &unsolvable) || unsolvable.Needs == "" {
		t.Errorf("no explanation in %v", err)
	}
}

// TestExternal takes a grandmaster outside the system, but not a boundary clock that has none.
func TestExternal(t *testing.T) {
	for class, want := range map[uint8]bool{6: true, 248: false} {
		system := dnbc()
		for i := range system.graph.Ports {
			if system.graph.Ports[i].LAN == 2 {
				system.graph.Ports[i].Outside = []string{"00:11:22:33:44:55"}
				system.graph.Ports[i].Announces = []l2.Clock{{Domain: 24, Class: class, Grandmaster: "001122.fffe.334455"}}
			}
		}
		_, err := arrange.Arrange(context.Background(), system, arrange.Options{Mode: ptpconfig.OC, Generate: ptpconfig.Options{ExternalGrandmaster: true}})
		if (err == nil) != want {
			t.Errorf("grandmaster of class %d: %v", class, err)
		}
		if want && system.objects[ptpconfig.NameGrandmaster].Kind != "" {
			t.Error("a grandmaster was configured although there is one outside")
		}
	}
}
