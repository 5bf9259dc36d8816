package cluster

import (
	"context"
	"path"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ownImage is the image of the PTP daemon if that is ptplab itself, as in a lab of ptplab: the nodes have it already. It is ""
// where the daemon is another.
func (s *System) ownImage(ctx context.Context) (string, error) {
	set, err := s.kube.AppsV1().DaemonSets(s.namespace).Get(ctx, daemonName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", s.explain(err, "get daemon set %s", daemonName)
	}
	for _, c := range set.Spec.Template.Spec.Containers {
		if c.Name == daemonContainer && len(c.Command) > 0 && path.Base(c.Command[0]) == "ptplab" {
			return c.Image, nil
		}
	}
	return "", nil
}
