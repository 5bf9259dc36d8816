package system

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab"
	"github.com/ptplab/ptplab/lab/node"
	"github.com/ptplab/ptplab/lab/topology"
)

// fakeLab answers from what a test puts in.
type fakeLab struct {
	lines   []lab.LogLine
	now     time.Time
	outputs map[string]string // what exec prints, by node
	cable   topology.Cable
	truth   []lab.TrueError
	configs lab.Configs
	refused string // why the lab refuses the next object
	calls   []string
	extra   any // what an added operation returns
}

func (f *fakeLab) Configs(context.Context) (*lab.Configs, error) { return &f.configs, nil }

// Extra answers in the form that comes from a lab.
func (f *fakeLab) Extra(_ context.Context, name string, args, result any) error {
	f.calls = append(f.calls, name)
	text, err := json.Marshal(f.extra)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, result)
}

func (f *fakeLab) PutSecret(_ context.Context, s lab.Secret) error {
	if f.refused != "" {
		return &lab.RefusedError{Reason: f.refused}
	}
	f.calls = append(f.calls, fmt.Sprint("secret ", s.Name, " ", len(s.Data)))
	return nil
}

func (f *fakeLab) DeleteSecret(_ context.Context, name string) error {
	f.calls = append(f.calls, "delete secret "+name)
	return nil
}

func (f *fakeLab) Restart(_ context.Context, worker string) error {
	f.calls = append(f.calls, "restart "+worker)
	return nil
}

func (f *fakeLab) Ready(context.Context, string) (lab.Readiness, error) {
	return lab.Readiness{Why: "No processes have started"}, nil
}

func (f *fakeLab) Devices(context.Context, string) ([]lab.Device, error) {
	return []lab.Device{{Name: "ens1f0", PCI: "0000:1f:01.0", Vendor: "0x8086", Driver: "ice"}}, nil
}

func (f *fakeLab) Loads(context.Context, time.Duration) ([]lab.Load, error) {
	if f.refused != "" {
		return nil, &lab.UnavailableError{Reason: f.refused}
	}
	return []lab.Load{{Node: "w1", CPU: 0.0125}}, nil
}

func (f *fakeLab) PutConfig(_ context.Context, yaml []byte) error {
	if f.refused != "" {
		return &lab.RefusedError{Reason: f.refused}
	}
	f.configs.YAML = yaml
	return nil
}

func (f *fakeLab) DeleteConfig(_ context.Context, name string) error {
	f.calls = append(f.calls, "delete "+name)
	return nil
}

func (f *fakeLab) SetLabel(_ context.Context, worker, key string, present bool) error {
	f.calls = append(f.calls, fmt.Sprint("label ", worker, " ", key, " ", present))
	return nil
}

func (f *fakeLab) Logs(_ context.Context, args lab.LogsArgs, tell func(lab.LogLine)) error {
	for _, line := range f.lines {
		if line.Node == args.Node && !line.At.Before(args.Since) {
			tell(line)
		}
	}
	return nil
}

func (f *fakeLab) Run(_ context.Context, d time.Duration) (time.Time, error) {
	f.now = f.now.Add(d)
	return f.now, nil
}

func (f *fakeLab) Exec(_ context.Context, a lab.ExecArgs, stdout, stderr io.Writer) (int, error) {
	text, ok := f.outputs[a.Node]
	if !ok {
		io.WriteString(stderr, "grep: no such file\n")
		return 2, nil
	}
	_, err := io.WriteString(stdout, text)
	return 0, err
}

func (f *fakeLab) Metrics(context.Context, string) (string, error)               { return "metrics", nil }
func (f *fakeLab) Link(context.Context, topology.PortRef, bool) error            { return nil }
func (f *fakeLab) SetClock(context.Context, topology.PortRef, int64) error       { return nil }
func (f *fakeLab) Truth(context.Context, lab.TruthArgs) ([]lab.TrueError, error) { return f.truth, nil }
func (f *fakeLab) SetCable(_ context.Context, _ topology.PortRef, c topology.Cable) error {
	f.cable = c
	return nil
}

func plan(t *testing.T, name string) *topology.Plan {
	t.Helper()
	top, err := topology.Load("../../../topologies/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return topology.Expand(top, topology.Base{})
}

// objectsOf are the objects that a lab of the topology has at first.
func objectsOf(t *testing.T, p *topology.Plan) []byte {
	t.Helper()
	var all []byte
	for _, o := range node.PtpConfigs(p) {
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, "---\n"...), text...)
	}
	return all
}

