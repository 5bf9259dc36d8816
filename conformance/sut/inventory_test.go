package sut

import (
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	good := Inventory{
		Nodes: []string{"w1", "w2"},
		Instances: []Instance{
			{Name: "gm", Node: "w2", Type: Grandmaster, TransmitPorts: []string{"ens3f0"}},
			{Name: "oc", Node: "w1", Type: Ordinary, ReceivePorts: []string{"ens1f0"}, Upstream: []string{"gm"}},
		},
	}
	if err := good.Validate(); err != nil {
		t.Errorf("good inventory: %v", err)
	}
	for _, c := range []struct {
		name  string
		spoil func(*Inventory)
		want  string
	}{
		{"duplicate", func(i *Inventory) { i.Instances[0].Name = "oc" }, `two instances are called "oc"`},
		{"node", func(i *Inventory) { i.Instances[1].Node = "w9" }, `node "w9", which does not exist`},
		{"upstream", func(i *Inventory) { i.Instances[1].Upstream = []string{"nix"} }, `upstream "nix", which does not exist`},
		{"no port", func(i *Inventory) { i.Instances[1].ReceivePorts = nil }, "no receive port"},
		{"gm upstream", func(i *Inventory) { i.Instances[0].Upstream = []string{"oc"} }, `grandmaster "gm" has an upstream`},
		{"loop", func(i *Inventory) { i.Instances[1].Upstream = []string{"oc"} }, "lead back to it"},
	} {
		inv := Inventory{Nodes: good.Nodes, Instances: append([]Instance{}, good.Instances...)}
		c.spoil(&inv)
		if err := inv.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestChains(t *testing.T) {
	inv := Inventory{Instances: []Instance{
		{Name: "gm", Type: Grandmaster},
		{Name: "a", Type: Boundary, Upstream: []string{"gm"}},
		{Name: "b", Type: Boundary, Upstream: []string{"gm"}},
		{Name: "oc", Type: Ordinary, Upstream: []string{"a", "b"}},
		{Name: "lost", Type: Ordinary},
	}}
	oc, _ := inv.Instance("oc")
	var got []string
	for _, chain := range inv.Chains(oc) {
		var names []string
		for _, i := range chain {
			names = append(names, i.Name)
		}
		got = append(got, strings.Join(names, "<"))
	}
	if strings.Join(got, " ") != "oc<a<gm oc<b<gm" {
		t.Errorf("chains of oc: %v", got)
	}
	lost, _ := inv.Instance("lost")
	if chains := inv.Chains(lost); len(chains) != 0 {
		t.Errorf("chains of an instance without upstream: %v", chains)
	}
}
