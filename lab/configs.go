package lab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/node"
	"github.com/ptplab/ptplab/lab/topology"
)

// configs are the PtpConfig objects for the workers, and the labels that recommendations may match. They are never
// changed, only replaced.
type configs struct {
	objects []config                     // sorted by name
	labels  map[string]map[string]string // by worker
}

// config is a PtpConfig object with the text that it came in, which may say more than the lab reads of it.
type config struct {
	node.PtpConfig
	text []byte
}

// topologyConfigs are the objects that a topology asks for. No worker has a label.
func topologyConfigs(plan *topology.Plan) (configs, error) {
	var c configs
	for _, o := range node.PtpConfigs(plan) {
		text, err := yaml.Marshal(o)
		if err != nil {
			return c, fmt.Errorf("write PtpConfig %s: %w", o.Metadata.Name, err)
		}
		c.objects = append(c.objects, config{o, text})
	}
	slices.SortStableFunc(c.objects, compareConfigs)
	return c, nil
}

func compareConfigs(a, b config) int { return cmp.Compare(a.Metadata.Name, b.Metadata.Name) }

// parseConfigs reads objects from YAML. Of several with one name the last counts, as if they were applied in turn.
func parseConfigs(text []byte) ([]config, error) {
	objects, err := node.Parse(text)
	if err != nil {
		return nil, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var all []config
	for i := range objects {
		var tree yaml.Node
		if err := decoder.Decode(&tree); err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		own, err := yaml.Marshal(&tree)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		all = put(all, config{objects[i], own})
	}
	return all, nil
}

// put gives the objects with one more, which replaces the one of its name.
func put(objects []config, one config) []config {
	objects = without(objects, one.Metadata.Name)
	at, _ := slices.BinarySearchFunc(objects, one, compareConfigs)
	return slices.Insert(objects, at, one)
}

// without gives the objects without the one of a name, and leaves the argument alone.
func without(objects []config, name string) []config {
	return slices.DeleteFunc(slices.Clone(objects), func(c config) bool { return c.Metadata.Name == name })
}

// withLabel gives the configs with a label of a worker put on or taken away.
func (c configs) withLabel(worker, key string, present bool) configs {
	own := maps.Clone(c.labels[worker])
	if present {
		if own == nil {
			own = map[string]string{}
		}
		own[key] = ""
	} else {
		delete(own, key)
	}
	c.labels = maps.Clone(c.labels)
	if c.labels == nil {
		c.labels = map[string]map[string]string{}
	}
	c.labels[worker] = own
	return c
}

// of are the objects that mean something to a worker. All objects for each worker would make the cost of up grow with
// the square of the workers.
func (c configs) of(worker string) []node.PtpConfig {
	return node.Recommended(c.all(), worker, c.labels[worker])
}

// all are the objects without their texts.
func (c configs) all() []node.PtpConfig {
	var all []node.PtpConfig
	for _, o := range c.objects {
		all = append(all, o.PtpConfig)
	}
	return all
}

// steersSystemClock is the one worker whose phc2sys may steer the kernel's CLOCK_REALTIME, which all workers share.
func (c configs) steersSystemClock(workers []string) string {
	return node.SystemClockNode(c.all(), workers, c.labels)
}

// isOf says whether the configs are just those that a topology asks for.
func (c configs) isOf(plan *topology.Plan) (bool, error) {
	asked, err := topologyConfigs(plan)
	if err != nil {
		return false, err
	}
	labelled := slices.ContainsFunc(slices.Collect(maps.Values(c.labels)), func(own map[string]string) bool { return len(own) > 0 })
	same := slices.EqualFunc(c.objects, asked.objects, func(a, b config) bool { return reflect.DeepEqual(a.PtpConfig, b.PtpConfig) })
	return same && !labelled, nil
}

// untouched says whether nobody has changed what the topology gives the workers.
func (w *World) untouched(plan *topology.Plan) (bool, error) {
	secrets, err := w.secrets()
	if err != nil || len(secrets) > 0 {
		return false, err
	}
	return w.configured().isOf(plan)
}

// yaml is the text of all objects, a document each.
func (c configs) yaml() []byte {
	var text bytes.Buffer
	for _, o := range c.objects {
		io.WriteString(&text, "---\n")
		text.Write(o.text)
	}
	return text.Bytes()
}

// configured are the configs that apply now.
func (w *World) configured() configs {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.configs
}

// configure replaces the configs by what change makes of them, and lets every worker run what they now recommend for it.
// Processes for which nothing changes keep running. A change that fails changes nothing.
func (w *World) configure(ctx context.Context, change func(configs) (configs, error)) error {
	plan, err := w.current()
	if err != nil {
		return err
	}
	w.configuring.Lock()
	defer w.configuring.Unlock()
	changed, err := change(w.configured())
	if err != nil {
		return err
	}
	w.setConfigs(changed)
	return w.spread(ctx, plan, changed)
}

func (w *World) setConfigs(c configs) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.configs = c
}

