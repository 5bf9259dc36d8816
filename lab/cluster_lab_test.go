//go:build lab

package lab_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// clusterLimit is how long, in wall time, one command of a test of a cluster may take.
const clusterLimit = 20 * time.Minute

// newClusterBench is a place for labs with a cluster. Their memory is too much for a file on a disk.
func newClusterBench(t *testing.T) *bench {
	b := newBench(t)
	b.temp, b.limit = "/dev/shm", clusterLimit
	return b
}

// areasFromOutside are the areas of the suite that a cluster is tested with through its kubeconfig.
func areasFromOutside() []string { return []string{"sync", "failover", "metrics", "events", "sockets"} }

// TestKubernetes takes a lab with a cluster through its life: it is made, whole after a second up, passes the suite from
// outside as any cluster, gets a node back that was rebooted, is taken away without a trace, and is back soon from the copy that
// was kept.
func TestKubernetes(t *testing.T) {
	b := newClusterBench(t)
	file := topologyFile("dnbc")
	b.up(file, "--nodes", "kind", "--fresh")
	b.awaitLocked(dnbcReceivers, "up")
	kernels := b.kernels()
	again := b.ptplab("up", file, "--nodes", "kind")
	if steps := strings.Count(again.stderr, "nothing to do"); again.code != 0 || steps != clusterSteps || !slices.Equal(b.kernels(), kernels) {
		t.Errorf("a second up had nothing to do in %d of %d steps: %s", steps, clusterSteps, again)
	}
	b.passesFromOutside()
	b.comesBack("w1")
	b.must("down", file)
	b.nothingLeft("after down")

	back := b.ptplab("up", file, "--nodes", "kind")
	if back.code != 0 || strings.Contains(back.stderr, "Joining worker nodes") {
		t.Errorf("the copy of the cluster was not used: %s", back)
	}
	b.awaitLocked(dnbcReceivers, "up")
}

// What dnbc has on a cluster: the time receivers of the workers and the switch, and the steps of up.
const (
	dnbcReceivers = 7
	clusterSteps  = 12
)

// passesFromOutside runs the suite on the cluster by its kubeconfig.
func (b *bench) passesFromOutside() {
	b.Helper()
	areas := areasFromOutside()
	// A second attempt: the time of a cluster is real, and this machine may do other things. The report tells of each.
	results := filepath.Join(b.TempDir(), "report.json")
	r := b.ptplab("test", "--kubeconfig", strings.TrimSpace(b.must("kubeconfig")), "--mode", "Discovery", "--flake-attempts", "2",
		"--label-filter", strings.Join(areas, " || "), "--json", results)
	b.Log(r)
	if r.code != 0 {
		b.Errorf("the suite ended with exit status %d", r.code)
	}
	text, err := os.ReadFile(results)
	if err != nil {
		b.Fatal(err)
	}
	var report struct {
		Specs []struct{ Area, State string }
	}
	if err := json.Unmarshal(text, &report); err != nil {
		b.Fatal(err)
	}
	passed := map[string]int{}
	for _, s := range report.Specs {
		if s.State == "passed" {
			passed[s.Area]++
		}
	}
	for _, area := range areas {
		if passed[area] == 0 {
			b.Errorf("no spec of the area %s has passed: %v", area, passed)
		}
	}
}

// comesBack reboots a worker as a machine would without asking anybody, and waits until it is whole again.
func (b *bench) comesBack(worker string) {
	b.Helper()
	born := func() string { return b.ptplab("exec", worker, "--", "stat", "-c", "%Y", "/proc/1").stdout }
	before := born()
	b.ptplab("exec", worker, "--", "systemctl", "reboot", "--force", "--force") // its own end is the reboot's
	b.await(5*time.Minute, worker+" to have started anew", func() string {
		if now := born(); now == "" || now == before {
			return fmt.Sprintf("its init is of %q, before %q", now, before)
		}
		return ""
	})
	b.awaitLocked(dnbcReceivers, "the reboot of "+worker)
}

// awaitLocked waits until as many time receivers as wanted are locked and nothing is at fault.
func (b *bench) awaitLocked(want int, after string) {
	b.Helper()
	b.await(5*time.Minute, fmt.Sprintf("%d locked time receivers after %s", want, after), func() string {
		s := b.status()
		got := receiversOf(s)
		for port, state := range got {
			if state != "LOCKED" && state != "" {
				return port + " is " + state
			}
		}
		if len(got) != want || len(s.Faults) > 0 {
			return fmt.Sprintf("time receivers %v, faults %q", got, s.Faults)
		}
		return ""
	})
}

// await waits until a look finds nothing missing any more.
func (b *bench) await(limit time.Duration, what string, look func() (missing string)) {
	b.Helper()
	missing := ""
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(time.Second) {
		if missing = look(); missing == "" {
			return
		}
	}
	b.Errorf("waited %s for %s: %s", limit, what, missing)
}

// TestKubernetesKilled kills up while it makes the parts of a cluster. Down leaves nothing of it, and an up after the last of them
// makes the lab whole.
func TestKubernetesKilled(t *testing.T) {
	b := newClusterBench(t)
	file := topologyFile("oc")
	for _, at := range []string{"lab kernel", "node image"} {
		b.killedAt(at, "up", file, "--nodes", "kind", "--fresh")
		b.must("down", file)
		b.nothingLeft("killed at " + at + ", and after down,")
	}
	b.killedAt("Preparing nodes", "up", file, "--nodes", "kind", "--fresh")
	b.up(file, "--nodes", "kind")
	b.awaitLocked(1, "an up that was killed and another")
}

// killedAt runs a command and kills it when it has told something.
func (b *bench) killedAt(told string, args ...string) {
	b.Helper()
	cmd := b.command(args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	var said strings.Builder
	found := false
	for lines := bufio.NewScanner(stderr); !found && lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		found = strings.Contains(lines.Text(), told)
	}
	kill(b.T, cmd.Process.Pid, syscall.SIGKILL)
	cmd.Wait()
	if !found {
		b.Fatalf("ptplab %s never told of %q:\n%s", strings.Join(args, " "), told, said.String())
	}
}