// atFirst is the inventory of a lab whose objects nobody has changed, without configuration files.
func atFirst(t *testing.T, name string) sut.Inventory {
	t.Helper()
	p := plan(t, name)
	objects, err := ptpconfig.Parse(objectsOf(t, p))
	if err != nil {
		t.Fatal(err)
	}
	inv, err := inventoryOf(p, objects, nil)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// chains is the whole tree of a plan's instances, "oc1<sw1-1501<bc1<sw1-1500<gm".
func chains(inv sut.Inventory) []string {
	var all []string
	for _, i := range inv.Instances {
		for _, chain := range inv.Chains(i) {
			var names []string
			for _, c := range chain {
				names = append(names, c.Name)
			}
			all = append(all, strings.Join(names, "<"))
		}
	}
	return all
}

func TestInventory(t *testing.T) {
	for name, want := range map[string][]string{
		"dnbc": {
			"bc1<sw1-1500<gm", "bc2<sw1-1500<gm", "gm", "oc1<sw1-1501<bc1<sw1-1500<gm", "oc2<sw1-1502<bc2<sw1-1500<gm",
			"sw1-1500<gm", "sw1-1501<bc1<sw1-1500<gm", "sw1-1502<bc2<sw1-1500<gm",
		},
		"oc": {"oc1<gm", "gm"},
	} {
		inv := atFirst(t, name)
		if err := inv.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, chains(inv)); diff != "" {
			t.Errorf("chains of %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestEveryTopologyGivesAnInventory(t *testing.T) {
	for _, name := range []string{"oc", "bc", "bc-slaves", "dnbc", "dnbc-ha", "dual-follower", "external-gm", "single-node"} {
		inv := atFirst(t, name)
		if err := inv.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, i := range inv.Instances {
			if i.IsReceiver() && len(inv.Chains(i)) == 0 {
				t.Errorf("%s: no way from %s to a grandmaster", name, i)
			}
		}
	}
}

func TestConfigs(t *testing.T) {
	f := &fakeLab{outputs: map[string]string{
		"w1":  "/var/run/ptp4l.0.config:#profile: bc1\n/var/run/ptp4l.1.config:#profile: bc2\n/var/run/phc2sys.0.config:#profile: bc1\n",
		"w2":  "/var/run/ptp4l.3.config:#profile: gm\n",
		"w3":  "/var/run/ptp4l.0.config:#profile: oc2\n/var/run/ptp4l.1.config:#profile: oc1\n",
		"sw1": "/var/run/ptp4l.0.config:#profile: v1500\n/var/run/ptp4l.1.config:#profile: v1501\n/var/run/ptp4l.2.config:#profile: v1502\n",
	}}
	f.configs.YAML = objectsOf(t, plan(t, "dnbc"))
	inv, err := New(f, plan(t, "dnbc")).Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, i := range inv.Instances {
		got[i.Name] = strings.TrimSuffix(strings.TrimPrefix(i.Config, "/var/run/ptp4l."), ".config")
	}
	want := map[string]string{"bc1": "0", "bc2": "1", "gm": "3", "oc1": "1", "oc2": "0", "sw1-1500": "0", "sw1-1501": "1", "sw1-1502": "2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	delete(f.outputs, "w2")
	if _, err := New(f, plan(t, "dnbc")).Inventory(t.Context()); err == nil || !strings.Contains(err.Error(), "profile gm") {
		t.Errorf("without the grandmaster's configuration: %v", err)
	}
}

func TestAsymmetryDelaysOneDirectionOnly(t *testing.T) {
	p := plan(t, "dnbc")
	for _, c := range p.Cables {
		for _, from := range []topology.PortRef{c.A, c.B} {
			for _, ns := range []int64{10_000, -40, 0} {
				f := &fakeLab{}
				err := New(f, p).SetAsymmetry(t.Context(), sut.PortRef{Node: from.Owner, Interface: from.Port}, ns)
				if err != nil {
					t.Fatal(err)
				}
				ab, ba := f.cable.DirectionsNs()
				wantAB, wantBA := c.DirectionsNs()
				if from == c.A {
					wantAB += ns
				} else {
					wantBA += ns
				}
				if ab != wantAB || ba != wantBA {
					t.Errorf("%d ns from %s: %d and %d ns, want %d and %d", ns, from, ab, ba, wantAB, wantBA)
				}
			}
		}
	}
	if err := New(&fakeLab{}, p).SetAsymmetry(t.Context(), sut.PortRef{Node: "w1", Interface: "none"}, 1); err == nil {
		t.Error("a port without a cable was accepted")
	}
}

func TestTrueError(t *testing.T) {
	a, b := sut.PortRef{Node: "w1", Interface: "ens1f0"}, sut.PortRef{Node: "w2", Interface: "ens2f0"}
	f := &fakeLab{truth: []lab.TrueError{{Port: ref(a), Samples: []int64{1, -2}}, {Port: ref(b), Samples: []int64{3, 4}}}}
	got, err := New(f, nil).TrueError(t.Context(), []sut.PortRef{a, b}, time.Second, time.Second)
	want := []sut.Series{
		{Port: a, Samples: []sut.Sample{{At: 0, ErrorNs: 1}, {At: time.Second, ErrorNs: -2}}},
		{Port: b, Samples: []sut.Sample{{At: 0, ErrorNs: 3}, {At: time.Second, ErrorNs: 4}}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := New(f, nil).TrueError(t.Context(), []sut.PortRef{b, a}, time.Second, time.Second); err == nil {
		t.Error("series of the wrong ports were accepted")
	}
}

func TestTime(t *testing.T) {
	f := &fakeLab{now: time.Unix(100, 0)}
	s := New(f, nil)
	before, err1 := s.Now(t.Context())
	err2 := s.Sleep(t.Context(), time.Minute)
	after, err3 := s.Now(t.Context())
	if err := errors.Join(err1, err2, err3); err != nil || after.Sub(before) != time.Minute {
		t.Errorf("%v passed, %v", after.Sub(before), err)
	}
}
