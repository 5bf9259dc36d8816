package cluster

import (
	"context"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
)

// PutSecret creates a secret of the operator's namespace or replaces the data of the one of its name.
func (s *System) PutSecret(ctx context.Context, secret ptpconfig.Secret) error {
	data := map[string][]byte{}
	for key, value := range secret.StringData {
		data[key] = []byte(value)
	}
	return s.retried("secret "+secret.Name, func() error { return s.putSecret(ctx, secret.Name, data) })
}

func (s *System) putSecret(ctx context.Context, name string, data map[string][]byte) error {
	secrets := s.kube.CoreV1().Secrets(s.namespace)
	current, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return s.createSecret(ctx, name, data)
	}
	if err != nil {
		return s.explain(err, "get secret %s", name)
	}
	update := func() error {
		wanted := current.DeepCopy()
		wanted.Data = data
		_, err := secrets.Update(ctx, wanted, metav1.UpdateOptions{})
		return s.secretError(err, "update", name)
	}
	if isMarked(current.Labels) {
		return update()
	}
	before, err := text(kept{current.Labels, current.Type, current.Data})
	if err != nil {
		return err
	}
	after, err := text(kept{current.Labels, current.Type, data})
	if err != nil {
		return err
	}
	return s.change(ctx, entry{kindSecret, name, "", before}, after, update)
}

// kept is what the journal keeps of a secret.
type kept struct {
	Labels map[string]string `json:"labels,omitempty"`
	Type   corev1.SecretType `json:"type"`
	Data   map[string][]byte `json:"data"`
}

func (s *System) createSecret(ctx context.Context, name string, data map[string][]byte) error {
	return s.createKept(ctx, name, kept{managed(nil), corev1.SecretTypeOpaque, data})
}

func (s *System) createKept(ctx context.Context, name string, k kept) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: maps.Clone(k.Labels)}, Type: k.Type, Data: k.Data}
	_, err := s.kube.CoreV1().Secrets(s.namespace).Create(ctx, secret, metav1.CreateOptions{})
	return s.secretError(err, "create", name)
}

func (s *System) secretError(err error, verb, name string) error {
	if err == nil || apierrors.IsConflict(err) {
		return err
	}
	if refusal := refused("secret "+name, err); refusal != nil {
		return refusal
	}
	return s.explain(err, "%s secret %s", verb, name)
}

// DeleteSecret deletes a secret; one that does not exist is no error.
func (s *System) DeleteSecret(ctx context.Context, name string) error {
	secrets := s.kube.CoreV1().Secrets(s.namespace)
	current, err := secrets.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return s.explain(err, "get secret %s", name)
	}
	remove := func() error {
		err := secrets.Delete(ctx, name, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return s.secretError(err, "delete", name)
	}
	if isMarked(current.Labels) {
		return remove()
	}
	before, err := text(kept{current.Labels, current.Type, current.Data})
	if err != nil {
		return err
	}
	return s.change(ctx, entry{kindSecret, name, "", before}, nil, remove)
}
