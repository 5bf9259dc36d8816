package arrange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

// The label of objects that may be taken away because ptplab made them.
const (
	ManagedBy      = "app.kubernetes.io/managed-by"
	ManagedByValue = "ptplab"
)

// Options say what to arrange.
type Options struct {
	Mode     ptpconfig.Mode
	Generate ptpconfig.Options
	Skip     []string                         // interfaces to leave alone
	Deadline time.Duration                    // for the profiles to run, in the system's time; 0: 2 minutes
	Progress func(format string, args ...any) // told what is being done; nil for nobody
}

// Arrangement is a mode that a system was brought into, and the way back.
type Arrangement struct {
	Choice
	Objects []ptpconfig.PtpConfig
	Labels  []ptpconfig.Label

	undo []step // to be made in reverse
}

type step struct {
	what string
	do   func(context.Context) error
}

// Arrange brings a system into a mode. When it fails, everything is as it was before; what could not be put back is in the
// error.
func Arrange(ctx context.Context, system sut.System, o Options) (*Arrangement, error) {
	a := &Arrangement{}
	if err := a.arrange(ctx, system, o); err != nil {
		return nil, errors.Join(err, a.Undo(context.WithoutCancel(ctx)))
	}
	return a, nil
}

func (a *Arrangement) arrange(ctx context.Context, system sut.System, o Options) error {
	if o.Progress == nil {
		o.Progress = func(string, ...any) {}
	}
	configurer, ok := sut.As[sut.Configurer](system)
	if !ok {
		return fmt.Errorf("mode %s: the PtpConfigs of this system cannot be changed; use mode Discovery", o.Mode)
	}
	before, err := configurer.Configs(ctx)
	if err != nil {
		return err
	}
	if err := a.clear(ctx, configurer, before, o); err != nil {
		return err
	}
	if len(a.undo) > 0 && o.Generate.ExternalGrandmaster {
		// The boundary clocks of the network go on to announce the grandmaster that they had by the clocks taken away.
		o.Progress("wait until the network has forgotten them")
		if err := system.Sleep(ctx, forgetTime); err != nil {
			return err
		}
	}
	graph, err := Discover(ctx, system, o)
	if err != nil {
		return err
	}
	choice, err := Choose(ctx, graph, o.Mode, o.Generate.ExternalGrandmaster)
	if err != nil {
		return err
	}
	a.Choice = *choice
	o.Progress("chose %s", choice.Solution)
	return a.configure(ctx, system, configurer, before, o)
}

// Discover finds out how the ports of a system are cabled.
func Discover(ctx context.Context, system sut.System, o Options) (*l2.Graph, error) {
	discoverer, ok := sut.As[l2.Discoverer](system)
	if !ok {
		return nil, errors.New("this system cannot tell how its ports are cabled")
	}
	if o.Progress != nil {
		o.Progress("discover how the ports are cabled")
	}
	request := l2.Request{Skip: l2.Skip(o.Skip)}
	if o.Generate.ExternalGrandmaster {
		request.Listen = listenForAnnounce
	}
	graph, err := discoverer.Discover(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("discover how the ports are cabled: %w", err)
	}
	if len(graph.PTPPorts()) == 0 {
		return nil, &NoPortsError{Nodes: graph.Nodes}
	}
	return graph, nil
}

// forgetTime is longer than several boundary clocks, one behind the other, take to notice that Announce messages stay away:
// each three to six intervals of at most 1 s.
const forgetTime = 15 * time.Second

// listenForAnnounce is long enough to hear every grandmaster: profiles announce at least every 2 s.
const listenForAnnounce = 5 * time.Second

// NoPortsError says that a system has no port with a PTP hardware clock.
type NoPortsError struct{ Nodes []string }

// Error is one sentence.
func (e *NoPortsError) Error() string {
	return fmt.Sprintf("none of the nodes %s has a port with hardware time stamps (ethtool -T) that may be used; look at the cards, or at the interfaces to skip", strings.Join(e.Nodes, ", "))
}

// clear takes away the objects that ptplab has made, now or once, so that their clocks do not disturb.
func (a *Arrangement) clear(ctx context.Context, c sut.Configurer, objects []ptpconfig.PtpConfig, o Options) error {
	for _, object := range objects {
		if !ours(object) {
			continue
		}
		o.Progress("take PtpConfig %s away for now", object.Metadata.Name)
		a.later("put PtpConfig "+object.Metadata.Name+" back", func(ctx context.Context) error { return c.PutConfig(ctx, object) })
		if err := c.DeleteConfig(ctx, object.Metadata.Name); err != nil {
			return fmt.Errorf("delete PtpConfig %s: %w", object.Metadata.Name, err)
		}
	}
	return nil
}

// ours says whether an object may be taken away.
func ours(object ptpconfig.PtpConfig) bool {
	generated := []string{ptpconfig.NameGrandmaster, ptpconfig.NameSlave1, ptpconfig.NameSlave2, ptpconfig.NameBC1, ptpconfig.NameBC2, ptpconfig.NameHA}
	return object.Metadata.Labels[ManagedBy] == ManagedByValue || slices.Contains(generated, object.Metadata.Name)
}

