package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Sweep makes the cluster what it was before the suite came: it restores what the journal says and deletes what carries the suite's
// mark, also of a run that was killed. It goes on after a fault and reports all. What it did is told, a sentence each.
func (s *System) Sweep(ctx context.Context) (done []string, err error) {
	tell := func(format string, args ...any) { done = append(done, fmt.Sprintf(format, args...)) }
	faults := joined(s.restore(ctx, tell), s.deleteObjects(ctx, tell))
	return done, joined(faults, s.deletePodsAndNamespaces(ctx, tell))
}

// Keep forgets how things were before the suite changed them: what it has changed and arranged stays, for whoever wants to look at
// it. What it has created and marked as its own goes with the next Sweep.
func (s *System) Keep(ctx context.Context) error {
	s.journal.entries = map[string]entry{}
	return s.explain(s.journal.write(ctx), "delete secret %s", journalName)
}

// restore makes every entry of the journal true again.
func (s *System) restore(ctx context.Context, tell func(string, ...any)) error {
	s.journal.entries = nil // somebody else may have written it
	if err := s.journal.read(ctx); err != nil {
		return s.explain(err, "read secret %s", journalName)
	}
	var faults error
	for _, e := range s.journal.sorted() {
		if err := s.restoreOne(ctx, e); err != nil {
			faults = joined(faults, fmt.Errorf("restore %s: %w", e, err))
			continue
		}
		tell("restored %s", e)
		faults = s.struck(ctx, e, faults)
	}
	if faults == nil && s.journal.stored { // of a run that was killed between two writes
		faults = s.explain(s.journal.write(ctx), "delete secret %s", journalName)
	}
	return faults
}

// String names what an entry is about.
func (e entry) String() string {
	switch e.Kind {
	case kindLabel:
		return fmt.Sprintf("label %s of node %s", e.Key, e.Name)
	case kindConfig:
		return "PtpConfig " + e.Name
	case kindSecret:
		return "secret " + e.Name
	case kindLink:
		return fmt.Sprintf("link %s of node %s", e.Key, e.Name)
	}
	return "PtpOperatorConfig " + operatorConfigName
}

func (s *System) restoreOne(ctx context.Context, e entry) error {
	switch e.Kind {
	case kindLabel:
		return s.patchLabel(ctx, e.Name, e.Key, e.Before)
	case kindLink:
		return s.SetLink(ctx, sut.PortRef{Node: e.Name, Interface: e.Key}, true)
	case kindOperator:
		return s.restoreEvents(ctx, e.Before)
	case kindSecret:
		return s.restoreSecret(ctx, e)
	case kindConfig:
		return s.restoreConfig(ctx, e)
	}
	return fmt.Errorf("secret %s has an entry of unknown kind %q; it may be of a newer ptplab", journalName, e.Kind)
}

func (s *System) restoreConfig(ctx context.Context, e entry) error {
	if e.Before == nil {
		return s.DeleteConfig(ctx, e.Name)
	}
	wanted := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(*e.Before), &wanted.Object); err != nil {
		return err
	}
	return s.retried("PtpConfig "+e.Name, func() error {
		current, err := s.configs().Get(ctx, e.Name, metav1.GetOptions{})
		if err == nil {
			return s.updateConfig(ctx, wanted, current)
		}
		if !apierrors.IsNotFound(err) {
			return s.explain(err, "get PtpConfig %s", e.Name)
		}
		_, err = s.configs().Create(ctx, wanted, metav1.CreateOptions{})
		return s.configError(err, "create", e.Name)
	})
}

func (s *System) restoreSecret(ctx context.Context, e entry) error {
	if e.Before == nil {
		return s.DeleteSecret(ctx, e.Name)
	}
	var was kept
	if err := json.Unmarshal([]byte(*e.Before), &was); err != nil {
		return err
	}
	secrets := s.kube.CoreV1().Secrets(s.namespace)
	return s.retried("secret "+e.Name, func() error {
		current, err := secrets.Get(ctx, e.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return s.createKept(ctx, e.Name, was)
		}
		if err != nil {
			return s.explain(err, "get secret %s", e.Name)
		}
		current.Labels, current.Data = was.Labels, was.Data
		_, err = secrets.Update(ctx, current, metav1.UpdateOptions{})
		return s.secretError(err, "update", e.Name)
	})
}

// deleteObjects deletes marked PtpConfigs before the secrets that they may name.
func (s *System) deleteObjects(ctx context.Context, tell func(string, ...any)) error {
	configs, err := s.configs().List(ctx, ours())
	if err != nil {
		return s.explain(err, "list the PtpConfigs of the suite")
	}
	var faults error
	for _, object := range configs.Items {
		if err := s.DeleteConfig(ctx, object.GetName()); err != nil {
			faults = joined(faults, err)
			continue
		}
		tell("deleted PtpConfig %s", object.GetName())
	}
	secrets, err := s.kube.CoreV1().Secrets(s.namespace).List(ctx, ours())
	if err != nil {
		return joined(faults, s.explain(err, "list the secrets of the suite"))
	}
	for _, secret := range secrets.Items {
		if secret.Name == journalName {
			continue // it has something that could not be restored
		}
		if err := s.DeleteSecret(ctx, secret.Name); err != nil {
			faults = joined(faults, err)
			continue
		}
		tell("deleted secret %s", secret.Name)
	}
	return faults
}

func (s *System) deletePodsAndNamespaces(ctx context.Context, tell func(string, ...any)) error {
	pods, err := s.kube.CoreV1().Pods(s.namespace).List(ctx, ours())
	if err != nil {
		return s.explain(err, "list the pods of the suite")
	}
	var faults error
	for _, pod := range pods.Items {
		if err := s.stopPod(ctx, pod.Name); err != nil {
			faults = joined(faults, err)
			continue
		}
		tell("deleted pod %s", pod.Name)
	}
	namespaces, err := s.kube.CoreV1().Namespaces().List(ctx, ours())
	if err != nil {
		return joined(faults, s.explain(err, "list the namespaces of the suite"))
	}
	for _, namespace := range namespaces.Items {
		faults = joined(faults, s.sweepNamespace(ctx, namespace, tell))
	}
	return faults
}

func (s *System) sweepNamespace(ctx context.Context, namespace corev1.Namespace, tell func(string, ...any)) error {
	if err := s.deleteNamespace(ctx, namespace.Name); err != nil {
		return err
	}
	tell("deleted namespace %s", namespace.Name)
	return nil
}
