package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// ptplab runs a command line with an empty home.
func ptplab(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	if os.Getenv("PTPLAB_HOME") == "" || !strings.HasPrefix(os.Getenv("PTPLAB_HOME"), os.TempDir()) {
		t.Setenv("PTPLAB_HOME", t.TempDir())
	}
	var out, err bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestCommandLine(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("apiVersion: ptplab/v1alpha1\nkind: Topology\nname: bad\nworkers: {}\nwokers: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	kind := filepath.Join(t.TempDir(), "kind.yaml")
	if err := os.WriteFile(kind, []byte("apiVersion: ptplab/v1alpha1\nkind: Topology\nname: k\nworkers: {w1: {nics: {ens1: {}}}}\ncluster: {nodes: kind}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const dnbc = "../../topologies/dnbc.yaml"
	for _, c := range []struct {
		args   string
		code   int
		stdout string // is part of it
		stderr string // is part of it; "" means nothing there
	}{
		{"", exitOK, "Usage:", ""},
		{"bogus", exitUsage, "", `ptplab: unknown command "bogus"`},
		{"image bogus", exitUsage, "", "one too many"},
		{"up", exitUsage, "", "ptplab: something is missing; usage: ptplab up TOPOLOGY"},
		{"up a b", exitUsage, "", `"b" is one too many`},
		{"up --foo a", exitUsage, "", "ptplab: unknown flag: --foo; see ptplab up --help"},
		{"up --time warp " + dnbc, exitUsage, "", `time mode "warp"`},
		{"up --engine host " + dnbc, exitHost, "", "no engine host"},
		{"up --engine ssh://root@vm " + dnbc, exitHost, "", "no engine ssh://root@vm"},
		{"up --engine qemu " + dnbc, exitUsage, "", `engine "qemu"`},
		{"up --timeout soon " + dnbc, exitUsage, "", "--timeout"},
		{"up nowhere.yaml", exitUsage, "", "nowhere.yaml"},
		{"up " + bad, exitUsage, "", ":5:1: unknown key wokers\n"},
		{"up --dry-run " + kind, exitOK, "cluster           0     2  make it", ""},
		{"up --nodes kind --dry-run " + dnbc, exitOK, "cluster           0     4  make it", ""},
		{"up --nodes kind --stack none --dry-run " + dnbc, exitOK, "clocks         0     1  make it", ""},
		{"up --nodes kind --stack ptp-operator " + dnbc, exitHost, "", "--stack none"},
		{"up --nodes kind --stack mine " + dnbc, exitUsage, "", `--stack "mine": there are agent and none`},
		{"up --stack none " + dnbc, exitUsage, "", "add --nodes kind"},
		{"up --nodes vm " + dnbc, exitUsage, "", `--nodes "vm": there are plain and kind`},
		{"up --time virtual " + kind, exitUsage, "", "virtual time is for plain nodes"},
		{"up --dry-run " + dnbc, exitOK, "lab kernel        0     1  make it", ""},
		{"up --dry-run -o json " + dnbc, exitOK, `"step": "lab kernel"`, ""},
		{"validate " + dnbc, exitOK, "dnbc        3     6     18       9      3", ""},
		{"validate " + dnbc + " " + bad, exitUsage, "dnbc        3", "unknown key wokers"},
		{"graph " + dnbc, exitOK, "flowchart", ""},
		{"graph --format dot " + dnbc, exitOK, "graph", ""},
		{"graph --format svg " + dnbc, exitUsage, "", `format "svg"`},
		{"schema", exitOK, "json-schema.org", ""},
		{"version", exitOK, "ptplab devel", ""},
		{"status", exitUsage, "", "ptplab: there is no lab; make one with: ptplab up TOPOLOGY\n"},
		{"status --lab dnbc", exitUsage, "", "there is no lab dnbc, nor any other"},
		{"status --lab ../x", exitUsage, "", "../x"},
		{"status -o xml", exitUsage, "", "there is table, json, yaml"},
		{"status --watch", exitUsage, "", "there is no lab"},
		{"logs -f", exitUsage, "", "there is no lab"},
		{"down", exitOK, "", "there is no lab, nothing to do\n"},
		{"down -q", exitOK, "", ""},
		{"down dnbc", exitOK, "", "there is no lab dnbc, nothing to do\n"},
		{"down " + dnbc, exitOK, "", "there is no lab dnbc, nothing to do\n"},
		{"down " + bad, exitUsage, "", "unknown key wokers"},
		{"down --all dnbc", exitUsage, "", "leave out dnbc"},
		{"down Not_A_Name", exitUsage, "", "Not_A_Name"},
		{"run", exitUsage, "", "usage: ptplab run DURATION"},
		{"run 10", exitUsage, "", `duration "10"`},
		{"run -- -5s", exitUsage, "", `duration "-5s"`},
		{"run 10s", exitUsage, "", "there is no lab"},
		{"link w1/ens1f0 sideways", exitUsage, "", `"sideways": there are up and down`},
		{"link w1 up", exitUsage, "", `port "w1"`},
		{"exec w1", exitUsage, "", "no command to run in w1"},
		{"exec w1 pmc -u", exitUsage, "", "comes after --"},
		{"exec -t w1", exitUsage, "", "-t needs a terminal"},
		{"exec w1 -- true", exitUsage, "", "there is no lab"},
		{"apply nowhere.yaml", exitUsage, "", "nowhere.yaml"},
		{"test", exitUsage, "", "there is no lab"},
		{"completion tcsh", exitUsage, "", "there are bash, zsh, fish"},
		{"completion bash", exitOK, "__start_ptplab", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, stdout, stderr := ptplab(t, strings.Fields(c.args)...)
			if code != c.code {
				t.Errorf("exit status %d, want %d", code, c.code)
			}
			if !strings.Contains(stdout, c.stdout) || c.stdout == "" && stdout != "" {
				t.Errorf("stdout %q, want %q", stdout, c.stdout)
			}
			if !strings.Contains(stderr, c.stderr) || c.stderr == "" && stderr != "" {
				t.Errorf("stderr %q, want %q", stderr, c.stderr)
			}
			if n := strings.Count(stderr, "ptplab: "); code != exitOK && n > 1 {
				t.Errorf("the error was printed %d times: %s", n, stderr)
			}
		})
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	t.Setenv("PTPLAB_HOME", home)
	for _, args := range [][]string{{"status"}, {"down", "dnbc"}, {"up", "--dry-run", "../../topologies/dnbc.yaml"}} {
		var out bytes.Buffer
		run(t.Context(), args, strings.NewReader(""), &out, &out)
		if _, err := os.Stat(home); err == nil {
			t.Errorf("ptplab %s left %s", strings.Join(args, " "), home)
		}
	}
}

func TestInterrupted(t *testing.T) {
	t.Setenv("PTPLAB_HOME", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, stderr bytes.Buffer
	code := run(ctx, []string{"status"}, strings.NewReader(""), &out, &stderr)
	if code != exitInterrupted || !strings.HasPrefix(stderr.String(), "ptplab: interrupted\n") {
		t.Errorf("exit status %d: %s", code, stderr.String())
	}
}

func TestHelp(t *testing.T) {
	root := newRoot(&app{})
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		args := strings.Fields(c.CommandPath())[1:]
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			code, stdout, stderr := ptplab(t, append(args, "--help")...)
			if code != exitOK || stderr != "" {
				t.Errorf("exit status %d: %s", code, stderr)
			}
			golden(t, strings.Join(append([]string{"help"}, args...), "-")+".txt", stdout)
			if c.Example == "" || c.Long == "" {
				t.Error("a command without example or explanation")
			}
		})
		for _, sub := range c.Commands() {
			if !sub.Hidden {
				visit(sub)
			}
		}
	}
	visit(root)
}

// record leaves the note of a lab that was killed half way.
func record(t *testing.T, home, name, topology string) {
	t.Helper()
	plan, err := loadPlan(topology)
	if err != nil {
		t.Fatal(err)
	}
	plan.Name = name
	text, err := json.Marshal(map[string]any{"name": name, "plan": plan})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lab.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCompletion(t *testing.T) {
	home := t.TempDir()
	t.Setenv("PTPLAB_HOME", home)
	record(t, home, "one", "../../topologies/oc.yaml")
	for args, want := range map[string]string{
		"status --lab ":             "one\n:4\n",
		"exec ":                     "w1\nw2\n:4\n",
		"logs ":                     "w1\nw2\n:4\n",
		"link ":                     "w2/ens2f0\nw1/ens1f0\n:4\n",
		"link w1/ens1f0 ":           "up\ndown\n:4\n",
		"down ":                     "one\n:4\n",
		"up ":                       "yaml\nyml\n:8\n",
		"up --time ":                "real\nskip\nvirtual\n:4\n",
		"status -o ":                "table\njson\nyaml\n:4\n",
		"exec --lab nowhere ":       ":4\n",
		"exec --lab ../../etc/foo ": ":4\n",
	} {
		fields := strings.Split(args, " ")
		code, stdout, _ := ptplab(t, append([]string{"__complete"}, fields...)...)
		if code != exitOK || stdout != want {
			t.Errorf("%q: exit status %d, %q, want %q", args, code, stdout, want)
		}
	}
}

func TestSeveralLabs(t *testing.T) {
	home := t.TempDir()
	t.Setenv("PTPLAB_HOME", home)
	record(t, home, "one", "../../topologies/oc.yaml")
	record(t, home, "two", "../../topologies/oc.yaml")
	for _, args := range []string{"status", "down"} {
		if code, _, stderr := ptplab(t, args); code != exitUsage || !strings.Contains(stderr, "one, two") {
			t.Errorf("%s: exit status %d: %s", args, code, stderr)
		}
	}
	if code, _, stderr := ptplab(t, "status", "--lab", "two"); code != exitFailed || !strings.Contains(stderr, "lab two does not run") {
		t.Errorf("status of a dead lab: exit status %d: %s", code, stderr)
	}
	if code, _, stderr := ptplab(t, "down", "--all"); code != exitOK || stderr != "lab one is gone\nlab two is gone\n" {
		t.Errorf("down --all: exit status %d: %s", code, stderr)
	}
	if entries, err := os.ReadDir(home); err == nil && len(entries) > 0 {
		t.Errorf("down --all left %v", entries)
	}
}

func TestBusy(t *testing.T) {
	home := t.TempDir()
	t.Setenv("PTPLAB_HOME", home)
	record(t, home, "one", "../../topologies/oc.yaml")
	a := &app{}
	l, err := a.open("one", "test")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	code, _, stderr := ptplab(t, "run", "1s")
	if code != exitBusy || !strings.Contains(stderr, "ptplab test") {
		t.Errorf("exit status %d: %s", code, stderr)
	}
}
