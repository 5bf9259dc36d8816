package specs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/sut"
)

func operatorSpecs() []Spec {
	spec := func(name string, check func(context.Context, *Test, sut.Cluster) error) Spec {
		return Spec{Area: AreaOperator, Name: name, Needs: []Need{NeedCluster}, Check: onCluster(check)}
	}
	return []Spec{
		spec("the API server serves the operator's configuration", checkServed),
		spec("every node that the operator's selector matches runs the PTP daemon", checkDaemonOnNodes),
		spec("the PTP operator is available", checkAvailable),
		spec("a new pod of the PTP operator takes the lease of a deleted one", checkLeaseTaken),
	}
}

// leaseTakenWithin is how long nobody may lead the operator.
const leaseTakenWithin = 5 * time.Minute

func checkServed(ctx context.Context, _ *Test, cluster sut.Cluster) error {
	const want = "ptpoperatorconfigs"
	resources, err := cluster.ServedResources(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(resources, want) {
		return fmt.Errorf("of ptp.openshift.io the API server serves %s; %s is missing", listed(resources), want)
	}
	return nil
}

func checkDaemonOnNodes(ctx context.Context, _ *Test, cluster sut.Cluster) error {
	state, err := cluster.DaemonState(ctx)
	if err != nil {
		return err
	}
	if len(state.Matching) == 0 {
		return errors.New("the daemonNodeSelector of PtpOperatorConfig default matches no node")
	}
	missing := slices.DeleteFunc(slices.Clone(state.Matching), func(node string) bool {
		return slices.ContainsFunc(state.Pods, func(p sut.Pod) bool { return p.Node == node && !p.Leaving })
	})
	if len(missing) > 0 {
		return fmt.Errorf("no PTP daemon is scheduled on %s, of the %d nodes that the operator's selector matches", listed(missing), len(state.Matching))
	}
	return nil
}

func checkAvailable(ctx context.Context, _ *Test, cluster sut.Cluster) error {
	state, err := cluster.OperatorState(ctx)
	switch {
	case err != nil:
		return err
	case !state.Exists:
		return errors.New("there is no deployment of the PTP operator")
	case !state.Available:
		return fmt.Errorf("the deployment of the PTP operator is not available; %s", podNames(state.Pods))
	}
	return nil
}

// checkLeaseTaken deletes the operator's pods and waits for new ones to lead.
func checkLeaseTaken(ctx context.Context, t *Test, cluster sut.Cluster) error {
	before, err := cluster.OperatorState(ctx)
	if err != nil {
		return err
	}
	lease, err := cluster.Lease(ctx)
	if err != nil {
		return err
	}
	if len(before.Pods) == 0 || lease.Holder == "" {
		return fmt.Errorf("nothing to take over from: lease held by %q; %s", lease.Holder, podNames(before.Pods))
	}
	if err := cluster.DeleteOperatorPods(ctx); err != nil {
		return err
	}
	took, err := t.until(ctx, "a new pod of the PTP operator to be ready and to hold the lease", leaseTakenWithin, func(ctx context.Context) (bool, string, error) {
		now, err := cluster.OperatorState(ctx)
		if err != nil {
			return false, "", err
		}
		held, err := cluster.Lease(ctx)
		if err != nil {
			return false, "", err
		}
		fresh := slices.ContainsFunc(now.Pods, func(p sut.Pod) bool { return p.Ready && isNew(p, before.Pods) })
		taken := held.Holder != "" && held.Holder != lease.Holder && held.Renewed.After(lease.Renewed)
		return fresh && taken, fmt.Sprintf("lease held by %q; %s", held.Holder, podNames(now.Pods)), nil
	})
	t.measureSeconds("time until a new operator leads", took)
	return err
}

func isNew(pod sut.Pod, before []sut.Pod) bool {
	return !slices.ContainsFunc(before, func(p sut.Pod) bool { return p.UID == pod.UID })
}

// listed is "a, b", or "nothing".
func listed(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
