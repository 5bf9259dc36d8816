package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/cluster/fake"
	"github.com/ptplab/ptplab/conformance/sut"
)

func TestMailbox(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Method, " ", r.Host, r.URL.Path) }))
	defer api.Close()
	var m mailServer
	mail := httptest.NewServer(http.HandlerFunc(m.take))
	defer mail.Close()
	collect := httptest.NewServer(http.HandlerFunc(m.give))
	defer collect.Close()
	p := fake.NewPTP()
	p.Serve("", notificationsPort, api.Listener.Addr().String())
	p.Serve("", collectPort, collect.Listener.Addr().String())
	s := open(t, p, Options{Image: "registry.example/ptplab"})
	before := p.Everything()
	box, err := s.OpenMailbox(t.Context(), "w2")
	ok(t, err)
	if box.Endpoint() != "http://127.0.0.1:9043" {
		t.Error(box.Endpoint())
	}
	answer, err := (&http.Client{Transport: box}).Get(box.API() + "/api/ocloudNotifications/v2/health")
	ok(t, err)
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "GET localhost:9043/api/ocloudNotifications/v2/health" {
		t.Errorf("%q, %v", body, err)
	}
	for _, text := range []string{"one", "two"} {
		response, err := http.Post(mail.URL+"/event", "application/json", strings.NewReader(text))
		if err != nil || response.StatusCode != http.StatusNoContent {
			t.Fatalf("%v, %v", response, err)
		}
		got, err := box.Take(t.Context())
		if err != nil || len(got) != 1 || string(got[0].Body) != text || got[0].Path != "/event" || got[0].Header.Get("Content-Type") != "application/json" || got[0].At.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
	}
	ok(t, box.Close(t.Context()))
	same(t, before, p.Everything())
	if _, err := box.Take(t.Context()); err == nil {
		t.Error("a closed mailbox gives mail")
	}
}

func TestMailboxUnavailable(t *testing.T) {
	var unavailable *sut.UnavailableError
	s := open(t, fake.NewPTP(), Options{})
	if _, err := s.OpenMailbox(t.Context(), "w2"); !errors.As(err, &unavailable) {
		t.Errorf("without image: %v", err)
	}
}

func TestUnprivileged(t *testing.T) {
	p := fake.NewPTP()
	var pod fake.Object
	p.Run(func(where fake.Pod, argv []string) *fake.Outcome {
		pod = p.Get("pods", fake.Namespace, where.Name)
		return &fake.Outcome{Stderr: where.Node + ": Permission denied", Exit: 1}
	})
	s := open(t, p, Options{})
	before := p.Everything()
	got, err := s.ExecUnprivileged(t.Context(), "w3", []string{"pmc"})
	if err != nil || got.Stderr != "w3: Permission denied" || got.Exit != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	text, _ := json.Marshal(pod)
	for _, want := range []string{`"image":"registry.example/linuxptp-daemon-container"`, `"path":"/var/run/ptp"`, `"mountPath":"/var/run"`, `"runAsUser":65534`, `"drop":["ALL"]`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the pod lacks %s:\n%s", want, text)
		}
	}
	same(t, before, p.Everything())
}

func TestCrashNotifier(t *testing.T) {
	p := fake.NewPTP()
	exit := 0
	p.Run(func(_ fake.Pod, argv []string) *fake.Outcome { return &fake.Outcome{Exit: exit} })
	s := open(t, p, Options{})
	ok(t, s.CrashNotifier(t.Context(), "w1"))
	exit = 1
	if err := s.CrashNotifier(t.Context(), "w1"); err == nil {
		t.Error("nothing was killed, and no error")
	}
}

func TestDevices(t *testing.T) {
	p := fake.NewPTP()
	p.Run(func(pod fake.Pod, argv []string) *fake.Outcome {
		if pod.Node != "w1" || argv[len(argv)-1] != "ptplab-drivers" {
			return nil
		}
		return &fake.Outcome{Stdout: "eth0 virtio_net\nens1f0 ice\n"}
	})
	s := open(t, p, Options{})
	got, err := s.Devices(t.Context(), "w1")
	if diff := cmp.Diff([]sut.Device{{Name: "ens1f0", PCI: "0000:1f:01.0", Vendor: "0x8086", Driver: "ice"}}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestLoads(t *testing.T) {
	p := fake.NewPTP()
	s := open(t, p, Options{Clock: &fakeClock{}})
	var unavailable *sut.UnavailableError
	if _, err := s.Loads(t.Context(), time.Minute); !errors.As(err, &unavailable) {
		t.Errorf("without Prometheus: %v", err)
	}
	pod, err := s.daemonPod(t.Context(), "w1")
	ok(t, err)
	var queries []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		queries = append(queries, r.URL.Query().Get("query"))
		result := ""
		if len(queries) > 2 {
			result = fmt.Sprintf(`{"metric":{"pod":%q,"container":"cloud-event-proxy"},"value":[1,"0.0125"]},{"metric":{"pod":"gone","container":"x"},"value":[1,"1"]}`, pod.Name)
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, result)
	}))
	defer server.Close()
	p.Serve("", prometheusPort, server.Listener.Addr().String())
	p.Put("pods", "openshift-monitoring", fake.Object{"metadata": fake.Object{"name": "prometheus-k8s-0", "labels": fake.Object{"app.kubernetes.io/name": "prometheus"}}})
	p.Put("servicemonitors", "openshift-monitoring", fake.Object{"metadata": fake.Object{"name": "kubelet"}, "spec": fake.Object{"endpoints": []any{
		fake.Object{"path": "/metrics", "interval": "5s"}, fake.Object{"path": "/metrics/cadvisor", "interval": "45s"},
	}}})
	got, err := s.Loads(t.Context(), time.Minute)
	want := []sut.Load{{Node: "w1", PodType: "linuxptp-daemon", Pod: pod.Name, Container: "cloud-event-proxy", Millicores: 12.5}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if len(queries) != 3 || !strings.Contains(queries[0], "[100s]") || !strings.Contains(queries[2], "[120s]") { // 2 x 45 s + 10 s, then 10 s more each time
		t.Errorf("%q", queries)
	}
}

func FuzzVector(f *testing.F) {
	f.Add([]byte(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"b"},"value":[1,"0.5"]}]}}`))
	f.Add([]byte(`{"status":"error","error":"parse error"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if samples, err := parseVector(body); err != nil && samples != nil {
			t.Errorf("%v and %v", samples, err)
		}
	})
}
