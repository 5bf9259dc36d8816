package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/ptplab/ptplab/lab/node"
)

// What ptp4l writes until it is locked.
const lockLines = `ptp4l[10.100]: [ptp4l.0.config:5] port 1 (p0): INITIALIZING to LISTENING on INIT_COMPLETE
ptp4l[10.600]: [ptp4l.0.config:5] selected best master clock 001122.fffe.330102
ptp4l[10.600]: [ptp4l.0.config:5] port 1 (p0): LISTENING to UNCALIBRATED on RS_SLAVE
ptp4l[10.800]: [ptp4l.0.config:5] port 1 (p0): UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED
ptp4l[10.800]: [ptp4l.0.config:6] master offset         -7 s2 freq   +1000 path delay       501
`

func logTo(b *text) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// eventually looks until something is so.
func eventually(t testing.TB, what string, is func() (bool, string)) {
	t.Helper()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	seen := ""
	for end := time.Now().Add(within); time.Now().Before(end); <-tick.C {
		var ok bool
		if ok, seen = is(); ok {
			return
		}
	}
	t.Fatalf("waited %s for %s; last seen: %s", within, what, seen)
}

// TestFollowsTheCluster wants the node to run what the objects and its labels recommend, as they come and go.
func TestFollowsTheCluster(t *testing.T) {
	labelled := receiver("nobody", "b", "p1")
	labelled.Spec.Recommend[0].Match = []node.Match{{NodeLabel: "ptp/b"}}
	labelled.Spec.Profile[0].Phc2sysOpts = ""
	b := newBench(t, kubeNode("w1", nil), kubeNode("w2", nil), receiver("w2", "other", "p0"), labelled)
	b.start()
	b.until("/ready to miss a profile", func() (bool, string) {
		code, text := b.get(b.o.ReadyAddress, "/ready")
		return code == http.StatusServiceUnavailable && text == "Config not applied\n", text
	})
	b.put(receiver("w1", "a", "p0"))
	b.runs("ptp4l.0.config a_a", "phc2sys.0.config a_a")
	b.put(kubeNode("w1", map[string]any{"ptp/b": ""}))
	b.runs("ptp4l.0.config b_b", "ptp4l.1.config a_a", "phc2sys.1.config a_a") // profiles with phc2sys come last
	b.put(kubeNode("w1", nil))
	b.runs("ptp4l.0.config a_a", "phc2sys.0.config a_a")
	b.write("ptp4l.0.config", lockLines)
	b.until("phc2sys to start", func() (bool, string) {
		_, text := b.get(b.o.MetricsAddress, "/metrics")
		return strings.Contains(text, `openshift_ptp_process_status{config="phc2sys.0.config",node="w1",process="phc2sys"} 1`), text
	})
	b.until("ptp4l's lines", func() (bool, string) {
		text := b.stdout.String()
		return strings.Contains(text, "\n"+lockLines) && strings.Contains(text, "linuxptp-daemon: Profile Name: a\n"), text
	})
	if err := b.client.Resource(configResource()).Namespace(namespace).Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.runs()
}

// TestRefusesBadObjects wants an object with a fault to be told and left out, and the others to be applied.
func TestRefusesBadObjects(t *testing.T) {
	bad := receiver("w1", "bad", "p1")
	bad.Spec.Profile[0].PtpSchedulingPolicy = "SCHED_RR"
	nonsense := ptpObject("PtpConfig", "nonsense", map[string]any{"profile": "x", "recommend": int64(3)})
	b := newBench(t, kubeNode("w1", nil), bad, nonsense, receiver("w1", "good", "p0"))
	b.start()
	b.runs("ptp4l.0.config good_good", "phc2sys.0.config good_good")
	for _, want := range []string{`msg="PtpConfig refused" name=bad`, "SCHED_RR", `msg="PtpConfig refused" name=nonsense`} {
		if n := strings.Count(b.stderr.String(), want); n != 1 {
			t.Errorf("%q is told %d times", want, n)
		}
	}
	bad.Spec.Profile[0].PtpSchedulingPolicy = ""
	bad.Spec.Profile[0].Phc2sysOpts = ""
	b.put(bad)
	b.runs("ptp4l.0.config bad_bad", "ptp4l.1.config good_good", "phc2sys.1.config good_good")
}