// spread lets every worker run what the configs recommend for it. Who steers CLOCK_REALTIME comes last, when nobody else
// does any more.
func (w *World) spread(ctx context.Context, plan *topology.Plan, c configs) error {
	steers := c.steersSystemClock(plan.Workers)
	workers := slices.Clone(plan.Workers)
	slices.SortStableFunc(workers, func(a, b string) int {
		switch {
		case a == steers:
			return 1
		case b == steers:
			return -1
		}
		return 0
	})
	var faults []error
	for _, worker := range workers {
		n, err := w.node(worker)
		if err != nil {
			return err
		}
		if err := c.configure(ctx, n, worker, steers); err != nil {
			faults = append(faults, fmt.Errorf("apply to %s: %w", worker, err))
		}
	}
	return errors.Join(faults...)
}

// configure makes a worker's node run what the configs recommend for it.
func (c configs) configure(ctx context.Context, n *node.Node, worker, steers string) error {
	n.SetLabels(c.labels[worker])
	n.SetSystemClock(worker == steers)
	return n.Apply(ctx, c.of(worker))
}

// listConfigs tells the objects and labels that apply now.
func (w *World) listConfigs() (*Configs, error) {
	plan, err := w.current()
	if err != nil {
		return nil, err
	}
	c := w.configured()
	list := &Configs{YAML: c.yaml(), Labels: map[string][]string{}}
	for _, worker := range plan.Workers {
		list.Labels[worker] = slices.Sorted(maps.Keys(c.labels[worker]))
	}
	return list, nil
}

// putConfig adds PtpConfig objects to those of the workers, or replaces those of the same name.
func (w *World) putConfig(ctx context.Context, _ *agent.Request, args ApplyArgs) (any, error) {
	objects, err := parseConfigs(args.YAML)
	if err != nil {
		return nil, agent.Errorf(refused, "%v", err)
	}
	return nil, w.configure(ctx, func(c configs) (configs, error) {
		for _, o := range objects {
			c.objects = put(c.objects, o)
		}
		return c, w.checkSecrets(objects, refused)
	})
}

// deleteConfig deletes a PtpConfig object of the workers, if it is there.
func (w *World) deleteConfig(ctx context.Context, _ *agent.Request, args NameArgs) (any, error) {
	return nil, w.configure(ctx, func(c configs) (configs, error) {
		c.objects = without(c.objects, args.Name)
		return c, nil
	})
}

// label puts a label on a worker, or takes it away.
func (w *World) label(ctx context.Context, _ *agent.Request, args LabelArgs) (any, error) {
	plan, err := w.current()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(plan.Workers, args.Node) {
		return nil, agent.Errorf("usage", "there is no worker %s in lab %s; there is %v", args.Node, w.Lab, plan.Workers)
	}
	if args.Key == "" {
		return nil, agent.Errorf("usage", "a label of %s needs a key", args.Node)
	}
	return nil, w.configure(ctx, func(c configs) (configs, error) { return c.withLabel(args.Node, args.Key, args.Present), nil })
}

// apply replaces the PtpConfig objects of all workers. Their labels stay.
func (w *World) apply(ctx context.Context, _ *agent.Request, args ApplyArgs) (any, error) {
	objects, err := parseConfigs(args.YAML)
	if err != nil {
		return nil, agent.Errorf("usage", "%v", err)
	}
	return nil, w.configure(ctx, func(c configs) (configs, error) {
		c.objects = objects
		return c, w.checkSecrets(objects, "usage")
	})
}
