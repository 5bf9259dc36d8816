//go:build lab

package monitoring

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ptplab/ptplab/lab/image"
	"github.com/ptplab/ptplab/lab/image/node"
	"github.com/ptplab/ptplab/lab/kube/kubetest"
)

// soon calls attempt until it has no error, at most a minute.
func soon(t *testing.T, what string, attempt func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := attempt(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited for %s; last seen: %v", what, err)
		}
	}
}

// apply applies the objects as lab/kube does.
func apply(t *testing.T, s *kubetest.Server, list []*unstructured.Unstructured) {
	t.Helper()
	client, err := dynamic.NewForConfig(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range list {
		gvk := object.GroupVersionKind()
		resource, _ := meta.UnsafeGuessKindToResource(gvk)
		var to dynamic.ResourceInterface = client.Resource(resource)
		if object.GetNamespace() != "" {
			to = client.Resource(resource).Namespace(object.GetNamespace())
		}
		soon(t, "the server to take "+object.GetKind()+" "+object.GetName(), func(ctx context.Context) error {
			_, err := to.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: "test", Force: true})
			return err
		})
	}
}

// program takes Debian's Prometheus out of the node image.
func program(t *testing.T) string {
	t.Helper()
	nodes, err := image.Node(image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	archive, ok := nodes.Path(t.Context())
	if !ok {
		t.Skip("the image cache has no node image; ptplab image build node makes it")
	}
	packed, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		t.Fatal(err)
	}
	files := mutate.Extract(packed)
	defer files.Close()
	want := strings.TrimPrefix(node.LayerPath(node.LayerPrometheus), "/") + "/" + node.PrometheusProgram
	for r := tar.NewReader(files); ; {
		header, err := r.Next()
		if err != nil {
			t.Fatalf("the node image has no %s: %v", want, err)
		}
		if header.Name != want {
			continue
		}
		path := filepath.Join(t.TempDir(), "prometheus")
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o700)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(file, r)
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		return path
	}
}

// serve answers requests for a path with a text.
func serve(path, text string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
	return mux
}

const cadvisor = `# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="linuxptp-daemon-container",cpu="total",namespace="openshift-ptp",pod="linuxptp-daemon-x"} 1
container_cpu_usage_seconds_total{container="",cpu="total",id="/",namespace="",pod=""} 2
container_fs_reads_total{container="linuxptp-daemon-container",namespace="openshift-ptp",pod="linuxptp-daemon-x"} 3
`

const daemonMetrics = `# TYPE openshift_ptp_offset_ns gauge
openshift_ptp_offset_ns{from="master",iface="CLOCK_REALTIME",node="w1",process="phc2sys"} -3
`

