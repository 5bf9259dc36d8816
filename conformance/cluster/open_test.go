package cluster

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ptplab/ptplab/conformance/cluster/fake"
)

// kubeconfig writes a file with the contexts a and b for a server, a being current.
func kubeconfig(t *testing.T, host, ca, token string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf(`
apiVersion: v1
kind: Config
current-context: a
clusters:
- {name: c, cluster: {server: %q, certificate-authority-data: %q}}
contexts:
- {name: a, context: {cluster: c, user: u}}
- {name: b, context: {cluster: c, user: u}}
users:
- {name: u, user: {token: %q}}
`, host, base64.StdEncoding.EncodeToString([]byte(ca)), token)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// as says whether an error is of a type.
func as[T error](err error) bool { return errors.As(err, new(T)) }

func TestOpen(t *testing.T) {
	p := fake.NewPTP()
	defer p.Close()
	before := p.Everything()
	config := p.Config()
	good := kubeconfig(t, config.Host, string(config.CAData), fake.Token)
	other := filepath.Join(t.TempDir(), "nothing-here")
	for _, o := range []Options{{Kubeconfig: good}, {Kubeconfig: good, Context: "b"}, {Kubeconfig: other + ":" + good}} {
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Errorf("%+v: %v", o, err)
			continue
		}
		if s.Host() != config.Host {
			t.Error(s.Host())
		}
		s.Close()
	}
	t.Setenv("KUBECONFIG", good)
	if _, err := Open(t.Context(), Options{}); err != nil {
		t.Errorf("KUBECONFIG: %v", err)
	}
	same(t, before, p.Everything())
}