// TestStopsEverything wants nothing to be left of the programs, and no file of profiles of an earlier daemon.
func TestStopsEverything(t *testing.T) {
	b := newBench(t, kubeNode("w1", nil), receiver("w1", "a", "p0"))
	stale := filepath.Join(b.o.RunDir, "ptp4l.7.config")
	kept := filepath.Join(b.o.RunDir, "other.socket")
	for _, file := range []string{stale, kept, b.o.Socket} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.start()
	b.runs("ptp4l.0.config a_a", "phc2sys.0.config a_a")
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", stale)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	pid := b.status().Processes[0].PID
	if err := b.end(); err != nil {
		t.Error(err)
	}
	if comm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm")); err == nil && strings.TrimSpace(string(comm)) == "tail" {
		t.Errorf("process %d still runs", pid)
	}
	if files, _ := filepath.Glob(filepath.Join(b.o.RunDir, "ptp4l.*")); len(files) > 0 {
		t.Errorf("files are left: %q", files)
	}
}

// TestServeFails wants a port that is taken to be an error, and nothing to be left listening.
func TestServeFails(t *testing.T) {
	b := newBench(t)
	b.o.ReadyAddress = b.o.MetricsAddress
	if err := Run(t.Context(), b.o); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
	if code, text := b.get(b.o.MetricsAddress, "/metrics"); code != 0 {
		t.Errorf("still served: %s", text)
	}
	if _, err := (Options{}).withDefaults(); err == nil {
		t.Error("options without a node are accepted")
	}
}

// freeRunning says whether phc2sys of a number only measures.
func (b *bench) freeRunning(config string) bool {
	text, err := os.ReadFile(filepath.Join(b.o.RunDir, config))
	return err == nil && strings.Contains(string(text), "free_running 1")
}

// TestSharedClock wants the first worker that the operator's configuration selects to steer, and no other.
func TestSharedClock(t *testing.T) {
	worker := map[string]any{"role": "worker"}
	b := newBench(t, kubeNode("w0", nil), kubeNode("w1", worker), kubeNode("w2", worker),
		receiver("w0", "c0", "p0"), receiver("w1", "c1", "p0"), receiver("w2", "c2", "p0"), operatorObject(worker))
	b.o.SharedClock = true
	b.start()
	b.runs("ptp4l.0.config c1_c1", "phc2sys.0.config c1_c1")
	b.until("w1 to steer", func() (bool, string) { return !b.freeRunning("phc2sys.0.config"), "it measures" })
	b.put(operatorObject(map[string]any{}))
	b.until("w0 to steer, now that all nodes are workers", func() (bool, string) { return b.freeRunning("phc2sys.0.config"), "w1 steers" })
	b.put(operatorObject(worker))
	b.until("w1 to steer again", func() (bool, string) { return !b.freeRunning("phc2sys.0.config"), "it measures" })
}

// TestOwnClock wants a node with a clock of its own to steer it, whoever else does.
func TestOwnClock(t *testing.T) {
	b := newBench(t, kubeNode("w0", nil), kubeNode("w1", nil), receiver("w0", "c0", "p0"), receiver("w1", "c1", "p0"))
	b.start()
	b.runs("ptp4l.0.config c1_c1", "phc2sys.0.config c1_c1")
	if b.freeRunning("phc2sys.0.config") {
		t.Error("phc2sys only measures")
	}
}

// TestSecretStartsAnew wants a program to be started anew when the secret that it reads changes.
func TestSecretStartsAnew(t *testing.T) {
	c := receiver("w1", "a", "p0")
	c.Spec.Profile[0].Ptp4lConf += "[global]\nsa_file " + node.SecretMount + "/keys/sa\n"
	b := newBench(t, kubeNode("w1", nil), c)
	key := filepath.Join(b.o.SecretDir, "keys", "sa")
	if err := os.MkdirAll(filepath.Dir(key), 0o755); err != nil {
		t.Fatal(err)
	}
	pid := func() int {
		all := b.status().Processes
		if i := slices.IndexFunc(all, func(p node.ProcessStatus) bool { return p.Program == "ptp4l" }); i >= 0 {
			return all[i].PID
		}
		return 0
	}
	writeFile(t, key, "one")
	b.start()
	b.runs("ptp4l.0.config a_a", "phc2sys.0.config a_a")
	first := pid()
	writeFile(t, key, "two")
	b.until("another ptp4l", func() (bool, string) { now := pid(); return now != 0 && now != first, strconv.Itoa(now) })
}

