package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClockClassesAndAliases(t *testing.T) {
	b := newBench(t, Options{})
	b.apply(receiver("oc", "ens4f0", false))
	if got := b.ClockClasses(); got != nil {
		t.Errorf("classes before any is known: %+v", got)
	}
	b.write("ptp4l.0.config", startLines+lockLine)
	b.until("lock", state("LOCKED"))
	b.mu.Lock()
	b.processes[0].clock.class = 6
	b.mu.Unlock()
	if diff := cmp.Diff([]ClockClass{{Interface: "ens4f0", Config: "ptp4l.0.config", Class: 6}}, b.ClockClasses()); diff != "" {
		t.Error(diff)
	}
	b.mu.Lock()
	b.processes[0].clock.receiver = -1 // a grandmaster
	b.mu.Unlock()
	if got := b.ClockClasses(); len(got) != 1 || got[0].Interface != "ens4f0" {
		t.Errorf("class of one that is no time receiver: %+v", got)
	}
	if diff := cmp.Diff(map[string]string{"ens4f0": "ens4fx"}, b.Aliases()); diff != "" {
		t.Error(diff)
	}
}
