// Package kubetest starts a real etcd and a real kube-apiserver for tests, from the programs of ptplab's image cache.
// No kubelet is there: nodes are objects, and no container runs.
package kubetest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ptplab/ptplab/lab/image"
	"github.com/ptplab/ptplab/lab/kube/certificate"
)

// Server is an API server with its database. It ends with the test.
type Server struct {
	t       testing.TB
	program string // all of Kubernetes, called by the name of one
	dir     string

	Config     *rest.Config // of an administrator
	Kubeconfig string       // a file for the same
}

const (
	startWithin = 90 * time.Second
	lookEvery   = 100 * time.Millisecond
	day         = 24 * time.Hour
)

// Program is the cached program that is every part of Kubernetes. Where the cache has none, the test is skipped.
func Program(t testing.TB) string {
	t.Helper()
	programs, err := image.Programs(image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	root, ok := programs.Path(t.Context())
	if !ok {
		t.Skip("the image cache has no Kubernetes programs; ptplab image build makes them")
	}
	return filepath.Join(root, "usr/bin/kubernetes")
}

// Start starts a server on free ports of this machine, with rights by role (RBAC) as in any cluster.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, program: Program(t), dir: t.TempDir()}
	etcd := s.startEtcd()
	s.startAPIServer(etcd)
	return s
}

func (s *Server) startEtcd() (url string) {
	s.t.Helper()
	url, peers := "http://"+FreeAddress(s.t), "http://"+FreeAddress(s.t)
	ended := s.run("etcd", "--data-dir", filepath.Join(s.dir, "etcd"), "--listen-client-urls", url, "--advertise-client-urls", url,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers,
		"--unsafe-no-fsync", "--log-level", "warn")
	s.await("etcd", url+"/health", http.DefaultClient, ended)
	return url
}

func (s *Server) startAPIServer(etcd string) {
	s.t.Helper()
	now := time.Now()
	authority := s.pair(certificate.NewAuthority("kubetest", now, day))
	server := s.pair(authority.Issue(certificate.Subject{Name: "kube-apiserver", Hosts: []string{"localhost", "127.0.0.1"}}, now, day))
	admin := s.pair(authority.Issue(certificate.Subject{Name: "kubetest-admin", Group: "system:masters"}, now, day))
	address := FreeAddress(s.t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Config = &rest.Config{
		Host: "https://" + address, QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAData: authority.Certificate, CertData: admin.Certificate, KeyData: admin.Key},
	}
	s.writeKubeconfig()
	ended := s.run("kube-apiserver", "--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--secure-port", port,
		"--tls-cert-file", s.file("server.crt", server.Certificate), "--tls-private-key-file", s.file("server.key", server.Key),
		"--client-ca-file", s.file("ca.crt", authority.Certificate),
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-signing-key-file", s.file("accounts.key", admin.Key),
		"--service-account-key-file", s.file("accounts.key", admin.Key),
		// Webhooks are called at the addresses of their Service's endpoints: its own address leads nowhere here.
		"--enable-aggregator-routing=true",
		"--allow-privileged=true", "--service-cluster-ip-range", "10.0.0.0/24", "--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount")
	client, err := rest.HTTPClientFor(s.Config)
	if err != nil {
		s.t.Fatal(err)
	}
	s.await("kube-apiserver", s.Config.Host+"/readyz", client, ended)
}

// As is the config of a service account of a namespace, with its rights only.
func (s *Server) As(namespace, account string) *rest.Config {
	config := rest.CopyConfig(s.Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":" + account,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	return config
}

// run starts one of the programs. It is killed when the test ends. What it prints is logged if the test failed.
func (s *Server) run(name string, args ...string) (ended <-chan struct{}) {
	s.t.Helper()
	log, err := os.Create(filepath.Join(s.dir, name+".log"))
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := &exec.Cmd{
		Path: s.program, Args: append([]string{name}, args...), Stdout: log, Stderr: log, Dir: s.dir,
		SysProcAttr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("start %s: %v", name, err)
	}
	done := make(chan struct{})
	go func() { defer close(done); cmd.Wait() }()
	s.t.Cleanup(func() {
		cmd.Process.Kill()
		<-done
		log.Close()
		if s.t.Failed() {
			s.t.Logf("%s printed last:\n%s", name, s.tail(name))
		}
	})
	return done
}

// tail is the end of what a program printed.
func (s *Server) tail(name string) string {
	const most = 4000
	text, err := os.ReadFile(filepath.Join(s.dir, name+".log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// await waits until a program answers at a URL.
func (s *Server) await(name, url string, client *http.Client, ended <-chan struct{}) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), startWithin)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		err := get(ctx, client, url)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ended:
			s.t.Fatalf("%s has ended; it printed last:\n%s", name, s.tail(name))
		case <-ctx.Done():
			s.t.Fatalf("waited %s for %s to answer; last seen: %v; it printed last:\n%s", startWithin, name, err, s.tail(name))
		}
	}
}

func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: HTTP status %s", url, response.Status)
	}
	return nil
}

func (s *Server) pair(p certificate.Pair, err error) certificate.Pair {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *Server) file(name string, text []byte) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *Server) writeKubeconfig() {
	s.t.Helper()
	const name = "kubetest"
	config := clientcmdapi.Config{
		CurrentContext: name,
		Clusters:       map[string]*clientcmdapi.Cluster{name: {Server: s.Config.Host, CertificateAuthorityData: s.Config.CAData}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{name: {ClientCertificateData: s.Config.CertData, ClientKeyData: s.Config.KeyData}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
	}
	s.Kubeconfig = filepath.Join(s.dir, "kubeconfig")
	if err := clientcmd.WriteToFile(config, s.Kubeconfig); err != nil {
		s.t.Fatal(err)
	}
}

// FreeAddress is a TCP address of this machine that nobody listened at a moment ago.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// OutwardIP is an IPv4 address of this machine that is not its loopback's: an endpoint of a Service must not be that.
func OutwardIP(t testing.TB) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no IPv4 address but its loopback's")
	return ""
}

// Port is the number in an address.
func Port(t testing.TB, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(strings.TrimPrefix(address, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
