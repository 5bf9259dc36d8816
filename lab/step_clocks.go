package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"reflect"
	"slices"

	"github.com/ptplab/ptplab/lab/node"
	"github.com/ptplab/ptplab/lab/topology"
)

// clocksStep is the PTP instances: the switches' boundary clocks, the external grandmasters and what the PtpConfig
// objects ask of the workers. Each owner is a node that looks after its own processes.
type clocksStep struct{ part }

func (s *clocksStep) Name() string { return "clocks" }
func (s *clocksStep) size() State  { return State{Want: len(own(s.plan))} }

func (s *clocksStep) Observe(context.Context) (State, error) {
	untouched, err := s.world.untouched(s.plan)
	if err != nil {
		return State{}, err
	}
	return count(own(s.plan), func(o string) (bool, error) {
		s.world.mu.Lock()
		n := s.world.nodes[o]
		s.world.mu.Unlock()
		if n == nil || slices.Contains(s.plan.Workers, o) && !untouched {
			return false, nil
		}
		return reflect.DeepEqual(applied(n), asked(configsOf(s.plan, o))), nil
	})
}

// applied are the profiles that a node runs, by qualified name. What dies of them, the node starts again.
func applied(n *node.Node) map[string]node.Profile {
	all := map[string]node.Profile{}
	for _, c := range n.Profiles() {
		all[c.Name] = c.Profile
	}
	return all
}

// asked are the profiles of PtpConfig objects, by qualified name.
func asked(configs []node.PtpConfig) map[string]node.Profile {
	all := map[string]node.Profile{}
	for _, c := range configs {
		for _, p := range c.Spec.Profile {
			all[c.Metadata.Name+"_"+p.Name] = p
		}
	}
	return all
}

// Apply brings back the objects of the topology, without labels and secrets, and makes all owners run what is theirs.
func (s *clocksStep) Apply(ctx context.Context) error {
	w := s.world
	w.configuring.Lock()
	defer w.configuring.Unlock()
	configs, err := topologyConfigs(s.plan)
	if err != nil {
		return err
	}
	w.setConfigs(configs)
	if err := w.dropSecrets(); err != nil {
		return err
	}
	steers := configs.steersSystemClock(s.plan.Workers)
	return each(ctx, &s.part, own(s.plan), func(ctx context.Context, owner string) error {
		n, err := w.makeNode(s.plan, owner)
		if err != nil {
			return err
		}
		if !slices.Contains(s.plan.Workers, owner) {
			return n.Apply(ctx, configsOf(s.plan, owner))
		}
		if err := w.openEndpoints(owner, n.Handler()); err != nil {
			return err
		}
		return configs.configure(ctx, n, owner, steers)
	})
}

func (s *clocksStep) Remove(ctx context.Context) error {
	w := s.world
	w.mu.Lock()
	nodes := maps.Clone(w.nodes)
	w.mu.Unlock()
	var faults []error
	for _, owner := range slices.Sorted(maps.Keys(nodes)) {
		w.closeMailboxes(owner)
		if err := errors.Join(w.closeEndpoints(owner), nodes[owner].Stop(ctx)); err != nil {
			faults = append(faults, fmt.Errorf("stop the clocks of %s: %w", owner, err))
			continue
		}
		w.mu.Lock()
		delete(w.nodes, owner)
		w.mu.Unlock()
	}
	w.setConfigs(configs{})
	return errors.Join(faults...)
}

// makeNode is the node of an owner; a new one runs nothing.
func (w *World) makeNode(plan *topology.Plan, owner string) (*node.Node, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := w.nodes[owner]; n != nil {
		return n, nil
	}
	n, err := w.newNode(plan, owner)
	if err == nil {
		w.nodes[owner] = n
	}
	return n, err
}

// newNode is a node for an owner.
func (w *World) newNode(plan *topology.Plan, owner string) (*node.Node, error) {
	place := w.place(owner)
	return node.New(node.Options{
		Name:      owner,
		Enter:     w.alignedCommand(place),
		RunDir:    place.runDir(),
		SecretDir: place.secretDir(),
		Log:       w.Log,
		PHC:       func(iface string) string { return nicOf(plan, owner, iface) },
		LogBytes:  logBytes,
	})
}

// logBytes bounds the log file of each process. The files are in the guest's memory: a hundred workers must fit.
const logBytes = 1 << 20

// alignedCommand is a command in a place that starts at an instant of the grid.
func (w *World) alignedCommand(p place) func(argv []string) *exec.Cmd {
	return func(argv []string) *exec.Cmd {
		if err := w.align(); err != nil {
			w.Log.Warn("a program starts at no instant of the grid", "program", argv[0], "error", err)
		}
		return p.command(argv)
	}
}

// configsOf are the PtpConfig objects of an owner.
func configsOf(plan *topology.Plan, owner string) []node.PtpConfig {
	if sw := plan.SwitchByName(owner); sw != nil {
		return node.SwitchConfigs(*sw)
	}
	for _, g := range plan.Grandmasters {
		if g.Name == owner {
			return []node.PtpConfig{node.GrandmasterConfig(g)}
		}
	}
	own := *plan // all workers' objects for each worker would make the cost of up grow with their square
	own.Clocks = plan.ClocksOn(owner)
	return node.PtpConfigs(&own)
}

// nicOf is the NIC of an interface, which stands for its hardware clock.
func nicOf(plan *topology.Plan, owner, iface string) string {
	if nic, _ := plan.PortByRef(topology.PortRef{Owner: owner, Port: iface}); nic != nil {
		return nic.Name
	}
	return iface
}
