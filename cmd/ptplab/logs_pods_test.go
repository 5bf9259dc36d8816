package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/ptplab/ptplab/lab/topology"
)

// fakeAPI is an API server that has pods and their logs.
type fakeAPI struct {
	mu   sync.Mutex
	pods []fakePod
	gets chan string // each request for a log, if somebody takes it
}

type fakePod struct {
	name, node string
	created    string            // a time; "" for early
	logs       map[string]string // by container: all that it has printed
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	const root = "/api/v1/namespaces/openshift-ptp/pods"
	if r.URL.Path == root && r.URL.Query().Get("labelSelector") == daemonPods {
		var items []string
		for _, p := range f.pods {
			var containers []string
			for _, c := range []string{"linuxptp-daemon-container", "cloud-event-proxy"} {
				if _, ok := p.logs[c]; ok {
					containers = append(containers, fmt.Sprintf(`{"name":%q}`, c))
				}
			}
			if p.created == "" {
				p.created = "2026-01-01T00:00:00Z"
			}
			items = append(items, fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"openshift-ptp","creationTimestamp":%q},"spec":{"nodeName":%q,"containers":[%s]}}`,
				p.name, p.created, p.node, strings.Join(containers, ",")))
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"kind":"PodList","apiVersion":"v1","items":[%s]}`, strings.Join(items, ","))
		return
	}
	for _, p := range f.pods {
		if r.URL.Path == root+"/"+p.name+"/log" && r.URL.Query().Get("timestamps") == "true" {
			fmt.Fprint(w, p.logs[r.URL.Query().Get("container")])
			if f.gets != nil && r.URL.Query().Get("follow") == "true" {
				select {
				case f.gets <- p.name:
				default:
				}
			}
			return
		}
	}
	http.NotFound(w, r)
}

// podLogsOf are the logs of an API server.
func podLogsOf(t *testing.T, api http.Handler) *podLogs {
	t.Helper()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	kube, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	return &podLogs{kube}
}

// stamped is a line with the time of a second.
func stamped(second int, text string) string {
	return fmt.Sprintf("2026-01-01T00:00:%02d.000000001Z %s\n", second, text)
}

// TestPodLogs wants the lines of both containers of the right pod in the order of their times.
func TestPodLogs(t *testing.T) {
	pods := podLogsOf(t, &fakeAPI{pods: []fakePod{
		{"old", "w1", "2025-01-01T00:00:00Z", map[string]string{"linuxptp-daemon-container": stamped(0, "old")}},
		{"new", "w1", "", map[string]string{
			"linuxptp-daemon-container": stamped(1, "one") + stamped(3, "three") + "no time\n", "cloud-event-proxy": stamped(2, "two"),
		}},
		{"oldest", "w1", "2024-01-01T00:00:00Z", map[string]string{"linuxptp-daemon-container": stamped(0, "oldest")}},
		{"other", "w2", "", map[string]string{"linuxptp-daemon-container": stamped(1, "other")}},
	}})
	var out bytes.Buffer
	p := &logPrinter{out: &out, withNode: true}
	if err := pods.print(t.Context(), "w1", p); err != nil {
		t.Fatal(err)
	}
	const want = `w1   linuxptp-daemon-container one
w1   cloud-event-proxy         two
w1   linuxptp-daemon-container three
w1   linuxptp-daemon-container no time
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
	if err := pods.print(t.Context(), "w3", p); err == nil || !strings.Contains(err.Error(), "log of w3: no pod") {
		t.Errorf("%v", err)
	}
}

// lockedBuffer may be read while others write.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestFollowPods follows a pod whose log ends and goes on, and then the pod that takes its place: each line once.
func TestFollowPods(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	const c = "linuxptp-daemon-container"
	api := &fakeAPI{gets: make(chan string), pods: []fakePod{{"a", "w1", "", map[string]string{c: stamped(1, "one")}}}}
	var out lockedBuffer
	stop := podLogsOf(t, api).followAll(ctx, []string{"w1"}, &logPrinter{out: &out}, time.Millisecond)
	defer stop()
	await := func(pod, want string) {
		t.Helper()
		for out.String() != want {
			select {
			case got := <-api.gets:
				if got != pod {
					t.Errorf("asked for the log of %s, not of %s", got, pod)
				}
			case <-ctx.Done():
				t.Fatalf("%q, want %q", out.String(), want)
			}
		}
	}
	line := func(text string) string { return fmt.Sprintf("%-25s %s\n", c, text) }
	await("a", line("one"))
	api.mu.Lock()
	api.pods[0].logs[c] += stamped(2, "two")
	api.mu.Unlock()
	await("a", line("one")+line("two"))
	api.mu.Lock()
	api.pods = []fakePod{{"b", "w1", "", map[string]string{c: stamped(3, "three")}}}
	api.mu.Unlock()
	await("b", line("one")+line("two")+line("three"))
}

func TestPodNodes(t *testing.T) {
	plan := &topology.Plan{Nodes: topology.NodesKind, Workers: []string{"w1", "w2"}, Switches: []topology.Switch{{Name: "sw1"}}}
	for node, want := range map[string]string{"": "w1 w2", "w1": "w1", "sw1": ""} {
		if got := strings.Join(podNodes(plan, node), " "); got != want {
			t.Errorf("%q: %s, want %s", node, got, want)
		}
		if err := knowsNode(plan, node); err != nil {
			t.Errorf("%q: %v", node, err)
		}
	}
	if err := knowsNode(plan, "w9"); exitCode(err) != exitUsage || !strings.Contains(err.Error(), "w1, w2, sw1") {
		t.Errorf("%v", err)
	}
	plan.Nodes = topology.NodesPlain
	if got := podNodes(plan, "w1"); len(got) > 0 || knowsNode(plan, "w9") != nil {
		t.Errorf("plain: %s", got)
	}
}
