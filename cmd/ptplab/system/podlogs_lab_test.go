//go:build lab

package system_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance/podlogs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// TestPodLogsOfALab collects more lines than a node keeps, and compares them with the log files of the node itself.
func TestPodLogsOfALab(t *testing.T) {
	s, down := boot(t, load(t, "oc"))
	defer down()
	dir := t.TempDir()
	collector, err := podlogs.New(podlogs.Plain(s, []string{"w1", "w2"}),
		podlogs.Options{Dir: dir, Suite: podlogs.Serial, Markers: true, Clock: s})
	if err != nil {
		t.Fatal(err)
	}
	watched := podlogs.Watch(s, collector, 10*time.Second, func(err error) { t.Error(err) })
	act := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	act(collector.Start(t.Context()))
	act(collector.SpecBegins(t.Context(), "sync"))
	act(watched.Sleep(t.Context(), 3*time.Minute))
	act(collector.SpecEnds(t.Context(), "sync", "passed"))
	act(collector.Stop(t.Context()))

	text, err := os.ReadFile(filepath.Join(dir, "serial", "serial_linuxptp-daemon-w1_linuxptp-daemon-container.log"))
	act(err)
	var marks, got []string
	for line := range strings.Lines(string(text)) {
		switch line = strings.TrimSuffix(line, "\n"); {
		case strings.HasPrefix(line, "====="):
			marks = append(marks, line)
		case strings.HasPrefix(line, "ptp4l["):
			got = append(got, line)
		}
	}
	if len(marks) != 4 {
		t.Errorf("markers %q, want begin and end of the suite and of a spec", marks)
	}
	result, err := s.Exec(t.Context(), "w1", []string{"cat", "/var/run/log/ptp4l.0.log"})
	act(err)
	want := slices.DeleteFunc(strings.Split(result.Stdout, "\n"), func(line string) bool { return !strings.HasPrefix(line, "ptp4l[") })
	if len(got) < 1500 {
		t.Fatalf("%d lines, want more than a node keeps", len(got))
	}
	first := slices.Index(want, got[0])
	if first < 0 || !slices.Equal(want[first:min(len(want), first+len(got))], got) {
		t.Errorf("the node wrote %d lines, collected were %d from number %d, and they differ", len(want), len(got), first)
	}
	if _, ok := sut.As[sut.Truth](watched); !ok {
		t.Error("what the lab can do is hidden")
	}
}
