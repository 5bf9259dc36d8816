package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/lab"
)

// fakeCollector writes a text.
type fakeCollector struct {
	text   string
	faults []*lab.CollectError
	err    error
	before func() // is called while it collects
}

func (f *fakeCollector) Collect(_ context.Context, w io.Writer, o lab.CollectOptions) ([]*lab.CollectError, error) {
	o.Tell("lab/status.json")
	if f.before != nil {
		f.before()
	}
	_, err := io.WriteString(w, f.text)
	return f.faults, errors.Join(err, f.err)
}

func TestCollectTo(t *testing.T) {
	fault := []*lab.CollectError{{Part: "nodes/w1/metrics.txt", Err: errors.New("it does not answer")}}
	for label, c := range map[string]struct {
		from    fakeCollector
		there   bool // before it begins
		comes   bool // while it collects
		force   bool
		content string // of the file; "" for none
		fault   string
	}{
		"new":           {from: fakeCollector{text: "new"}, content: "new"},
		"there":         {from: fakeCollector{text: "new"}, there: true, content: "old", fault: "is there already; replace it with --force"},
		"there, forced": {from: fakeCollector{text: "new"}, there: true, force: true, content: "new"},
		"comes":         {from: fakeCollector{text: "new"}, comes: true, content: "old", fault: "is there already"},
		"fails":         {from: fakeCollector{text: "half", err: errors.New("disk full")}, fault: "disk full"},
		"fails, forced": {from: fakeCollector{text: "half", err: errors.New("disk full")}, there: true, force: true, content: "old", fault: "disk full"},
		"parts":         {from: fakeCollector{text: "new", faults: fault}, content: "new", fault: "1 part could not be collected"},
	} {
		t.Run(label, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "x.tar.gz")
			put := func() {
				if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if c.there {
				put()
			}
			if c.comes {
				c.from.before = put
			}
			var stdout bytes.Buffer
			a := &app{stdout: &stdout, quiet: true}
			a.begin()
			a.talk = &talk.Talk{}
			err := a.collectTo(t.Context(), &c.from, path, c.force, lab.CollectOptions{})
			if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%v, want %q", err, c.fault)
			}
			text, _ := os.ReadFile(path)
			if string(text) != c.content {
				t.Errorf("the file is %q, want %q", text, c.content)
			}
			if want := c.content == "new"; (stdout.String() == path+"\n") != want {
				t.Errorf("stdout is %q", stdout.String())
			}
			entries, err := os.ReadDir(dir)
			if want := min(1, len(c.content)); err != nil || len(entries) != want {
				t.Errorf("%v, %v: want %d file", entries, err, want)
			}
		})
	}
}

// TestCollectFaultsExit wants the same exit status whatever was behind a fault.
func TestCollectFaultsExit(t *testing.T) {
	if err := collectFaults(nil); err != nil {
		t.Error(err)
	}
	err := collectFaults([]*lab.CollectError{{Part: "nodes/w1", Err: usageErrorf("no such node")}, {Part: "cluster/", Err: errors.New("away")}})
	if code := exitCode(err); code != exitFailed || len(parts(err)) != 3 {
		t.Errorf("exit status %d, %v", code, parts(err))
	}
}

func TestCollectUsage(t *testing.T) {
	for args, want := range map[string]string{
		"collect":                       "there is no lab",
		"collect a b":                   "is one too many",
		"collect a --pcap w1:1s":        `--pcap w1:1s: port "w1"`,
		"collect a --pcap w1/ens1f0":    "is not NODE/PORT:DURATION",
		"collect a --pcap w1/ens1f0:0s": `duration "0s"`,
	} {
		code, stdout, stderr := ptplab(t, strings.Fields(args)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit status %d, %q, want %q", args, code, stderr, want)
		}
	}
	if o, err := (collectFlags{captures: []string{"w1/a:1s", "w1/a:2s"}}).options(); err != nil || len(o.Captures) != 2 || o.Filter != lab.PTPFilter {
		t.Errorf("%+v, %v", o, err)
	}
	for filter, want := range map[string]string{"all": "", "arp": "arp"} {
		if o, err := (collectFlags{filter: filter}).options(); err != nil || o.Filter != want {
			t.Errorf("%s: %+v, %v", filter, o, err)
		}
	}
}

// TestCollectHelp wants every folder of a collection in the help.
func TestCollectHelp(t *testing.T) {
	_, stdout, _ := ptplab(t, "collect", "--help")
	for _, entry := range lab.CollectLayout() {
		if !strings.Contains(stdout, "\n  "+entry[0]+" ") {
			t.Errorf("%s is not in the help:\n%s", entry[0], stdout)
		}
	}
}
