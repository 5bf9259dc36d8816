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

// testCaseReboot is the word in ENABLE_TEST_CASE that asks for the reboot.
const testCaseReboot = "reboot"

// rebootWithin is how long a node may take from the command to its PTP daemon: servers check their memory for minutes.
const rebootWithin = 30 * time.Minute

func rebootSpecs() []Spec {
	return []Spec{{
		Area:     AreaRestart,
		Name:     "locks again after its node was rebooted",
		Needs:    []Need{NeedReboot},
		Slow:     true,
		Subjects: onePerNode,
		Check:    checkReboot,
	}}
}

// onePerNode lists the first clock under test of each node.
func onePerNode(inv sut.Inventory) []sut.Instance {
	seen := map[string]bool{}
	return slices.DeleteFunc(underTest(inv), func(i sut.Instance) bool {
		again := seen[i.Node]
		seen[i.Node] = true
		return again
	})
}

// checkReboot reboots the subject's node: its kernel must be another one, and the clock locked as before.
func checkReboot(ctx context.Context, t *Test) error {
	if !slices.Contains(t.Settings.TestCases, testCaseReboot) {
		return Skipped("a reboot takes many minutes and was not asked for; ENABLE_TEST_CASE=reboot, or --test-cases reboot, does")
	}
	before, err := t.baseline(ctx)
	if err != nil {
		return err
	}
	boot, err := t.bootID(ctx, t.Subject.Node)
	if err != nil {
		return err
	}
	rebooter, _ := sut.As[sut.Rebooter](t.System)
	if err := rebooter.Reboot(ctx, t.Subject.Node); err != nil {
		return fmt.Errorf("reboot %s: %w", t.Subject.Node, err)
	}
	took, err := t.until(ctx, fmt.Sprintf("%s to run another kernel than before its reboot", t.Subject.Node), rebootWithin, t.rebootedProbe(boot))
	if err != nil {
		return lookAt(err, "the console of "+t.Subject.Node)
	}
	t.measureSeconds("reboot until programs run on the node", took)
	return t.lockedAsBefore(ctx, before)
}

// rebootedProbe looks whether the node's kernel is another one. While the node is down, nothing can be run on it.
func (t *Test) rebootedProbe(boot string) wait.Probe {
	return func(ctx context.Context) (bool, string, error) {
		now, err := t.bootID(ctx, t.Subject.Node)
		return err == nil && now != boot, "boot " + now, err
	}
}

// bootID is a number that the kernel of a node has drawn when it started, random(4).
func (t *Test) bootID(ctx context.Context, node string) (string, error) {
	result, err := t.System.Exec(ctx, node, []string{"cat", "/proc/sys/kernel/random/boot_id"})
	if err != nil {
		return "", err
	}
	if result.Exit != 0 {
		return "", fmt.Errorf("read the boot id of %s: %s", node, strings.TrimSpace(result.Stderr))
	}
	return strings.TrimSpace(result.Stdout), nil
}

// lockedAsBefore waits until the subject is locked, and its true error, where it is known, what it was.
func (t *Test) lockedAsBefore(ctx context.Context, before *float64) error {
	subject := fmt.Sprintf("%s to be locked as before its node was rebooted, that is, %s", t.Subject, t.locked())
	probe := wait.Holding(t.System, t.Settings.LockedFor, both(t.lockedProbe(t.Subject), t.errorProbe(before)))
	took, err := t.until(ctx, subject, rebootWithin, probe)
	if err != nil {
		return lookAt(err, append([]string{process(t.Subject)}, t.upstreams(t.Subject)...)...)
	}
	t.measureSeconds("node back to locked", max(0, took-t.Settings.LockedFor))
	return nil
}
