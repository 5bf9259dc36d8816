package cluster

import (
	"context"
	"slices"
	"strings"
	"sync"

	authorization "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Right is a verb on a resource that somebody may have in a cluster.
type Right struct {
	Verb      string // "create"
	Group     string // "" for the core group
	Resource  string // "pods", "pods/exec"
	Namespace string // "" for all namespaces, or a resource that is in none
}

// String is "create pods/exec in namespace openshift-ptp".
func (r Right) String() string {
	text := r.Verb + " " + r.Resource
	if r.Group != "" {
		text += "." + r.Group
	}
	if r.Namespace != "" {
		text += " in namespace " + r.Namespace
	}
	return text
}

func rights(namespace, group, resource string, verbs ...string) []Right {
	var all []Right
	for _, verb := range verbs {
		all = append(all, Right{verb, group, resource, namespace})
	}
	return all
}

// DiscoveryRights are those that it takes to find out how the ports are cabled.
func DiscoveryRights(o Options) []Right {
	o.Namespace = o.withoutRights().Namespace
	all := slices.Concat(
		rights("", "", "nodes", "get", "list"),
		rights(o.Namespace, "", "pods", "list"),
		rights(o.Namespace, "apps", "daemonsets", "get"),
		rights(discoveryNamespace, "", "pods", "list", "watch"),
		rights(discoveryNamespace, "", "pods/log", "get"),
	)
	if o.PreconfiguredDiscovery {
		return all
	}
	return slices.Concat(all,
		rights("", "", "namespaces", "get", "list", "watch", "create", "delete"),
		rights(discoveryNamespace, "apps", "daemonsets", "create"),
	)
}

// TestRights are those that a run of the suite needs.
func TestRights(o Options) []Right {
	namespace := o.withoutRights().Namespace
	return slices.Concat(DiscoveryRights(o),
		rights("", "", "nodes", "patch"),
		rights("", "apiextensions.k8s.io", "customresourcedefinitions", "list"),
		rights(namespace, "", "pods", "get", "watch", "create", "delete"),
		rights(namespace, "", "pods/log", "get"),
		rights(namespace, "", "pods/exec", "create"),
		rights(namespace, "", "pods/portforward", "create"),
		rights(namespace, "", "secrets", "get", "list", "create", "update", "delete"),
		rights(namespace, "apps", "deployments", "get"),
		rights(namespace, "coordination.k8s.io", "leases", "get"),
		rights(namespace, ptpGroup, "ptpconfigs", "get", "list", "create", "update", "delete"),
		rights(namespace, ptpGroup, "ptpoperatorconfigs", "get", "update"),
		rights(namespace, ptpGroup, "nodeptpdevices", "get"),
	)
}

// withoutRights are the options with all defaults but that of the rights.
func (o Options) withoutRights() Options {
	o.Rights = []Right{}
	return o.withDefaults()
}

// reviewsAtOnce is how many access reviews are asked for at a time.
const reviewsAtOnce = 8

// checkRights asks the cluster for every right, and reports those that the user lacks.
func (s *System) checkRights(ctx context.Context) error {
	wanted := s.options.Rights
	allowed, faults := make([]bool, len(wanted)), make([]error, len(wanted))
	var group sync.WaitGroup
	slots := make(chan struct{}, reviewsAtOnce)
	for i, right := range wanted {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			allowed[i], faults[i] = s.may(ctx, right)
		})
	}
	group.Wait()
	var missing []Right
	for i, right := range wanted {
		if faults[i] != nil {
			return s.explain(faults[i], "ask what the user of the kubeconfig may do")
		}
		if !allowed[i] {
			missing = append(missing, right)
		}
	}
	if len(missing) > 0 {
		return &AccessError{Missing: missing}
	}
	return nil
}

func (s *System) may(ctx context.Context, r Right) (bool, error) {
	resource, sub, _ := strings.Cut(r.Resource, "/")
	review := &authorization.SelfSubjectAccessReview{Spec: authorization.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorization.ResourceAttributes{
			Namespace: r.Namespace, Verb: r.Verb, Group: r.Group, Resource: resource, Subresource: sub,
		},
	}}
	answer, err := s.kube.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	return answer.Status.Allowed, nil
}
