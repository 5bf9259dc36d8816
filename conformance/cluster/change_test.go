package cluster

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/cluster/fake"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
)

const receiveOn = "[ens1f0]\nmasterOnly 0\n"

// theirs is a cluster with a PtpConfig and a secret of somebody else.
func theirs() *fake.PTP {
	p := fake.NewPTP()
	p.Put("ptpconfigs", fake.Namespace, fake.Object{
		"metadata": fake.Object{"name": "theirs", "labels": fake.Object{"owner": "them"}},
		"spec":     fake.Object{"profile": []any{fake.Object{"name": "x", "plugins": fake.Object{"e810": fake.Object{"pins": 1}}}}, "recommend": []any{}},
		"status":   fake.Object{"matchList": []any{}},
	})
	p.Put("secrets", fake.Namespace, fake.Object{"metadata": fake.Object{"name": "their-keys"}, "type": "Opaque", "data": fake.Object{"a": "AQ=="}})
	return p
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestConfigs(t *testing.T) {
	p := theirs()
	s := open(t, p, Options{})
	before := p.Everything()
	ctx := t.Context()
	ok(t, s.PutConfig(ctx, clockOn("mine", "x/y", receiveOn)))
	all, err := s.Configs(ctx)
	ok(t, err)
	if len(all) != 2 || all[0].Metadata.Name != "mine" || all[0].Metadata.Labels[ManagedBy] != ManagedByValue || *all[0].Spec.Profile[0].Ptp4lConf == "" {
		t.Fatalf("%+v", all)
	}
	ok(t, s.PutConfig(ctx, clockOn("mine", "x/z", receiveOn)))
	if all, err = s.Configs(ctx); err != nil || all[0].Spec.Recommend[0].Match[0].NodeLabel != "x/z" || all[0].Metadata.Labels[ManagedBy] == "" {
		t.Fatalf("replaced: %+v, %v", all[0], err)
	}
	if p.Get("secrets", fake.Namespace, journalName) != nil {
		t.Error("the suite's own objects are in the journal")
	}
	changed := all[1]
	changed.Spec.Profile[0].PtpSettings = map[string]string{"logReduce": "true"}
	ok(t, s.PutConfig(ctx, changed))
	if p.Get("secrets", fake.Namespace, journalName) == nil {
		t.Error("a change of somebody's object is not in the journal")
	}
	changed.Spec.Profile[0].PtpSettings = nil
	ok(t, s.PutConfig(ctx, changed))
	ok(t, s.DeleteConfig(ctx, "mine"))
	ok(t, s.DeleteConfig(ctx, "mine"))
	delete(before["ptpconfigs/openshift-ptp/theirs"], "status") // which is the operator's to write
	same(t, before, p.Everything())

	ok(t, s.DeleteConfig(ctx, "theirs"))
	ok(t, s.PutConfig(ctx, changed))
	same(t, before, p.Everything())
}

// TestArrangedConfigs are marked by whoever arranges a mode: they stay if they are to be kept, and go with a Sweep if not.
func TestArrangedConfigs(t *testing.T) {
	p := fake.NewPTP()
	s := open(t, p, Options{})
	before := p.Everything()
	arranged := clockOn("test-slave1", "x/y", receiveOn)
	arranged.Metadata.Labels = map[string]string{ManagedBy: "ptplab"}
	ok(t, s.PutConfig(t.Context(), arranged))
	ok(t, s.PutConfig(t.Context(), clockOn("test-slave1", "x/z", receiveOn)))
	if done, err := s.Sweep(t.Context()); err != nil || !slices.Equal(done, []string{"restored PtpConfig test-slave1"}) {
		t.Errorf("%q, %v", done, err)
	}
	same(t, before, p.Everything())

	ok(t, s.PutConfig(t.Context(), arranged))
	ok(t, s.DeleteConfig(t.Context(), "test-slave1"))
	same(t, before, p.Everything())

	ok(t, s.PutConfig(t.Context(), arranged))
	ok(t, s.Keep(t.Context()))
	kept := p.Everything()
	ok(t, s.DeleteConfig(t.Context(), "test-slave1")) // the next run makes place
	ok(t, s.PutConfig(t.Context(), arranged))
	if done, err := s.Sweep(t.Context()); err != nil || len(done) > 0 {
		t.Errorf("%q, %v", done, err)
	}
	same(t, kept, p.Everything())
}

func TestRefused(t *testing.T) {
	p := theirs()
	s := open(t, p, Options{})
	before := p.Everything()
	p.Admit = func(_, resource string, _ fake.Object) error {
		if resource == "secrets" {
			return nil
		}
		return errors.New("spec.profile.ptpSettings 'x' unknown")
	}
	var refused *sut.RefusedError
	for what, err := range map[string]error{
		"PtpConfig mine":   s.PutConfig(t.Context(), clockOn("mine", "x/y", receiveOn)),
		"PtpConfig theirs": s.PutConfig(t.Context(), clockOn("theirs", "x/y", receiveOn)),
		"PtpOperatorConfig default": s.SetOperatorConfig(t.Context(), sut.OperatorConfig{
			APIVersion: "boo",
		}),
	} {
		if !errors.As(err, &refused) || refused.Object != what || refused.Reason != "spec.profile.ptpSettings 'x' unknown" {
			t.Errorf("%s: %v", what, err)
		}
	}
	same(t, before, p.Everything())
}

func TestConflicts(t *testing.T) {
	p := theirs()
	s := open(t, p, Options{})
	left := 3
	p.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "ptpconfigs") && left > 0 {
			left--
			http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`, http.StatusConflict)
			return true
		}
		return false
	}
	ok(t, s.PutConfig(t.Context(), clockOn("theirs", "x/y", receiveOn)))
	if s.Conflicts() != 3 {
		t.Errorf("%d conflicts", s.Conflicts())
	}
	left = 100
	if err := s.PutConfig(t.Context(), clockOn("theirs", "x/z", receiveOn)); err == nil || s.Conflicts() != 3+updateTries {
		t.Errorf("%d conflicts, %v", s.Conflicts(), err)
	}
}

func TestLabels(t *testing.T) {
	p := fake.NewPTP()
	s := open(t, p, Options{})
	ctx := t.Context()
	before := p.Everything()
	ok(t, s.SetLabel(ctx, "w1", "ptp/test-slave1", true))
	ok(t, s.SetLabel(ctx, "w1", "ptp/test-slave1", true))
	ok(t, s.SetLabel(ctx, "w1", "role", false))
	keys, err := s.Labels(ctx, "w1")
	if err != nil || !slices.Equal(keys, []string{"ptp/test-slave1"}) {
		t.Errorf("%q, %v", keys, err)
	}
	ok(t, s.SetLabel(ctx, "w1", "role", true))
	ok(t, s.SetLabel(ctx, "w1", "ptp/test-slave1", false))
	same(t, before, p.Everything())
}

func TestOperatorConfig(t *testing.T) {
	p := fake.NewPTP()
	s := open(t, p, Options{})
	before := p.Everything()
	first, err := s.OperatorConfig(t.Context())
	if err != nil || first != (sut.OperatorConfig{EnableEventPublisher: true}) {
		t.Fatalf("%+v, %v", first, err)
	}
	want := sut.OperatorConfig{APIVersion: "2.0"}
	ok(t, s.SetOperatorConfig(t.Context(), want))
	if got, err := s.OperatorConfig(t.Context()); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	ok(t, s.SetOperatorConfig(t.Context(), first))
	same(t, before, p.Everything())
}

// mess makes every kind of change that the suite makes.
func mess(t *testing.T, ctx context.Context, s *System) {
	t.Helper()
	ok(t, s.PutConfig(ctx, clockOn("mine", "x/y", receiveOn)))
	ok(t, s.PutConfig(ctx, clockOn("theirs", "x/y", receiveOn)))
	ok(t, s.PutSecret(ctx, ptpconfig.Secret{Name: "my-keys", StringData: map[string]string{"a": "b"}}))
	ok(t, s.PutSecret(ctx, ptpconfig.Secret{Name: "their-keys", StringData: map[string]string{"a": "b"}}))
	ok(t, s.SetLabel(ctx, "w1", "ptp/test-slave1", true))
	ok(t, s.SetLabel(ctx, "w2", "role", false))
	ok(t, s.SetOperatorConfig(ctx, sut.OperatorConfig{APIVersion: "2.0"}))
	ok(t, s.SetLink(ctx, sut.PortRef{Node: "w1", Interface: "ens1f0"}, false))
	_, err := s.OpenMailbox(ctx, "w1")
	ok(t, err)
	ok(t, s.createNamespace(ctx, discoveryNamespace))
}

// TestSweep kills a run in the middle: all that is left of it is gone after the next run's Sweep, and everything is as before.
func TestSweep(t *testing.T) {
	p := theirs()
	var links []string
	p.Run(func(pod fake.Pod, argv []string) *fake.Outcome {
		if argv[0] == "sh" && argv[3] == "ptplab-link" {
			links = append(links, pod.Node+" "+argv[4]+" "+argv[5])
			return &fake.Outcome{}
		}
		return nil
	})
	killed := open(t, p, Options{Image: "registry.example/ptplab"})
	before := p.Everything()
	mess(t, t.Context(), killed)
	if p.Get("namespaces", "", discoveryNamespace) == nil || len(p.All("pods", fake.Namespace)) != 5 {
		t.Fatal("there is no mess")
	}

	next, err := newSystem(p.Config(), Options{}.withDefaults())
	ok(t, err)
	done, err := next.Sweep(t.Context())
	ok(t, err)
	want := []string{
		"restored link ens1f0 of node w1", "restored secret their-keys", "restored PtpOperatorConfig default",
		"restored label ptp/test-slave1 of node w1", "restored label role of node w2", "restored PtpConfig theirs", "deleted PtpConfig mine",
		"deleted secret my-keys", "deleted namespace l2discovery",
	}
	slices.Sort(want)
	got := slices.DeleteFunc(slices.Sorted(slices.Values(done)), func(s string) bool { return strings.HasPrefix(s, "deleted pod ptplab-mailbox-") })
	if diff := cmp.Diff(want, got); diff != "" || len(done) != len(want)+1 {
		t.Errorf("%s", diff)
	}
	if diff := cmp.Diff([]string{"w1 ens1f0 down", "w1 ens1f0 up"}, links); diff != "" {
		t.Errorf("links:\n%s", diff)
	}
	delete(before["ptpconfigs/openshift-ptp/theirs"], "status")
	same(t, before, p.Everything())
	if done, err := next.Sweep(t.Context()); err != nil || len(done) > 0 {
		t.Errorf("a second time: %q, %v", done, err)
	}
}

// TestSweepGoesOn keeps in the journal what cannot be restored.
func TestSweepGoesOn(t *testing.T) {
	p := theirs()
	s := open(t, p, Options{})
	ok(t, s.SetLabel(t.Context(), "w1", "a", true))
	ok(t, s.SetLabel(t.Context(), "w2", "b", true))
	gone := p.Get("nodes", "", "w1")
	p.Delete("nodes", "", "w1")
	if done, err := s.Sweep(t.Context()); err == nil || !strings.Contains(err.Error(), "restore label a of node w1") || len(done) != 1 {
		t.Errorf("%q, %v", done, err)
	}
	p.Put("nodes", "", gone)
	if done, err := s.Sweep(t.Context()); err != nil || len(done) != 1 {
		t.Errorf("%q, %v", done, err)
	}
}

func TestKeep(t *testing.T) {
	p := theirs()
	s := open(t, p, Options{})
	ok(t, s.SetLabel(t.Context(), "w1", "a", true))
	ok(t, s.Keep(t.Context()))
	if done, err := s.Sweep(t.Context()); err != nil || len(done) > 0 {
		t.Errorf("%q, %v", done, err)
	}
	if p.Get("secrets", fake.Namespace, journalName) != nil {
		t.Error("the journal is still there")
	}
}
