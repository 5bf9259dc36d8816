package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
)

// What an entry of the journal is about.
const (
	kindLabel    = "label"    // Name: node, Key: of the label, Before: its value
	kindConfig   = "config"   // Name: of the PtpConfig, Before: the object
	kindSecret   = "secret"   // Name: of the secret, Before: its data
	kindOperator = "operator" // Before: spec.ptpEventConfig
	kindLink     = "link"     // Name: node, Key: interface
)

// entry says how something was before the suite changed it.
type entry struct {
	Kind   string  `json:"kind"`
	Name   string  `json:"name,omitempty"`
	Key    string  `json:"key,omitempty"`
	Before *string `json:"before"` // nil: it was not there
}

// id is a key that a secret may have.
func (e entry) id() string {
	sum := sha256.Sum256([]byte(e.Name + "\x00" + e.Key))
	return fmt.Sprintf("%s-%x", e.Kind, sum[:8])
}

// journal is a secret with an entry for everything that is not as it was. It is there only while it has entries. It is a secret
// because secrets are among what it keeps.
type journal struct {
	secrets typed.SecretInterface
	entries map[string]entry // by id; nil: not read yet
	stored  bool             // the secret exists
}

// read gets the entries that the secret has, once.
func (j *journal) read(ctx context.Context) error {
	if j.entries != nil {
		return nil
	}
	secret, err := j.secrets.Get(ctx, journalName, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	entries := map[string]entry{}
	if err == nil {
		for id, text := range secret.Data {
			var e entry
			if err := json.Unmarshal(text, &e); err != nil {
				return fmt.Errorf("entry %s: %w", id, err)
			}
			entries[id] = e
		}
	}
	j.entries, j.stored = entries, err == nil
	return nil
}

// write makes the secret what the entries are.
func (j *journal) write(ctx context.Context) error {
	if len(j.entries) == 0 {
		err := j.secrets.Delete(ctx, journalName, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			err = nil
		}
		j.stored = j.stored && err != nil
		return err
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: journalName, Labels: managed(nil)}, Data: map[string][]byte{}}
	for id, e := range j.entries {
		text, err := json.Marshal(e)
		if err != nil {
			return err
		}
		secret.Data[id] = text
	}
	if j.stored {
		_, err := j.secrets.Update(ctx, secret, metav1.UpdateOptions{})
		return err
	}
	_, err := j.secrets.Create(ctx, secret, metav1.CreateOptions{})
	j.stored = err == nil
	return err
}

// note adds an entry, unless there is one of the same thing: what counts is how it was first.
func (j *journal) note(ctx context.Context, e entry) (added bool, err error) {
	if err := j.read(ctx); err != nil {
		return false, err
	}
	if _, known := j.entries[e.id()]; known {
		return false, nil
	}
	j.entries[e.id()] = e
	if err := j.write(ctx); err != nil {
		delete(j.entries, e.id())
		return false, err
	}
	return true, nil
}

// strike takes an entry out.
func (j *journal) strike(ctx context.Context, id string) error {
	if err := j.read(ctx); err != nil {
		return err
	}
	if _, known := j.entries[id]; !known {
		return nil
	}
	delete(j.entries, id)
	return j.write(ctx)
}

// sorted are the entries in the order in which to restore them: links first, because with them down nodes may not be reached, and
// secrets before the PtpConfigs that name them.
func (j *journal) sorted() []entry {
	var all []entry
	for _, kind := range []string{kindLink, kindSecret, kindOperator, kindLabel, kindConfig} {
		for _, id := range slices.Sorted(maps.Keys(j.entries)) {
			if e := j.entries[id]; e.Kind == kind {
				all = append(all, e)
			}
		}
	}
	return all
}

// change makes a change to what is not the suite's own. It notes how that was before, and strikes that out again when it is so
// again.
func (s *System) change(ctx context.Context, before entry, after *string, do func() error) error {
	added, err := s.journal.note(ctx, before)
	if err != nil {
		return s.explain(err, "note in secret %s what is to be changed", journalName)
	}
	if err := do(); err != nil {
		if added && isRefusal(err) { // nothing was changed
			return s.struck(ctx, before, err)
		}
		return err
	}
	if first := s.journal.entries[before.id()]; sameText(first.Before, after) {
		return s.struck(ctx, before, nil)
	}
	return nil
}

// struck takes an entry out and adds what fails to an error.
func (s *System) struck(ctx context.Context, e entry, because error) error {
	err := s.journal.strike(context.WithoutCancel(ctx), e.id())
	if err == nil {
		return because
	}
	return joined(because, s.explain(err, "strike what is restored from secret %s", journalName))
}

func sameText(a, b *string) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}
