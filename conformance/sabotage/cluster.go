package sabotage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// OfCluster lists the sabotages of what only a Kubernetes cluster has. They are tried on one without clocks as well.
func OfCluster() []Sabotage { return clusterSabotages() }

func clusterSabotages() []Sabotage {
	return []Sabotage{
		onCluster("namespace is being deleted", specs.AreaValidation, func(c *brokenCluster) {
			c.namespace = func(n *sut.Namespace) { n.Phase = "Terminating" }
		}),
		onCluster("operator's pod pending", specs.AreaValidation, func(c *brokenCluster) {
			c.operator = func(o *sut.OperatorState) { o.Pods[0].Phase = "Pending" }
		}),
		onCluster("lease of another length", specs.AreaValidation, func(c *brokenCluster) {
			c.lease = func(l *sut.Lease) { l.Duration = 15 * time.Second }
		}),
		onCluster("one daemon not ready", specs.AreaValidation, func(c *brokenCluster) {
			c.daemon = func(d *sut.DaemonState) { d.Ready-- }
		}),
		onCluster("daemons of an old template", specs.AreaValidation, func(c *brokenCluster) {
			c.daemon = func(d *sut.DaemonState) { d.Current = false }
		}),
		onCluster("kind of object undefined", specs.AreaValidation, func(c *brokenCluster) {
			c.crds = func(all []sut.CRD) []sut.CRD { return all[1:] }
		}),
		onCluster("kind of object not served", specs.AreaOperator, func(c *brokenCluster) {
			c.served = func(names []string) []string {
				return slices.DeleteFunc(names, func(n string) bool { return n == "ptpoperatorconfigs" })
			}
		}),
		onCluster("a matching node without daemon", specs.AreaOperator, func(c *brokenCluster) {
			c.daemon = func(d *sut.DaemonState) { d.Matching = append(d.Matching, "a-node-without") }
		}),
		onCluster("operator not available", specs.AreaOperator, func(c *brokenCluster) {
			c.operator = func(o *sut.OperatorState) { o.Available = false }
		}),
		onCluster("deleted operator does not come back", specs.AreaOperator, func(c *brokenCluster) {
			c.operator = func(o *sut.OperatorState) {
				if c.deleted {
					o.Pods = nil
				}
			}
		}),
		onCluster("nobody takes the lease", specs.AreaOperator, func(c *brokenCluster) {
			var stale *sut.Lease
			c.lease = func(l *sut.Lease) {
				if stale == nil {
					stale = &sut.Lease{Exists: l.Exists, Holder: l.Holder, Duration: l.Duration, Renewed: l.Renewed}
				}
				*l = *stale
			}
		}),
		onCluster("secret not mounted", specs.AreaSecurity, func(c *brokenCluster) {
			c.daemon = func(d *sut.DaemonState) { d.Secrets = nil }
		}),
		onCluster("secret mounted for writing", specs.AreaSecurity, func(c *brokenCluster) {
			c.daemon = func(d *sut.DaemonState) {
				for i := range d.Secrets {
					d.Secrets[i].ReadOnly = false
				}
			}
		}),
		onCluster("volume of a deleted secret stays", specs.AreaSecurity, func(c *brokenCluster) {
			var ever []sut.SecretMount
			c.daemon = func(d *sut.DaemonState) {
				for _, m := range d.Secrets {
					if !slices.Contains(ever, m) {
						ever = append(ever, m)
					}
				}
				d.Secrets = slices.Clone(ever)
			}
		}),
		onCluster("secret does not come back", specs.AreaSecurity, func(c *brokenCluster) {
			mounted, gone := false, false
			c.daemon = func(d *sut.DaemonState) {
				gone = gone || mounted && len(d.Secrets) == 0
				mounted = mounted || len(d.Secrets) > 0
				if gone {
					d.Secrets = nil
				}
			}
		}),
	}
}

// brokenCluster is a cluster of which not all is told as it is. Nil functions leave answers as they are.
type brokenCluster struct {
	sut.System
	sut.Cluster
	namespace func(*sut.Namespace)
	crds      func([]sut.CRD) []sut.CRD
	served    func([]string) []string
	operator  func(*sut.OperatorState)
	daemon    func(*sut.DaemonState)
	lease     func(*sut.Lease)
	deleted   bool // the operator's pods, by the suite
}

// onCluster makes a sabotage of a cluster.
func onCluster(name, area string, spoil func(*brokenCluster)) Sabotage {
	return Sabotage{
		Name: name,
		Area: area,
		Apply: func(_ context.Context, system sut.System) (sut.System, func(context.Context) error, error) {
			cluster, ok := sut.As[sut.Cluster](system)
			if !ok {
				return nil, nil, fmt.Errorf("%w: it is no cluster", ErrNotApplicable)
			}
			broken := &brokenCluster{System: system, Cluster: cluster}
			spoil(broken)
			return broken, nothing, nil
		},
	}
}

func (c *brokenCluster) Unwrap() sut.System { return c.System }

func (c *brokenCluster) Namespace(ctx context.Context) (sut.Namespace, error) {
	n, err := c.Cluster.Namespace(ctx)
	if c.namespace != nil {
		c.namespace(&n)
	}
	return n, err
}

func (c *brokenCluster) CRDs(ctx context.Context) ([]sut.CRD, error) {
	all, err := c.Cluster.CRDs(ctx)
	if c.crds != nil {
		all = c.crds(all)
	}
	return all, err
}

func (c *brokenCluster) ServedResources(ctx context.Context) ([]string, error) {
	names, err := c.Cluster.ServedResources(ctx)
	if c.served != nil {
		names = c.served(names)
	}
	return names, err
}

func (c *brokenCluster) OperatorState(ctx context.Context) (sut.OperatorState, error) {
	state, err := c.Cluster.OperatorState(ctx)
	if c.operator != nil {
		c.operator(&state)
	}
	return state, err
}

func (c *brokenCluster) DaemonState(ctx context.Context) (sut.DaemonState, error) {
	state, err := c.Cluster.DaemonState(ctx)
	if c.daemon != nil {
		c.daemon(&state)
	}
	return state, err
}

func (c *brokenCluster) Lease(ctx context.Context) (sut.Lease, error) {
	lease, err := c.Cluster.Lease(ctx)
	if c.lease != nil {
		c.lease(&lease)
	}
	return lease, err
}

func (c *brokenCluster) DeleteOperatorPods(ctx context.Context) error {
	c.deleted = true
	return c.Cluster.DeleteOperatorPods(ctx)
}