// TestUnreachable wants the daemon to live through an API server that does not answer, and to apply when it does.
func TestUnreachable(t *testing.T) {
	b := newBench(t, kubeNode("w1", nil), receiver("w1", "a", "p0"))
	gate := make(chan struct{})
	b.client.(*fake.FakeDynamicClient).PrependReactor("list", "ptpconfigs", func(clienttesting.Action) (bool, runtime.Object, error) {
		select {
		case <-gate:
			return false, nil, nil
		default:
			return true, nil, errors.New("connection refused")
		}
	})
	b.start()
	b.until("/ready", func() (bool, string) {
		code, text := b.get(b.o.ReadyAddress, "/ready")
		return code == http.StatusServiceUnavailable, text
	})
	close(gate)
	b.runs("ptp4l.0.config a_a", "phc2sys.0.config a_a")
}

// TestTellsDevices wants the list of devices in the object once there is one, and again when somebody takes it away.
func TestTellsDevices(t *testing.T) {
	b := newBench(t, kubeNode("w1", nil))
	b.start()
	b.until("the API server", func() (bool, string) { return strings.Contains(b.stderr.String(), "applied"), b.stderr.String() })
	devices := b.client.Resource(deviceResource()).Namespace(namespace)
	told := func() (bool, string) {
		object, err := devices.Get(context.Background(), "w1", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		list, found, err := unstructured.NestedSlice(object.Object, "status", "devices")
		return found && err == nil && len(list) == 0, fmt.Sprint(list) // the machine of a test has no such device
	}
	b.put(ptpObject("NodePtpDevice", "w1", map[string]any{}))
	b.until("the devices", told)
	b.put(ptpObject("NodePtpDevice", "w1", map[string]any{}))
	b.until("the devices again", told)
	other := ptpObject("NodePtpDevice", "w1", map[string]any{})
	other["status"] = map[string]any{"devices": []any{map[string]any{"name": "gone0"}}}
	b.put(other)
	b.until("the devices instead of others", told)
}

// TestDeviceList pins the names by which the suite and upstream's users look.
func TestDeviceList(t *testing.T) {
	got := deviceList([]node.Device{{Name: "ens1f0", PCI: "0000:1f:01.0", Vendor: "0x8086", Driver: "ice"}, {Name: "eni1"}})
	want := []any{
		map[string]any{"name": "ens1f0", "hardwareInfo": map[string]any{"pciAddress": "0000:1f:01.0", "vendorID": "0x8086"}}, map[string]any{"name": "eni1"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := deviceList(nil); got == nil || len(got) != 0 {
		t.Errorf("no device is %v, which a patch would take for no change", got)
	}
}

// TestPrinted wants each line to have the tag by which the suite knows its program.
func TestPrinted(t *testing.T) {
	for _, c := range []struct {
		line node.LogLine
		want string
	}{
		{node.LogLine{Text: "Profile Name: a"}, "linuxptp-daemon: Profile Name: a"},
		{node.LogLine{Config: "phc2sys.0.config", Text: "phc2sys[1.0]: [ptp4l.0.config:6] CLOCK_REALTIME phc offset 3 s2"}, "phc2sys[1.0]: [ptp4l.0.config:6] CLOCK_REALTIME phc offset 3 s2"},
		{node.LogLine{Config: "ptp4l.0.config", Text: "ptp4l[1]:[ptp4l.0.config] CLOCK_CLASS_CHANGE 6"}, "ptp4l[1]:[ptp4l.0.config] CLOCK_CLASS_CHANGE 6"},
		{node.LogLine{Config: "ptp4l.0.config", Text: "failed to parse configuration file /var/run/ptp4l.0.config"}, "linuxptp-daemon: [ptp4l.0.config] failed to parse configuration file /var/run/ptp4l.0.config"},
		{node.LogLine{Config: "ptp4l.0.config", Text: "ended: signal: killed"}, "linuxptp-daemon: [ptp4l.0.config] ended: signal: killed"},
	} {
		if got := printed(c.line); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
