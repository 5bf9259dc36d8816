package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/cluster/fake"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

// open gives a system on a fake cluster.
func open(t *testing.T, p *fake.PTP, o Options) *System {
	t.Helper()
	t.Cleanup(p.Close)
	s, err := newSystem(p.Config(), o.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// clockOn is a PtpConfig with one clock for the nodes with a label.
func clockOn(name, label, ports string) ptpconfig.PtpConfig {
	options, conf, phc2sys := "-2", "[global]\ndomainNumber 24\n"+ports, "-a -r"
	return ptpconfig.PtpConfig{
		APIVersion: ptpconfig.APIVersion, Kind: ptpconfig.Kind, Metadata: ptpconfig.Metadata{Name: name},
		Spec: ptpconfig.Spec{
			Profile:   []ptpconfig.Profile{{Name: name, Ptp4lOpts: &options, Ptp4lConf: &conf, Phc2sysOpts: &phc2sys}},
			Recommend: []ptpconfig.Recommend{{Profile: name, Priority: 5, Match: []ptpconfig.Match{{NodeLabel: label}}}},
		},
	}
}

func TestExec(t *testing.T) {
	for _, noWS := range []bool{false, true} {
		t.Run(fmt.Sprintf("noWS=%v", noWS), func(t *testing.T) {
			p := fake.NewPTP()
			p.NoWS = noWS
			p.Run(func(pod fake.Pod, argv []string) *fake.Outcome {
				return &fake.Outcome{Stdout: pod.Node + " " + pod.Container + " " + strings.Join(argv, "|"), Stderr: "oops", Exit: len(argv) - 1}
			})
			s := open(t, p, Options{})
			got, err := s.Exec(t.Context(), "w2", []string{"pmc", "GET X", "y"})
			want := sut.Result{Stdout: "w2 linuxptp-daemon-container pmc|GET X|y", Stderr: "oops", Exit: 2}
			if err != nil || got != want {
				t.Errorf("got %+v, %v; want %+v", got, err, want)
			}
			if got, err = s.Exec(t.Context(), "w2", []string{"true"}); err != nil || got.Exit != 0 {
				t.Errorf("true: %+v, %v", got, err)
			}
			if _, err = s.Exec(t.Context(), "w9", []string{"true"}); err == nil || !strings.Contains(err.Error(), "no pod of linuxptp-daemon on node w9") {
				t.Errorf("unknown node: %v", err)
			}
		})
	}
}

func TestPortsOfPods(t *testing.T) {
	ready := true
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/metrics":
			fmt.Fprint(w, strings.Repeat("openshift_ptp_x 1\n", 10_000))
		case r.URL.Path == "/ready" && ready:
			fmt.Fprint(w, "OK\n")
		case r.URL.Path == "/ready":
			http.Error(w, "Config not applied", http.StatusServiceUnavailable)
		}
	}))
	defer daemon.Close()
	for _, noWS := range []bool{false, true} {
		p := fake.NewPTP()
		p.NoWS = noWS
		s := open(t, p, Options{})
		if _, err := s.Metrics(t.Context(), "w1"); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("nobody listens: %v", err)
		}
		p.Serve("", metricsPort, daemon.Listener.Addr().String())
		p.Serve("", readyPort, daemon.Listener.Addr().String())
		for range 3 {
			text, err := s.Metrics(t.Context(), "w1")
			if err != nil || len(text) != 180_000 {
				t.Fatalf("%d bytes of metrics, %v", len(text), err)
			}
		}
		ready = true
		if ok, why, err := s.Ready(t.Context(), "w1"); !ok || err != nil {
			t.Errorf("ready: %v, %q, %v", ok, why, err)
		}
		ready = false
		if ok, why, err := s.Ready(t.Context(), "w1"); ok || why != "Config not applied" || err != nil {
			t.Errorf("not ready: %v, %q, %v", ok, why, err)
		}
		if err := s.RestartDaemon(t.Context(), "w1"); err != nil { // its connection ends with it
			t.Fatal(err)
		}
		if _, err := s.Metrics(t.Context(), "w1"); err != nil {
			t.Errorf("after a restart: %v", err)
		}
	}
}

func TestRestartDaemon(t *testing.T) {
	p := fake.NewPTP()
	s := open(t, p, Options{})
	before, err := s.daemonPod(t.Context(), "w2")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RestartDaemon(t.Context(), "w2"); err != nil {
		t.Fatal(err)
	}
	after, err := s.daemonPod(t.Context(), "w2")
	if err != nil || after.UID == before.UID {
		t.Errorf("pod %s after %s, %v", after.UID, before.UID, err)
	}
}

func TestAwaitGivesUp(t *testing.T) {
	p := fake.NewPTP()
	s := open(t, p, Options{})
	err := s.await(t.Context(), "a pod to come", 50*time.Millisecond, s.podsOf("openshift-ptp", "app=nothing", ""), func(all objects) (bool, string, error) {
		return len(all) > 0, "no pod", nil
	})
	if err == nil || !strings.Contains(err.Error(), "for a pod to come; last seen: no pod") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = s.await(ctx, "a pod to come", time.Minute, s.podsOf("openshift-ptp", "app=nothing", ""), func(objects) (bool, string, error) {
		cancel()
		return false, "no pod", nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestAwaitOutlivesTheServer waits for a pod while the API server is away, and forgets, now and then.
func TestAwaitOutlivesTheServer(t *testing.T) {
	p := fake.NewPTP()
	s := open(t, p, Options{})
	lists := 0
	p.Before = func(w http.ResponseWriter, r *http.Request) bool {
		watches := r.URL.Query().Get("watch") != ""
		if !watches {
			lists++
		}
		switch {
		case lists == 1:
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"ServiceUnavailable","code":503}`, http.StatusServiceUnavailable)
		case watches:
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}`, http.StatusGone)
		default:
			return false
		}
		return true
	}
	seen := 0
	err := s.await(t.Context(), "a pod to come", time.Minute, s.podsOf("openshift-ptp", daemonSelector, ""), func(all objects) (bool, string, error) {
		seen++
		return seen == 2, "not yet", nil
	})
	if err != nil || lists != 3 {
		t.Errorf("%d lists, %v", lists, err)
	}
}

func TestLogs(t *testing.T) {
	p := fake.NewPTP()
	s := open(t, p, Options{})
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	all, err := s.Logs(t.Context(), "w1", time.Time{})
	if err != nil || len(all) != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	got, err := s.Logs(t.Context(), "w1", at("2026-01-01T00:00:02.2Z"))
	want := []sut.LogLine{
		{At: at("2026-01-01T00:00:02.25Z"), Process: "ptp4l.0.config", Text: "ptp4l[12.345]: [ptp4l.0.config:6] port 1 (ens1f0): UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED"},
		{At: at("2026-01-01T00:00:03.125Z"), Process: "ptp4l.0.config", Text: "phc2sys[13.345]: [ptp4l.0.config] CLOCK_REALTIME phc offset 1 s2 freq +1 delay 500"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func FuzzLogLine(f *testing.F) {
	f.Add("2026-01-01T00:00:02.25Z ptp4l[12.345]: [ptp4l.0.config:6] port 1")
	f.Add("2026-01-01T00:00:02.25Z")
	f.Fuzz(func(t *testing.T, text string) {
		if line, ok := parseLine(text); ok && !strings.HasSuffix(text, line.Text) {
			t.Errorf("%q of %q", line.Text, text)
		}
	})
}
