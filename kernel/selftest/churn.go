package selftest

import (
	"fmt"
	"os"
	"strings"
)

func churnChecks() []check {
	return []check{
		// Catches: anything that stays when a device goes: a bus, a clock, a
		// directory, memory; and a use of what is gone.
		{"a thousand devices come and go and leave nothing", churn},
		// Catches: a limit on buses, on clocks, on places of a bus.
		{"two hundred devices exist at once", crowd},
	}
}

// memory returns how much is in use in kernel objects, kB.
func memory() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(text), "\n") {
		var kb int64
		if _, err := fmt.Sscanf(line, "SUnreclaim: %d kB", &kb); err == nil {
			return kb, nil
		}
	}
	return 0, fmt.Errorf("no SUnreclaim in /proc/meminfo")
}

func churn(b *bench) error {
	before, err := traces()
	if err != nil {
		return err
	}
	comeAndGo := func(times int) error {
		for i := range times {
			b.nextID = 0
			d, err := b.make(2, fmt.Sprintf("0000:%02x:%02x.0", 1+i%255, i%32))
			if err != nil {
				return fmt.Errorf("device %d: %w", i, err)
			}
			// A knob that is open and a frame that is on its way, now and then
			if err := set(map[string]int64{d.linkKnob(1, "delay_ns"): 5000, d.clockKnob("wander_ppt"): 1000}); err != nil {
				return err
			}
			if err := d.remove(); err != nil {
				return fmt.Errorf("device %d: %w", i, err)
			}
			b.devices = nil
		}
		return nil
	}
	if err := comeAndGo(100); err != nil {
		return err
	}
	pass(1e9)
	start, err := memory()
	if err != nil {
		return err
	}
	if err := comeAndGo(1000); err != nil {
		return err
	}
	pass(1e9)
	end, err := memory()
	if err != nil {
		return err
	}
	after, err := traces()
	if err != nil {
		return err
	}
	if after != before {
		return fmt.Errorf("left:\n%s\n--- before:\n%s", after, before)
	}
	// Half a kB for each device: one structure that stays shows.
	if end-start > 500 {
		return fmt.Errorf("%d kB of kernel memory more after 1000 devices", end-start)
	}
	return nil
}

func crowd(b *bench) error {
	for i := range 200 {
		if _, err := b.make(2, fmt.Sprintf("0000:%02x:%02x.0", 0x80+i/32, i%32)); err != nil {
			return fmt.Errorf("device %d: %w", i, err)
		}
	}
	if n, err := countNames(pciRoot, "0000:8"); err != nil || n != 400 {
		return fmt.Errorf("%d functions, %v", n, err)
	}
	return nil
}
