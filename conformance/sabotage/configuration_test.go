package sabotage

import (
	"context"
	"slices"
	"testing"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

// twoBoundaries are two boundary clocks of one node.
func twoBoundaries() sut.Inventory {
	return sut.Inventory{Instances: []sut.Instance{
		{Name: "bc1", Node: "w1", Type: sut.Boundary, ReceivePorts: []string{"r1"}, TransmitPorts: []string{"t1"}},
		{Name: "bc2", Node: "w1", Type: sut.Boundary, ReceivePorts: []string{"r2"}, TransmitPorts: []string{"t2"}},
		{Name: "sw", Node: "w1", Type: sut.Boundary, ReceivePorts: []string{"s1"}, InSwitch: true},
	}}
}

func TestRelinks(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(sut.Inventory, linkSetter) linkSetter
		asks []string // "-r1" for down
		want []string
	}{
		{"up ignored once", upIgnored, []string{"-r1", "-r2", "+r1", "+r2", "+r1", "-r1", "+r1", "+r1"}, []string{"-r1", "-r2", "+r2", "+r1", "-r1", "+r1"}},
		{"last stays up", lastStaysUp, []string{"-r1", "-r2", "+r2", "+r1", "-r2", "-t1", "-r1"}, []string{"-r1", "+r2", "+r1", "-r2", "-t1"}},
		{"transmit disturbs", transmitDisturbs, []string{"-t1", "+t1", "-r2"}, []string{"-t1", "-r1", "+t1", "+r1", "-r2"}},
	} {
		var got []string
		set := c.make(twoBoundaries(), func(_ context.Context, port sut.PortRef, up bool) error {
			sign := "-"
			if up {
				sign = "+"
			}
			got = append(got, sign+port.Interface)
			return nil
		})
		for _, ask := range c.asks {
			if err := set(t.Context(), sut.PortRef{Node: "w1", Interface: ask[1:]}, ask[0] == '+'); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestIgnoreFirst(t *testing.T) {
	var done []string
	remove := ignoreFirst(func(_ context.Context, name string) error {
		done = append(done, name)
		return nil
	}, suiteMade)
	for _, name := range []string{"ptplab-a", "gm", "ptplab-a", "ptplab-a"} {
		if err := remove(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(done, []string{"gm", "ptplab-a"}) {
		t.Errorf("deleted %v", done)
	}
}

// TestOthersObjects sees that objects of others reach the system unchanged: a sabotage must not outlive its undo.
func TestOthersObjects(t *testing.T) {
	object := func(name string) ptpconfig.PtpConfig {
		return ptpconfig.PtpConfig{Metadata: ptpconfig.Metadata{Name: name}, Spec: ptpconfig.Spec{
			Recommend: []ptpconfig.Recommend{{Priority: 5, Match: []ptpconfig.Match{{NodeLabel: "ptp/x"}}}},
		}}
	}
	for _, change := range []func(ptpconfig.PtpConfig) ptpconfig.PtpConfig{
		func(o ptpconfig.PtpConfig) ptpconfig.PtpConfig { return forAll(o, []string{"w1", "w2"}) }, ofLowPriority,
	} {
		if r := change(object("test-slave1")).Spec.Recommend[0]; r.Priority != 5 || r.Match[0].NodeLabel != "ptp/x" {
			t.Errorf("an object of others was changed: %+v", r)
		}
		original := object("ptplab-stand-in")
		if r := change(original).Spec.Recommend[0]; r.Priority == 5 && r.Match[0].NodeLabel == "ptp/x" {
			t.Error("an object of the suite was not")
		}
		if r := original.Spec.Recommend[0]; r.Priority != 5 || r.Match[0].NodeLabel != "ptp/x" {
			t.Error("the caller's object was changed as well")
		}
	}
}

func TestOtherClass(t *testing.T) {
	const text = "# HELP x\nopenshift_ptp_clock_class{config=\"ptp4l.0.config\"} 6\nopenshift_ptp_delay_ns{} 6\n"
	const want = "# HELP x\nopenshift_ptp_clock_class{config=\"ptp4l.0.config\"} 248\nopenshift_ptp_delay_ns{} 6\n"
	if got := otherClass(text); got != want {
		t.Errorf("got %q", got)
	}
}
