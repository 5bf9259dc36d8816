//go:build lab

package kubetest

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

func TestServer(t *testing.T) {
	s := Start(t)
	list, err := kubernetes.NewForConfigOrDie(s.Config).CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) == 0 {
		t.Errorf("namespaces: %v, %v", list, err)
	}
	_, err = kubernetes.NewForConfigOrDie(s.As("default", "default")).CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("a service account without rights: %v, want forbidden", err)
	}
}
