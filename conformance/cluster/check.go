package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ptpGroup is the API group of the PTP operator.
const ptpGroup = "ptp.openshift.io"

// answerWithin is how long the API server may take for its first answer.
const answerWithin = 15 * time.Second

// check sees that the suite can work here.
func (s *System) check(ctx context.Context) error {
	if err := s.checkServer(ctx); err != nil {
		return err
	}
	if err := s.checkRights(ctx); err != nil {
		return err
	}
	if err := s.checkKinds(ctx); err != nil {
		return err
	}
	_, err := s.nodes(ctx)
	return err
}

// checkServer waits for an answer of the API server that proves who we are to it.
func (s *System) checkServer(ctx context.Context) error {
	first, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	// Anybody may ask for the version; the list of API groups takes credentials that are accepted.
	_, err := s.kube.Discovery().RESTClient().Get().AbsPath("/apis").Do(first).Raw()
	if err != nil && ctx.Err() == nil && first.Err() != nil {
		return &NotReadyError{Text: fmt.Sprintf("the API server %s has not answered within %s; see that it runs and that this machine has a way there", s.config.Host, answerWithin)}
	}
	return s.explain(err, "ask API server %s for its API groups", s.config.Host)
}

// checkKinds sees that the operator's kinds of object exist.
func (s *System) checkKinds(ctx context.Context) error {
	served, err := s.ServedResources(ctx)
	if err != nil {
		return err
	}
	for _, want := range []string{"ptpconfigs", "ptpoperatorconfigs", "nodeptpdevices"} {
		if !slices.Contains(served, want) {
			return &NotReadyError{Text: fmt.Sprintf("cluster %s does not know %s.%s; install the PTP operator, or choose another cluster with --context", s.config.Host, want, ptpGroup)}
		}
	}
	return nil
}

// ServedResources lists the resources of ptp.openshift.io, without subresources.
func (s *System) ServedResources(ctx context.Context) ([]string, error) {
	list, err := s.kube.Discovery().ServerResourcesForGroupVersion(ptpGroup + "/v1")
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, s.explain(err, "list the resources of %s", ptpGroup)
	}
	var names []string
	for _, r := range list.APIResources {
		if !strings.Contains(r.Name, "/") {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names, ctx.Err()
}
