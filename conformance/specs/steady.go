package specs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

// stays looks again and again for a time whether something is the case, and is an error as soon as it is not.
func (t *Test) stays(ctx context.Context, subject string, d, every time.Duration, probe wait.Probe) error {
	start, err := t.System.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the time to watch for %s: %w", subject, err)
	}
	var broken error
	_, err = wait.Until(ctx, t.System, subject, d, every, func(ctx context.Context) (bool, string, error) {
		is, seen, err := probe(ctx)
		if err != nil {
			is, seen = false, err.Error()
		}
		now, err := t.System.Now(ctx)
		if err == nil && !is {
			broken = fmt.Errorf("expected %s for %s, but %s into it: %s", subject, d, now.Sub(start).Round(time.Millisecond), seen)
		}
		return broken != nil || err == nil && now.Sub(start) >= d, seen, err
	})
	if broken != nil {
		return broken
	}
	return err
}

// both is satisfied when all of several probes are, and sees what the first that is not sees.
func both(probes ...wait.Probe) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		var all []string
		for _, probe := range probes {
			done, seen, err := probe(ctx)
			if err != nil || !done {
				return false, seen, err
			}
			if seen != "" && !slices.Contains(all, seen) {
				all = append(all, seen)
			}
		}
		return true, strings.Join(all, ", "), nil
	}
}

// named puts the name of an instance before what a probe sees of it.
func named(i sut.Instance, probe wait.Probe) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		done, seen, err := probe(ctx)
		if err != nil {
			return false, "", fmt.Errorf("%s: %w", i, err)
		}
		return done, i.String() + ": " + seen, nil
	}
}

// allLockedProbe looks whether all of several instances are locked.
func (t *Test) allLockedProbe(instances ...sut.Instance) wait.Probe {
	var probes []wait.Probe
	for _, i := range instances {
		probes = append(probes, named(i, t.lockedProbe(i)))
	}
	return both(probes...)
}

// untilAllLocked waits until several instances have been locked together for a while. A spec that has disturbed more than one
// ends with it.
func (t *Test) untilAllLocked(ctx context.Context, after string, instances ...sut.Instance) error {
	if len(instances) == 0 {
		return nil
	}
	subject := fmt.Sprintf("%s to be locked for %s after %s", names(instances), t.Settings.LockedFor, after)
	_, err := t.until(ctx, subject, t.Settings.LockWithin, wait.Holding(t.System, t.Settings.LockedFor, t.allLockedProbe(instances...)))
	if err != nil {
		err = lookAt(err, t.upstreams(instances[0])...)
	}
	return err
}

// startLocked waits until several instances are locked, as the specs before have left them.
func (t *Test) startLocked(ctx context.Context, instances ...sut.Instance) error {
	_, err := t.until(ctx, names(instances)+" to be locked", t.Settings.LockWithin, t.allLockedProbe(instances...))
	if err != nil && len(instances) > 0 {
		err = lookAt(err, t.upstreams(instances[0])...)
	}
	return err
}

// names is "bc1 on w1, bc2 on w1".
func names(instances []sut.Instance) string {
	var all []string
	for _, i := range instances {
		all = append(all, i.String())
	}
	return strings.Join(all, ", ")
}

// behind lists the instances that can take their time only through the given one.
func behind(inv sut.Inventory, i sut.Instance) []sut.Instance {
	through := func(chain []sut.Instance) bool {
		return slices.ContainsFunc(chain[1:], func(c sut.Instance) bool { return c.Name == i.Name })
	}
	var all []sut.Instance
	for _, other := range inv.Instances {
		chains := inv.Chains(other)
		if len(chains) > 0 && !slices.ContainsFunc(chains, func(c []sut.Instance) bool { return !through(c) }) {
			all = append(all, other)
		}
	}
	return all
}

// needPath skips a check of instances that the path area has found to take their time from elsewhere, so that one fault is reported
// once.
func (t *Test) needPath(instances ...sut.Instance) error {
	for _, i := range instances {
		if t.Failed(AreaPath, i.Name) {
			return Skipped(fmt.Sprintf("%s takes its time from another than it should, see %s", i, AreaPath))
		}
	}
	return nil
}

// disturbed lists the time receivers outside the network that notice what happens to the given instances: those themselves and
// those behind them.
func disturbed(inv sut.Inventory, instances ...sut.Instance) []sut.Instance {
	return slices.DeleteFunc(receivers(inv), func(r sut.Instance) bool {
		return !slices.ContainsFunc(instances, func(i sut.Instance) bool {
			return i.Name == r.Name || slices.ContainsFunc(behind(inv, i), func(b sut.Instance) bool { return b.Name == r.Name })
		})
	})
}