// configure writes secret, labels and objects, and waits until they run.
func (a *Arrangement) configure(ctx context.Context, system sut.System, c sut.Configurer, before []ptpconfig.PtpConfig, o Options) error {
	set, err := ptpconfig.Generate(o.Mode, a.Roles, o.Generate)
	if err != nil {
		return err
	}
	a.Objects, a.Labels = set.Objects, set.Labels
	if err := a.checkForeign(ctx, c, before); err != nil {
		return err
	}
	if err := a.putSecret(ctx, system, o.Generate.Authentication); err != nil {
		return err
	}
	if err := a.label(ctx, c); err != nil {
		return err
	}
	for _, object := range set.Objects {
		o.Progress("apply PtpConfig %s", object.Metadata.Name)
		object.Metadata.Labels = map[string]string{ManagedBy: ManagedByValue}
		name := object.Metadata.Name
		a.later("delete PtpConfig "+name, func(ctx context.Context) error { return c.DeleteConfig(ctx, name) })
		if err := c.PutConfig(ctx, object); err != nil {
			return fmt.Errorf("apply PtpConfig %s: %w", name, err)
		}
	}
	return a.untilRunning(ctx, system, o)
}

// checkForeign sees that no object of somebody else applies to a node of the arrangement.
func (a *Arrangement) checkForeign(ctx context.Context, c sut.Configurer, before []ptpconfig.PtpConfig) error {
	foreign := slices.DeleteFunc(slices.Clone(before), ours)
	var faults []error
	for _, node := range a.nodes() {
		labels, err := c.Labels(ctx, node)
		if err != nil {
			return fmt.Errorf("labels of node %s: %w", node, err)
		}
		for _, object := range ptpconfig.ForNode(foreign, node, labels) {
			faults = append(faults, fmt.Errorf("PtpConfig %s also applies to node %s, and is not the suite's to take away; delete it, or test what it configures with mode Discovery", object.Metadata.Name, node))
		}
	}
	return errors.Join(faults...)
}

// nodes are those that get a part.
func (a *Arrangement) nodes() []string {
	var all []string
	for _, l := range a.Labels {
		all = append(all, l.Node)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (a *Arrangement) putSecret(ctx context.Context, system sut.System, auth *ptpconfig.Authentication) error {
	if auth == nil {
		return nil
	}
	keeper, ok := sut.As[sut.SecretKeeper](system)
	if !ok {
		return errors.New("authentication: this system mounts no secrets into its nodes")
	}
	secret, err := auth.NewSecret(nil)
	if err != nil {
		return err
	}
	a.later("delete secret "+secret.Name, func(ctx context.Context) error { return keeper.DeleteSecret(ctx, secret.Name) })
	if err := keeper.PutSecret(ctx, secret); err != nil {
		return fmt.Errorf("put secret %s: %w", secret.Name, err)
	}
	return nil
}

// label gives the nodes their parts and takes those parts from all other nodes.
func (a *Arrangement) label(ctx context.Context, c sut.Configurer) error {
	for _, node := range a.Graph.Nodes {
		has, err := c.Labels(ctx, node)
		if err != nil {
			return fmt.Errorf("labels of node %s: %w", node, err)
		}
		for _, key := range []string{ptpconfig.LabelGrandmaster, ptpconfig.LabelUnderTest, ptpconfig.LabelSlave1, ptpconfig.LabelSlave2} {
			is, should := slices.Contains(has, key), slices.Contains(a.Labels, ptpconfig.Label{Node: node, Key: key})
			if is == should {
				continue
			}
			a.later(fmt.Sprintf("restore label %s of node %s", key, node), func(ctx context.Context) error { return c.SetLabel(ctx, node, key, is) })
			if err := c.SetLabel(ctx, node, key, should); err != nil {
				return fmt.Errorf("label %s of node %s: %w", key, node, err)
			}
		}
	}
	return nil
}

// untilRunning waits until every profile of the arrangement has its processes.
func (a *Arrangement) untilRunning(ctx context.Context, system sut.System, o Options) error {
	o.Progress("wait until the profiles run")
	deadline := o.Deadline
	if deadline == 0 {
		deadline = 2 * time.Minute
	}
	_, err := wait.Until(ctx, system, "the profiles of mode "+string(o.Mode)+" to run", deadline, time.Second, func(ctx context.Context) (bool, string, error) {
		inventory, err := system.Inventory(ctx)
		if err != nil {
			return false, "", err
		}
		return a.running(inventory)
	})
	return err
}

func (a *Arrangement) running(inventory sut.Inventory) (bool, string, error) {
	for _, object := range a.Objects {
		for _, profile := range object.Spec.Profile {
			if profile.Ptp4lOpts == nil || *profile.Ptp4lOpts == "" {
				continue
			}
			runs := slices.ContainsFunc(inventory.Instances, func(i sut.Instance) bool { return i.Object == object.Metadata.Name && i.Config != "" })
			if !runs {
				return false, fmt.Sprintf("no ptp4l runs profile %s", profile.Name), nil
			}
		}
	}
	return true, "all run", nil
}

// later adds a step of the way back.
func (a *Arrangement) later(what string, do func(context.Context) error) {
	a.undo = append(a.undo, step{what, do})
}

// Undo restores what was there before. It makes every step, also when one fails, and each only once.
func (a *Arrangement) Undo(ctx context.Context) error {
	var faults []error
	for _, s := range slices.Backward(a.undo) {
		if err := s.do(ctx); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s.what, err))
		}
	}
	a.undo = nil
	return errors.Join(faults...)
}