// plant makes a node whose kubelet and a pod whose daemon answer here.
func plant(t *testing.T, s *kubetest.Server) {
	t.Helper()
	kubelet := httptest.NewTLSServer(serve("/metrics/cadvisor", cadvisor))
	t.Cleanup(kubelet.Close)
	const podIP = "127.0.0.91"
	listener, err := net.Listen("tcp", podIP+":9091")
	if err != nil {
		t.Fatal(err)
	}
	daemon := &httptest.Server{Listener: listener, Config: &http.Server{Handler: serve("/metrics", daemonMetrics)}}
	daemon.Start()
	t.Cleanup(daemon.Close)

	client, err := kubernetes.NewForConfig(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	w1, err := client.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "w1"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	address := kubelet.Listener.Addr().(*net.TCPAddr)
	w1.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address.IP.String()}}
	w1.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(address.Port)
	if _, err := client.CoreV1().Nodes().UpdateStatus(t.Context(), w1, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	pods := client.CoreV1().Pods("openshift-ptp")
	pod, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "linuxptp-daemon-x", Labels: map[string]string{"app": "linuxptp-daemon"}},
		Spec: corev1.PodSpec{NodeName: "w1", Containers: []corev1.Container{
			{Name: "linuxptp-daemon-container", Image: "x"}, {Name: "cloud-event-proxy", Image: "x", Ports: []corev1.ContainerPort{{ContainerPort: 9043}}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod.Status.Phase, pod.Status.PodIP, pod.Status.PodIPs = corev1.PodRunning, podIP, []corev1.PodIP{{IP: podIP}}
	if _, err := pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// start runs Prometheus with the rights that it has in a cluster, outside of one: the server's address comes from a file.
func start(t *testing.T, s *kubetest.Server) (address string) {
	t.Helper()
	dir := t.TempDir()
	config, err := clientcmd.LoadFromFile(s.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	as := s.As("openshift-monitoring", "prometheus-k8s").Impersonate
	for _, user := range config.AuthInfos {
		user.Impersonate, user.ImpersonateGroups = as.UserName, as.Groups
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(dir, "token")
	text, err := Config(Options{Every: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	text = strings.ReplaceAll(text, "/var/run/secrets/kubernetes.io/serviceaccount/token", token)
	for _, role := range []string{"node", "pod"} {
		text = strings.ReplaceAll(text, "  - role: "+role+"\n", "  - role: "+role+"\n    kubeconfig_file: "+kubeconfig+"\n")
	}
	text = strings.Replace(text, "    - role: pod\n    kubeconfig_file: "+kubeconfig+"\n", "    - role: pod\n", 1) // the selector's
	for path, content := range map[string]string{token: "secret", filepath.Join(dir, "prometheus.yml"): text} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address = kubetest.FreeAddress(t)
	cmd := exec.Command(program(t), "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--storage.tsdb.retention.time=2h", "--web.listen-address="+address)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var talk strings.Builder
	cmd.Stderr = &talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("Prometheus printed:\n%s", talk.String())
		}
	})
	return address
}

// query returns the labels of each series that an instant query gives.
func query(ctx context.Context, address, promQL string) ([]map[string]string, error) {
	target := "http://" + address + "/api/v1/query?" + url.Values{"query": {promQL}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	var all []map[string]string
	for _, one := range answer.Data.Result {
		all = append(all, one.Metric)
	}
	return all, nil
}

// The real API server takes the objects, and Debian's Prometheus, with the rights that they give, finds the kubelets and
// the daemons and has what the suite asks for.
func TestCollects(t *testing.T) {
	s := kubetest.Start(t)
	namespace := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "openshift-ptp"},
	}}
	apply(t, s, append([]*unstructured.Unstructured{namespace}, objects(t, Options{})...))
	plant(t, s)
	address := start(t, s)
	for promQL, want := range map[string]map[string]string{
		`sum by (pod, container) (rate(container_cpu_usage_seconds_total{namespace="openshift-ptp",container!="",container!="POD"}[30s]))`: {
			"pod": "linuxptp-daemon-x", "container": "linuxptp-daemon-container",
		},
		`openshift_ptp_offset_ns{node="w1"}`: {
			"node": "w1", "process": "phc2sys", "iface": "CLOCK_REALTIME", "from": "master", "pod": "linuxptp-daemon-x", "namespace": "openshift-ptp",
			"container": "linuxptp-daemon-container", "service": "ptp-monitor-service", "job": "ptp-monitor-service",
		},
	} {
		soon(t, promQL, func(ctx context.Context) error {
			found, err := query(ctx, address, promQL)
			if err != nil {
				return err
			}
			if len(found) != 1 {
				return fmt.Errorf("%d series: %v", len(found), found)
			}
			for name, value := range want {
				if found[0][name] != value {
					return fmt.Errorf("the series is %v, want %s=%q", found[0], name, value)
				}
			}
			return nil
		})
	}
	if found, err := query(t.Context(), address, "container_fs_reads_total"); err != nil || len(found) > 0 {
		t.Errorf("Prometheus keeps %v, %v; want only what is asked for", found, err)
	}
}
