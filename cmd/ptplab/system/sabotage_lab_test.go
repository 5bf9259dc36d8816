//go:build lab

package system_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance/arrange"
	"github.com/ptplab/ptplab/conformance/sabotage"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// Variables that say what to try.
const (
	sabotageName  = "SABOTAGE"              // a part of the names of the sabotages to try
	sabotageShard = "PTPLAB_SABOTAGE_SHARD" // "0/2": the first half of the trials; set by the test for its children
	sabotageFile  = "PTPLAB_SABOTAGE_FILE"  // to write what came of them to
)

// only says which sabotages to try.
var only = os.Getenv(sabotageName)

// everything is what it says for all of them.
const everything = "all"

// TestSabotageOnLab breaks a real lab in every known way, in each mode in which that means something, and sees exactly the
// expected area fail. After each sabotage the lab is mended, and a clean run proves it. A spec that no sabotage makes fail
// is a spec that cannot fail. Specs that only a cluster can have are proved on a simulated one, in package conformance.
//
// All of them take a quarter of an hour: make sabotage. Without a word, one of each area is tried.
//
// A process runs one suite at a time, so the test divides the trials among as many processes as there are CPUs, each with a
// lab of its own.
func TestSabotageOnLab(t *testing.T) {
	if shard := os.Getenv(sabotageShard); shard != "" {
		writeTrials(t, tryShard(t, shard))
		return
	}
	var trials []trial
	for _, child := range startShards(t, runtime.NumCPU()) {
		trials = append(trials, child.wait(t)...)
	}
	if only == everything {
		checkCoverage(t, trials)
	}
	t.Logf("what fails under sabotage\n%s", trialTable(trials))
}

// tryShard makes the trials of a shard on a lab of its own.
func tryShard(t *testing.T, shard string) []trial {
	number, count, _ := strings.Cut(shard, "/")
	mine, err1 := strconv.Atoi(number)
	of, err2 := strconv.Atoi(count)
	if err1 != nil || err2 != nil {
		t.Fatalf("%s=%s", sabotageShard, shard)
	}
	var trials []trial
	system, _ := boot(t, load(t, "dnbc"))
	n := -1
	for _, mode := range specs.Modes() {
		t.Run(string(mode), func(t *testing.T) {
			a := arranged(t, system, arrange.Options{Mode: mode})
			for _, s := range sabotage.All() {
				if !tried(s, mode) {
					continue
				}
				if n++; n%of != mine {
					continue
				}
				one := trial{Mode: mode, Sabotage: s.Name, Area: s.Area}
				if !one.make(t, system, s) {
					a = arrangedAgain(t, system, a, mode)
				}
				trials = append(trials, one)
				fmt.Fprintln(os.Stderr, one.String()) // as they come: it takes long
			}
		})
	}
	return trials
}

// tried says whether a sabotage is to be tried in a mode. Those of what only a cluster has are tried on a simulated one.
func tried(s sabotage.Sabotage, mode specs.Mode) bool {
	if s.NeedsCluster() || !slices.Contains(s.TriedIn(), mode) {
		return false
	}
	switch only {
	case everything:
		return true
	case "":
		return mode == s.TriedIn()[0] && firstOfArea(s)
	}
	return strings.Contains(s.Name, only)
}

// firstOfArea says whether no other sabotage of the area comes before it.
func firstOfArea(s sabotage.Sabotage) bool {
	for _, other := range sabotage.All() {
		if other.Area == s.Area && !other.NeedsCluster() {
			return other.Name == s.Name
		}
	}
	return false
}

// arranged brings a lab into a mode until the test ends.
func arranged(t *testing.T, system sut.System, o arrange.Options) *arrange.Arrangement {
	t.Helper()
	a, err := arrange.Arrange(t.Context(), system, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Undo(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("undo mode %s: %v", o.Mode, err)
		}
	})
	return a
}

// arrangedAgain gives the next sabotages a lab that the last one has not spoilt.
func arrangedAgain(t *testing.T, system sut.System, a *arrange.Arrangement, mode specs.Mode) *arrange.Arrangement {
	t.Helper()
	if err := a.Undo(t.Context()); err != nil {
		t.Fatal(err)
	}
	return arranged(t, system, arrange.Options{Mode: mode})
}

// shardProcess is a process that makes a part of the trials.
type shardProcess struct {
	cmd    *exec.Cmd
	output bytes.Buffer
	file   string
}

func startShards(t *testing.T, count int) []*shardProcess {
	t.Helper()
	var all []*shardProcess
	for i := range count {
		p := &shardProcess{file: filepath.Join(t.TempDir(), "trials.json")}
		// Each on a CPU of its own: labs that boot at the same moment would choose the same one.
		p.cmd = exec.CommandContext(t.Context(), "taskset", "-c", strconv.Itoa(i), os.Args[0], "-test.run=^TestSabotageOnLab$", "-test.v", "-test.timeout=0")
		p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d/%d", sabotageShard, i, count), sabotageFile+"="+p.file)
		p.cmd.Stdout, p.cmd.Stderr = &p.output, os.Stderr
		p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// wait returns what came of the trials of a process.
func (p *shardProcess) wait(t *testing.T) []trial {
	t.Helper()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("trials: %v\n%s", err, p.output.String())
	}
	var trials []trial
	text, err := os.ReadFile(p.file)
	if err == nil {
		err = json.Unmarshal(text, &trials)
	}
	if err != nil {
		t.Errorf("trials: %v", err)
	}
	return trials
}

func writeTrials(t *testing.T, trials []trial) {
	t.Helper()
	text, err := json.Marshal(trials)
	if err == nil {
		err = os.WriteFile(os.Getenv(sabotageFile), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkCoverage sees that every spec has failed and every sabotage was tried.
func checkCoverage(t *testing.T, trials []trial) {
	t.Helper()
	for _, spec := range specs.All() {
		if slices.ContainsFunc(spec.Needs, onlyClusters) {
			continue
		}
		name := spec.Area + ": " + spec.Name
		if !slices.ContainsFunc(trials, func(r trial) bool { return r.AsShould && slices.Contains(r.Specs, name) }) {
			t.Errorf("no sabotage makes this spec fail: %s", name)
		}
	}
	for _, s := range sabotage.All() {
		if !s.NeedsCluster() && !slices.ContainsFunc(trials, func(r trial) bool { return r.Sabotage == s.Name && r.Skipped == "" }) {
			t.Errorf("no mode has a place for this sabotage: %s", s.Name)
		}
	}
}

// onlyClusters says whether a need is one that no lab of plain nodes in virtual time meets.
func onlyClusters(n specs.Need) bool {
	return n == specs.NeedCluster || n == specs.NeedPrometheus || n == specs.NeedLoads || n == specs.NeedReboot
}

// trialTable has a paragraph a spec, with the sabotages under which it failed.
func trialTable(trials []trial) string {
	var text strings.Builder
	total := time.Duration(0)
	for _, r := range trials {
		total += r.Took
	}
	for _, spec := range specs.All() {
		name := spec.Area + ": " + spec.Name
		begun := false
		for _, r := range trials {
			if !slices.Contains(r.Specs, name) {
				continue
			}
			if !begun {
				fmt.Fprintf(&text, "%s\n", name)
				begun = true
			}
			verdict := "failed as it should"
			if !r.AsShould {
				verdict = "WRONG"
			}
			fmt.Fprintf(&text, "    %-48s %-12s %s\n", r.Sabotage, r.Mode, verdict)
		}
	}
	fmt.Fprintf(&text, "%d sabotages tried, %.0f s of trials\n", len(trials), total.Seconds())
	return text.String()
}
