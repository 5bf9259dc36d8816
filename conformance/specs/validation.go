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

func validationSpecs() []Spec {
	spec := func(name string, check func(context.Context, *Test, sut.Cluster) error) Spec {
		return Spec{Area: AreaValidation, Name: name, Needs: []Need{NeedCluster}, Check: onCluster(check)}
	}
	return []Spec{
		spec("the namespace of the PTP operator exists", checkNamespace),
		spec("the pods of the PTP operator run", checkOperatorPods),
		spec("the lease of the PTP operator lasts as long as it should", checkLeaseDuration),
		spec("the PTP daemon is ready on every node that should run it", checkDaemonReady),
		spec("the kinds of object of the PTP operator are defined", checkCRDs),
	}
}

// onCluster makes a check out of one that asks a cluster.
func onCluster(check func(context.Context, *Test, sut.Cluster) error) func(context.Context, *Test) error {
	return func(ctx context.Context, t *Test) error {
		cluster, ok := sut.As[sut.Cluster](t.System)
		if !ok {
			return Skipped(NeedCluster.Missing(t.System))
		}
		return check(ctx, t, cluster)
	}
}

// How long a cluster may take, as users of the operator's test suite know it.
const (
	operatorPodsWithin = 10 * time.Minute
	daemonReadyWithin  = 5 * time.Minute
)

// How long the leader's lease lasts: on a single node longer, because its API server is away for longer when it is updated.
const (
	leaseDuration           = 137 * time.Second
	leaseDurationSingleNode = 270 * time.Second
)

func checkNamespace(ctx context.Context, _ *Test, cluster sut.Cluster) error {
	namespace, err := cluster.Namespace(ctx)
	switch {
	case err != nil:
		return err
	case !namespace.Exists:
		return fmt.Errorf("there is no namespace %s: install the PTP operator", namespace.Name)
	case namespace.Phase != "Active":
		return fmt.Errorf("namespace %s is %s, not Active", namespace.Name, namespace.Phase)
	}
	return nil
}

func checkOperatorPods(ctx context.Context, t *Test, cluster sut.Cluster) error {
	_, err := t.until(ctx, "as many pods of the PTP operator to run as it has replicas", operatorPodsWithin, func(ctx context.Context) (bool, string, error) {
		state, err := cluster.OperatorState(ctx)
		if err != nil {
			return false, "", err
		}
		if !state.Exists {
			return false, "there is no deployment of the operator", nil
		}
		all := state.Replicas > 0 && len(state.Pods) == state.Replicas && !slices.ContainsFunc(state.Pods, func(p sut.Pod) bool { return p.Phase != "Running" })
		return all, fmt.Sprintf("%d replicas; %s", state.Replicas, podNames(state.Pods)), nil
	})
	return err
}

func checkLeaseDuration(ctx context.Context, t *Test, cluster sut.Cluster) error {
	single, err := cluster.SingleNode(ctx)
	if err != nil {
		return err
	}
	want, why := leaseDuration, "with more than one node"
	if single {
		want, why = leaseDurationSingleNode, "on a single node"
	}
	lease, err := cluster.Lease(ctx)
	switch {
	case err != nil:
		return err
	case !lease.Exists:
		return errors.New("the PTP operator has no lease")
	case lease.Duration != want:
		return fmt.Errorf("the lease lasts %s; %s it should last %s", lease.Duration, why, want)
	}
	t.measureSeconds("lease of the operator", lease.Duration)
	return nil
}

func checkDaemonReady(ctx context.Context, t *Test, cluster sut.Cluster) error {
	took, err := t.untilDaemonReady(ctx, cluster)
	t.measureSeconds("time until the daemon set is ready", took)
	return err
}

// untilDaemonReady waits until every pod that the daemon set should have is there, new and ready.
func (t *Test) untilDaemonReady(ctx context.Context, cluster sut.Cluster) (time.Duration, error) {
	return t.until(ctx, "the daemon set of linuxptp-daemon to be ready on all its nodes", daemonReadyWithin, func(ctx context.Context) (bool, string, error) {
		state, err := cluster.DaemonState(ctx)
		if err != nil {
			return false, "", err
		}
		if !state.Exists {
			return false, "there is no daemon set", nil
		}
		seen := fmt.Sprintf("%d of %d ready; %s", state.Ready, state.Desired, podNames(state.Pods))
		if !state.Current {
			seen += "; not all are of the newest template"
		}
		return daemonReady(state), seen, nil
	})
}

func daemonReady(state sut.DaemonState) bool {
	return state.Desired > 0 && state.Current && state.Ready == state.Desired && len(state.Pods) == state.Desired
}

// definedKinds are those that the specs of the suite and users work with.
func definedKinds() []string {
	return []string{"nodeptpdevices.ptp.openshift.io", "ptpconfigs.ptp.openshift.io", "ptpoperatorconfigs.ptp.openshift.io"}
}

func checkCRDs(ctx context.Context, _ *Test, cluster sut.Cluster) error {
	found, err := cluster.CRDs(ctx)
	if err != nil {
		return err
	}
	established := map[string]bool{}
	for _, crd := range found {
		established[crd.Name] = crd.Established
	}
	var faults []error
	for _, name := range definedKinds() {
		switch ready, exists := established[name]; {
		case !exists:
			faults = append(faults, fmt.Errorf("there is no custom resource definition %s", name))
		case !ready:
			faults = append(faults, fmt.Errorf("custom resource definition %s is not established", name))
		}
	}
	return errors.Join(faults...)
}

// podNames is "ptp-operator-x Running, ptp-operator-y Pending".
func podNames(pods []sut.Pod) string {
	if len(pods) == 0 {
		return "no pods"
	}
	var names []string
	for _, p := range pods {
		name := p.Name + " " + p.Phase
		switch {
		case p.Leaving:
			name += ", being deleted"
		case p.Phase == "Running" && !p.Ready:
			name += ", not ready"
		}
		names = append(names, name)
	}
	return strings.Join(names, "; ")
}
