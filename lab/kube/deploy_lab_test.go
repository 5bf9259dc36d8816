//go:build lab

package kube

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	authorization "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ptplab/ptplab/lab/kube/kubetest"
	"github.com/ptplab/ptplab/lab/kube/operator"
)

func resourceOfText(groupVersion, name string) schema.GroupVersionResource {
	gv, _ := schema.ParseGroupVersion(groupVersion)
	return gv.WithResource(name)
}

func listAll() metav1.ListOptions { return metav1.ListOptions{} }

func TestDeploy(t *testing.T) {
	s := newStack(t)
	o := Options{SharedClock: true, EventPublisher: true, Monitoring: true}
	have, want, err := Observe(t.Context(), s.Config, o)
	if err != nil || have != 0 || want < 20 {
		t.Errorf("of an empty cluster: %d of %d, %v", have, want, err)
	}
	told := map[string]bool{}
	start := time.Now()
	err = Deploy(t.Context(), s.Config, o, func(what string, done, want int) {
		if done == want {
			told[what] = true
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("first: %s", time.Since(start).Round(time.Millisecond))
	for _, what := range []string{"namespaces", "kinds of object", "rights", "labels of nodes", "operator", "operator available", "webhook", "settings of the operator", "linuxptp-daemon"} {
		if !told[what] {
			t.Errorf("nothing was told of %s: %v", what, told)
		}
	}
	if have, want, err = Observe(t.Context(), s.Config, o); err != nil || have != want {
		t.Errorf("after Deploy: %d of %d, %v", have, want, err)
	}

	s.settle()
	before := s.versions()
	start = time.Now()
	if err := s.deploy(o); err != nil {
		t.Fatal(err)
	}
	t.Logf("second: %s", time.Since(start).Round(time.Millisecond))
	after := s.versions()
	if len(before) < 40 {
		t.Errorf("only %d objects", len(before))
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if before[name] != after[name] {
			t.Errorf("%s: version %q, after a second Deploy %q", name, before[name], after[name])
		}
	}
	s.mends(o)
	s.loses(o)
	s.follows(o)
	s.rights()
}

// settle waits until the operator has made what it makes.
func (s *stack) settle() {
	s.t.Helper()
	s.eventually("the operator's objects", func(ctx context.Context) (bool, string, error) {
		all := s.versions()
		for _, name := range []string{
			"nodeptpdevices openshift-ptp/w1", "nodeptpdevices openshift-ptp/w2", "services openshift-ptp/ptp-event-publisher-service-w1",
			"services openshift-ptp/ptp-event-publisher-service-w2", "services openshift-ptp/ptp-monitor-service",
		} {
			if all[name] == "" {
				return false, "no " + name, nil
			}
		}
		list, err := s.kube.CoreV1().Pods(operator.DefaultNamespace).List(ctx, metav1.ListOptions{LabelSelector: "app=linuxptp-daemon,nodeName"})
		if err != nil || len(list.Items) != 2 {
			return false, "the pods have no nodeName", err
		}
		return true, "", nil
	})
}

// mends has somebody change an object: Observe sees it, Deploy takes it back.
func (s *stack) mends(o Options) {
	t := s.t
	t.Helper()
	roles := s.kube.RbacV1().Roles(operator.DefaultNamespace)
	if _, err := roles.Patch(t.Context(), operator.Name, types.JSONPatchType, []byte(`[{"op":"remove","path":"/rules/0"}]`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	have, want, err := Observe(t.Context(), s.Config, o)
	if err != nil || have != want-1 {
		t.Errorf("with a role that lacks a rule: %d of %d, %v", have, want, err)
	}
	if err := s.deploy(o); err != nil {
		t.Fatal(err)
	}
	if have, want, err = Observe(t.Context(), s.Config, o); err != nil || have != want {
		t.Errorf("mended: %d of %d, %v", have, want, err)
	}
}

// loses has somebody delete a kind of object, with what there is of it: Observe says so, Deploy brings it back.
func (s *stack) loses(o Options) {
	t := s.t
	t.Helper()
	definitions := s.dynamic.Resource(resourceOfText("apiextensions.k8s.io/v1", "customresourcedefinitions"))
	name := "ptpconfigs.ptp.openshift.io"
	if err := definitions.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.eventually("the kind to be gone", func(ctx context.Context) (bool, string, error) {
		_, err := definitions.Get(ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), "", nil
	})
	if have, want, err := Observe(t.Context(), s.Config, o); err != nil || have > want-1 {
		t.Errorf("without a kind of object: %d of %d, %v", have, want, err)
	}
	if err := s.deploy(o); err != nil {
		t.Fatal(err)
	}
	if have, want, err := Observe(t.Context(), s.Config, o); err != nil || have != want {
		t.Errorf("with it again: %d of %d, %v", have, want, err)
	}
}

// follows changes the options.
func (s *stack) follows(o Options) {
	t := s.t
	t.Helper()
	o.EventPublisher = false
	if have, want, err := Observe(t.Context(), s.Config, o); err != nil || have >= want {
		t.Errorf("without events: %d of %d, %v", have, want, err)
	}
	if err := s.deploy(o); err != nil {
		t.Fatal(err)
	}
	set, err := s.kube.AppsV1().DaemonSets(operator.DefaultNamespace).Get(t.Context(), operator.DaemonName, metav1.GetOptions{})
	if err != nil || len(set.Spec.Template.Spec.Containers) != 1 {
		t.Errorf("without events: %v, %v", set.Spec.Template.Spec.Containers, err)
	}
}

// rights asks what the accounts may do: what they need, and not what they do not.
func (s *stack) rights() {
	t := s.t
	t.Helper()
	for _, test := range []struct {
		account, verb, group, resource, sub, namespace string
		want                                           bool
	}{
		{"linuxptp-daemon", "watch", "ptp.openshift.io", "ptpconfigs", "", "openshift-ptp", true},
		{"linuxptp-daemon", "watch", "ptp.openshift.io", "ptpoperatorconfigs", "", "openshift-ptp", true},
		{"linuxptp-daemon", "watch", "ptp.openshift.io", "nodeptpdevices", "", "openshift-ptp", true},
		{"linuxptp-daemon", "patch", "ptp.openshift.io", "nodeptpdevices", "status", "openshift-ptp", true},
		{"linuxptp-daemon", "list", "", "nodes", "", "", true},
		{"linuxptp-daemon", "patch", "", "nodes", "", "", false},
		{"linuxptp-daemon", "get", "", "secrets", "", "openshift-ptp", false},
		{"linuxptp-daemon", "update", "ptp.openshift.io", "ptpconfigs", "", "openshift-ptp", false},
		{"ptp-operator", "get", "", "secrets", "", "kube-system", false},
		{"ptp-operator", "delete", "", "nodes", "", "", false},
		{"ptp-operator", "create", "", "pods", "", "openshift-ptp", false},
	} {
		review, err := s.kubeOf("openshift-ptp", test.account).AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), &authorization.SelfSubjectAccessReview{
			Spec: authorization.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorization.ResourceAttributes{
				Namespace: test.namespace, Verb: test.verb, Group: test.group, Resource: test.resource, Subresource: test.sub,
			}},
		}, metav1.CreateOptions{})
		if err != nil || review.Status.Allowed != test.want {
			t.Errorf("%+v: %v, %v", test, review.Status, err)
		}
	}
}

// TestDeployTells has the daemon's image missing: Deploy ends at once and says which pod waits for what.
func TestDeployTells(t *testing.T) {
	s := newStack(t)
	s.daemons(func(pod *corev1.Pod) corev1.PodStatus {
		return kubetest.Waiting(pod, "ErrImageNeverPull", `Container image "x" is not present`)
	})
	start := time.Now()
	err := s.deploy(Options{})
	var waited *WaitError
	if !errors.As(err, &waited) || !strings.Contains(err.Error(), "ErrImageNeverPull") || !strings.Contains(err.Error(), "pod linuxptp-daemon-") {
		t.Errorf("image missing: %v", err)
	}
	if took := time.Since(start); took > rolledOutWithin/2 {
		t.Errorf("that took %s", took)
	}
	t.Log(err)

	// No node is for the daemon.
	err = s.deploy(Options{Nodes: map[string]string{"no": "node"}})
	if err == nil || !strings.Contains(err.Error(), "no=node") {
		t.Errorf("no node: %v", err)
	}

	// Whoever interrupts is told what was waited for.
	s.daemons(func(pod *corev1.Pod) corev1.PodStatus { return kubetest.Waiting(pod, "ContainerCreating", "") })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err = Deploy(ctx, s.Config, Options{}, nil)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "ContainerCreating") {
		t.Errorf("interrupted: %v", err)
	}
	t.Log(err)
	have, want, err := Observe(t.Context(), s.Config, Options{})
	if err != nil || have != want-2 {
		t.Errorf("with a daemon that is not ready on 2 nodes: %d of %d, %v", have, want, err)
	}
}
