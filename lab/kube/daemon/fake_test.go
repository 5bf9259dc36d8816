package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"

	"github.com/ptplab/ptplab/lab/node"
	"github.com/ptplab/ptplab/lab/topology"
)

const (
	namespace = "openshift-ptp"
	within    = 20 * time.Second // of whatever a test waits for
	lookEvery = 5 * time.Millisecond
)

// kinds are the lists of the resources.
func kinds() map[schema.GroupVersionResource]string {
	return map[schema.GroupVersionResource]string{
		configResource(): "PtpConfigList", operatorResource(): "PtpOperatorConfigList", deviceResource(): "NodePtpDeviceList", nodeResource(): "NodeList",
	}
}

// objectOf is an object as a cluster has it.
func objectOf(t *testing.T, value any) *unstructured.Unstructured {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal(text, &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

// receiver is the object of a time receiver with a phc2sys on a worker.
func receiver(worker, name, port string) node.PtpConfig {
	plan := &topology.Plan{Clocks: []topology.Clock{{Name: name, Worker: worker, Type: topology.ClockOrdinary, Domain: 24, ReceivePorts: []string{port}, SystemClock: true}}}
	return node.PtpConfigs(plan)[0]
}

func kubeNode(name string, labels map[string]any) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": name, "labels": labels}}
}

func ptpObject(kind, name string, spec map[string]any) map[string]any {
	return map[string]any{"apiVersion": node.APIVersion, "kind": kind, "metadata": map[string]any{"name": name, "namespace": namespace}, "spec": spec}
}

func operatorObject(selector map[string]any) map[string]any {
	return ptpObject("PtpOperatorConfig", operatorConfig, map[string]any{"daemonNodeSelector": selector})
}

// bench is a daemon of node w1 whose programs print what a test writes.
type bench struct {
	*testing.T
	client         dynamic.Interface
	dir            string
	o              Options
	stdout, stderr text
	end            func() error // ends the daemon as SIGTERM does
}

// text is what a program printed.
type text struct {
	mu  sync.Mutex
	all strings.Builder
}

func (b *text) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *text) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

// newBench prepares a daemon in a cluster with some objects.
func newBench(t *testing.T, objects ...any) *bench {
	t.Helper()
	var all []runtime.Object
	for _, o := range objects {
		all = append(all, objectOf(t, o))
	}
	return prepare(t, fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds(), all...))
}

func prepare(t *testing.T, client dynamic.Interface) *bench {
	t.Helper()
	dir := shortDir(t)
	b := &bench{T: t, client: client, dir: dir}
	b.o = Options{
		Node: "w1", Namespace: namespace, Client: client, Stdout: &b.stdout, Log: logTo(&b.stderr),
		RunDir: filepath.Join(dir, "run"), SecretDir: filepath.Join(dir, "secrets"), Socket: filepath.Join(dir, "s", "events.sock"),
		MetricsAddress: freeAddress(t), ReadyAddress: freeAddress(t), ReadEvery: lookEvery, Settle: lookEvery, LookEvery: 20 * time.Millisecond,
		Enter: func(argv []string) *exec.Cmd {
			config := filepath.Base(argv[2])
			return exec.Command("tail", "-s", "0.01", "-n", "+1", "-f", filepath.Join(dir, "output", config))
		},
	}
	for _, name := range []string{"ptp4l.0", "ptp4l.1", "phc2sys.0", "phc2sys.1"} {
		b.write(name+".config", "")
	}
	return b
}

// write makes the program with that configuration print lines.
func (b *bench) write(config, lines string) {
	b.Helper()
	if err := os.MkdirAll(filepath.Join(b.dir, "output"), 0o755); err != nil {
		b.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(b.dir, "output", config), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := io.WriteString(f, lines); err != nil {
		b.Fatal(err)
	}
}

// start runs the daemon until the test or end ends it.
func (b *bench) start() {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, b.o) }()
	end := sync.OnceValue(func() error { cancel(); return <-done })
	b.end = end
	b.Cleanup(func() {
		if err := end(); err != nil {
			b.Error(err)
		}
		if b.Failed() {
			b.Logf("stdout:\n%s\nstderr:\n%s", &b.stdout, &b.stderr)
		}
	})
}

// until waits for something, and says what it waited for and what there was instead.
func (b *bench) until(what string, is func() (bool, string)) {
	b.Helper()
	eventually(b, what, is)
}

func (b *bench) put(value any) {
	b.Helper()
	u := objectOf(b.T, value)
	resource := b.resource(u)
	_, err := resource.Update(b.Context(), u, metav1.UpdateOptions{})
	if err != nil {
		if _, err = resource.Create(b.Context(), u, metav1.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *bench) resource(u *unstructured.Unstructured) dynamic.ResourceInterface {
	for resource, kind := range kinds() {
		if kind == u.GetKind()+"List" {
			if resource == nodeResource() {
				return b.client.Resource(resource)
			}
			return b.client.Resource(resource).Namespace(namespace)
		}
	}
	b.Fatalf("no resource for %s", u.GetKind())
	return nil
}

// get asks the daemon over TCP.
func (b *bench) get(address, path string) (int, string) {
	answer, err := http.Get("http://" + address + path)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(text)
}

// status is what the daemon's /status says.
func (b *bench) status() node.Status {
	var s node.Status
	if code, text := b.get(b.o.ReadyAddress, "/status"); code == http.StatusOK {
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			b.Errorf("/status: %v in %s", err, text)
		}
	}
	return s
}

// runs waits until the daemon runs just these configurations of these profiles: "ptp4l.0.config a_a".
func (b *bench) runs(want ...string) {
	b.Helper()
	b.until("programs "+strings.Join(want, ", "), func() (bool, string) {
		var have []string
		for _, p := range b.status().Processes {
			if p.State == node.Running || p.State == node.Waiting {
				have = append(have, p.Config+" "+p.Profile)
			}
		}
		return fmt.Sprint(have) == fmt.Sprint(want), fmt.Sprint(have)
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// shortDir is a folder of the test with a path that leaves room for the name of a Unix socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "daemon")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
