package cluster

import (
	"context"
	"testing"

	"github.com/ptplab/ptplab/conformance/arrange"
	"github.com/ptplab/ptplab/conformance/cluster/fake"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
)

// TestArrange brings a cluster into a mode and back.
func TestArrange(t *testing.T) {
	p := cabled(t)
	s := open(t, p, Options{Image: "registry.example/ptplab"})
	before := p.Everything()
	arrangement, err := arrange.Arrange(t.Context(), s, arrange.Options{Mode: ptpconfig.BC})
	ok(t, err)
	inv, err := s.Inventory(t.Context())
	ok(t, err)
	bc, found := inv.Instance("test-bc-master1")
	if !found || bc.Node != "w1" || len(inv.Instances) != 3 || len(inv.Chains(bc)) != 1 {
		t.Errorf("%+v", inv.Instances)
	}
	if err := inv.Validate(); err != nil {
		t.Error(err)
	}
	ok(t, arrangement.Undo(t.Context()))
	same(t, before, p.Everything())
}

// TestArrangeInterrupted ends an arrangement at each kind of change, and sees that all is as before.
func TestArrangeInterrupted(t *testing.T) {
	for _, at := range []string{"nodes update", "ptpconfigs create", "namespaces create", "namespaces delete", "pods create"} {
		p := cabled(t)
		s := open(t, p, Options{Image: "registry.example/ptplab"})
		before := p.Everything()
		ctx, cancel := context.WithCancel(t.Context())
		follow := p.Changed
		p.Changed = func(a *fake.API, verb, resource string, object fake.Object) {
			if resource+" "+verb == at {
				cancel()
			}
			follow(a, verb, resource, object)
		}
		if _, err := arrange.Arrange(ctx, s, arrange.Options{Mode: ptpconfig.BC}); err == nil {
			t.Errorf("%s: no error", at)
		}
		same(t, before, p.Everything())
		cancel()
	}
}
