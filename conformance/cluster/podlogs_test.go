package cluster

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/cluster/fake"
	"github.com/ptplab/ptplab/conformance/podlogs"
)

func TestPodLogs(t *testing.T) {
	p := fake.NewPTP()
	s := open(t, p, Options{})
	pod, err := s.daemonPod(t.Context(), "w1")
	ok(t, err)
	object := p.Get("pods", fake.Namespace, pod.Name)
	status := object["status"].(fake.Object)
	status["containerStatuses"] = []any{
		fake.Object{"name": daemonContainer, "restartCount": 2, "state": fake.Object{"running": fake.Object{}}},
		fake.Object{"name": proxyContainer, "restartCount": 0, "state": fake.Object{"waiting": fake.Object{}}},
	}
	p.Put("pods", fake.Namespace, object)
	var asked []string
	p.Log = func(pod, container string) []string {
		asked = append(asked, container)
		return []string{"2026-01-01T00:00:01Z before", "2026-01-01T00:00:02.5Z after"}
	}
	source := s.PodLogs()
	got, err := source.Streams(t.Context())
	want := []podlogs.Stream{{Pod: pod.Name, Container: daemonContainer, Restart: 1, Ended: true}, {Pod: pod.Name, Container: daemonContainer, Restart: 2}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Fatalf("%v\n%s", err, diff)
	}
	var lines []string
	err = source.Read(t.Context(), got[0], time.Date(2026, 1, 1, 0, 0, 2, 100, time.UTC), true, func(l podlogs.Line) { lines = append(lines, l.Text) })
	if diff := cmp.Diff([]string{"after"}, lines); diff != "" || err != nil || len(asked) != 1 {
		t.Errorf("%v %q\n%s", err, asked, diff)
	}
	old := podlogs.Stream{Pod: pod.Name, Container: daemonContainer}
	if err := source.Read(t.Context(), old, time.Time{}, false, func(podlogs.Line) {}); err == nil {
		t.Error("the log of a container that was started twice since is another's")
	}
}
