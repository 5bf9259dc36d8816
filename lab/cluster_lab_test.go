//go:build lab

package lab_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	b.locked(dnbcReceivers)
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
	b.locked(dnbcReceivers)
}

// What dnbc has on a cluster: the time receivers of the workers and the switch, and the steps of up.
const (
	dnbcReceivers = 6
	clusterSteps  = 12
)

// passesFromOutside runs the suite on the cluster by its kubeconfig.
func (b *bench) passesFromOutside() {
	b.Helper()
	areas := areasFromOutside()
	results := filepath.Join(b.TempDir(), "report.json")
	r := b.ptplab("test", "--kubeconfig", strings.TrimSpace(b.must("kubeconfig")), "--mode", "Discovery",
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
	last := ""
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		now := born()
		if now == "" || now == before {
			last = fmt.Sprintf("init of %s is of %q, before %q", worker, now, before)
			continue
		}
		s := b.status()
		if got := receiversOf(s); len(s.Faults) == 0 && len(got) == dnbcReceivers && !slices.ContainsFunc(values(got), func(state string) bool { return state != "LOCKED" && state != "" }) {
			return
		} else {
			last = fmt.Sprintf("time receivers %v, faults %q", got, s.Faults)
		}
	}
	b.Errorf("%s is not whole again after its reboot: %s", worker, last)
}

func values(m map[string]string) []string {
	var all []string
	for _, v := range m {
		all = append(all, v)
	}
	return all
}