func TestBadKubeconfig(t *testing.T) {
	p := fake.NewPTP()
	defer p.Close()
	config := p.Config()
	good := kubeconfig(t, config.Host, string(config.CAData), fake.Token)
	empty := filepath.Join(t.TempDir(), "empty")
	broken := filepath.Join(t.TempDir(), "broken")
	for file, text := range map[string]string{empty: "", broken: "clusters: [x"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	otherCA := fake.NewPTP()
	defer otherCA.Close()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "no-such-file"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{}, "no-such-file; say which with --kubeconfig FILE or KUBECONFIG"},
		{Options{Kubeconfig: "/no/such/file"}, "kubeconfig /no/such/file: "},
		{Options{Kubeconfig: empty}, "no cluster is configured in " + empty},
		{Options{Kubeconfig: broken}, "kubeconfig " + broken + ": "},
		{Options{Kubeconfig: good, Context: "c"}, `has no context "c"; there are a, b`},
		{Options{Kubeconfig: kubeconfig(t, config.Host, string(config.CAData), "expired")}, "does not accept the credentials of the kubeconfig; they may have expired: log in again"},
	} {
		_, err := Open(t.Context(), c.options)
		if !as[*ConfigError](err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want a ConfigError with %q", c.options, err, c.want)
		}
	}
	foreign := kubeconfig(t, config.Host, strings.Replace(string(config.CAData), "CERTIFICATE", "X", 0), fake.Token)
	text, err := os.ReadFile(foreign)
	ok(t, err)
	ok(t, os.WriteFile(foreign, []byte(strings.Replace(string(text), "certificate-authority-data", "tls-server-name: other.example, certificate-authority-data", 1)), 0o600))
	if _, err := Open(t.Context(), Options{Kubeconfig: foreign}); !as[*ConfigError](err) || !strings.Contains(err.Error(), "is not what the kubeconfig expects") {
		t.Errorf("another server's certificate: %v", err)
	}
	noContext := strings.Replace(string(text), "current-context: a", "", 1)
	ok(t, os.WriteFile(foreign, []byte(noContext), 0o600))
	if _, err := Open(t.Context(), Options{Kubeconfig: foreign}); !as[*ConfigError](err) || !strings.Contains(err.Error(), "choose one with --context: there are a, b") {
		t.Errorf("no current context: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	address, err := fake.Refusing()
	ok(t, err)
	_, err = Open(t.Context(), Options{Kubeconfig: kubeconfig(t, "https://"+address, "", "x")})
	if !as[*NotReadyError](err) || !strings.Contains(err.Error(), "the API server https://"+address+" cannot be reached") {
		t.Errorf("got %v", err)
	}
}

func TestMissingRights(t *testing.T) {
	p := fake.NewPTP()
	defer p.Close()
	denied := func(verb, resource, namespace string) bool {
		return resource == "pods/exec" || verb == "delete" && resource == "ptpconfigs" || verb == "patch"
	}
	p.Denied = denied
	s, err := newSystem(p.Config(), Options{}.withDefaults())
	ok(t, err)
	err = s.check(t.Context())
	want := []string{"patch nodes", "create pods/exec in namespace openshift-ptp", "delete ptpconfigs.ptp.openshift.io in namespace openshift-ptp"}
	var access *AccessError
	if !errors.As(err, &access) {
		t.Fatalf("got %v", err)
	}
	var missing []string
	for _, r := range access.Missing {
		missing = append(missing, r.String())
	}
	if !slices.Equal(missing, want) {
		t.Errorf("missing %q, want %q", missing, want)
	}
	if err := s.SetLabel(t.Context(), "w1", "a", true); !as[*AccessError](err) || !strings.Contains(err.Error(), "cannot patch resource") {
		t.Errorf("a request without right: %v", err)
	}
	if p.Get("secrets", fake.Namespace, journalName) != nil {
		t.Error("what was not changed is in the journal")
	}
}

// TestRightsSuffice lets a run do only what it has asked for the right to.
func TestRightsSuffice(t *testing.T) {
	p := cabled(t)
	options := Options{Image: "registry.example/ptplab"}
	var refused []string
	var mu sync.Mutex
	p.Denied = func(verb, resource, namespace string) bool {
		has := slices.ContainsFunc(TestRights(options), func(r Right) bool {
			return r.Verb == verb && r.Resource == resource && (r.Namespace == namespace || r.Namespace == "")
		})
		if !has {
			mu.Lock()
			defer mu.Unlock()
			refused = append(refused, fmt.Sprintf("%s %s in %q", verb, resource, namespace))
		}
		return !has
	}
	p.Run(func(fake.Pod, []string) *fake.Outcome { return &fake.Outcome{} })
	p.Put("ptpconfigs", fake.Namespace, fake.Object{"metadata": fake.Object{"name": "theirs"}, "spec": fake.Object{"profile": []any{}}})
	p.Put("secrets", fake.Namespace, fake.Object{"metadata": fake.Object{"name": "their-keys"}})
	s := open(t, p, options)
	ctx := t.Context()
	mess(t, ctx, s)
	for what, err := range map[string]error{
		"restart": s.RestartDaemon(ctx, "w1"), "operator": s.DeleteOperatorPods(ctx), "sweep": second(s.Sweep(ctx)),
		"inventory": second(s.Inventory(ctx)), "lease": second(s.Lease(ctx)), "crds": second(s.CRDs(ctx)), "daemon": second(s.DaemonState(ctx)),
		"state": second(s.OperatorState(ctx)), "namespace": second(s.Namespace(ctx)), "single": second(s.SingleNode(ctx)),
		"devices": second(s.Devices(ctx, "w1")), "unprivileged": second(s.ExecUnprivileged(ctx, "w1", []string{"x"})),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(refused) > 0 {
		t.Errorf("not asked for: %q", refused)
	}
}

func second[T any](_ T, err error) error { return err }

func TestNotReady(t *testing.T) {
	for name, c := range map[string]struct {
		spoil   func(*fake.PTP)
		options Options
		want    string
	}{
		"no operator": {func(p *fake.PTP) { p.Served = nil }, Options{}, "does not know ptpconfigs.ptp.openshift.io; install the PTP operator"},
		"no daemons": {func(p *fake.PTP) {
			p.Changed = nil
			for _, pod := range p.All("pods", fake.Namespace) {
				p.Delete("pods", fake.Namespace, pod["metadata"].(fake.Object)["name"].(string))
			}
		}, Options{}, "there is no pod of linuxptp-daemon in namespace openshift-ptp"},
		"selector":        {func(*fake.PTP) {}, Options{NodesSelector: "role=nobody"}, "look at --nodes-selector"},
		"other namespace": {func(*fake.PTP) {}, Options{Namespace: "elsewhere"}, "in namespace elsewhere"},
		"daemons pending": {func(p *fake.PTP) {
			for _, pod := range p.All("pods", fake.Namespace) {
				pod["status"] = fake.Object{"phase": "Pending"}
				p.Put("pods", fake.Namespace, pod)
			}
		}, Options{}, "none of the 3 pods of linuxptp-daemon in namespace openshift-ptp runs"},
	} {
		t.Run(name, func(t *testing.T) {
			p := fake.NewPTP()
			defer p.Close()
			c.spoil(p)
			s, err := newSystem(p.Config(), c.options.withDefaults())
			ok(t, err)
			if err := s.check(t.Context()); !as[*NotReadyError](err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a NotReadyError with %q", err, c.want)
			}
		})
	}
}

func TestSilentServer(t *testing.T) {
	p := fake.NewPTP()
	defer p.Close()
	p.Before = func(w http.ResponseWriter, r *http.Request) bool {
		http.Error(w, "bad gateway", http.StatusBadGateway)
		return true
	}
	s, err := newSystem(p.Config(), Options{}.withDefaults())
	ok(t, err)
	if err := s.check(t.Context()); err == nil || !strings.Contains(err.Error(), "ask API server") {
		t.Errorf("got %v", err)
	}
}
