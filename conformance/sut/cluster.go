package sut

import (
	"context"
	"time"
)

// Cluster is implemented by a System that is a Kubernetes cluster with the PTP operator. Each method looks once. What does not
// exist is no error: the answer says so.
type Cluster interface {
	// Namespace is the one of the operator.
	Namespace(ctx context.Context) (Namespace, error)
	// CRDs lists the definitions of the group ptp.openshift.io.
	CRDs(ctx context.Context) ([]CRD, error)
	// ServedResources lists what the API server serves of the group ptp.openshift.io, "ptpoperatorconfigs" for one.
	ServedResources(ctx context.Context) ([]string, error)
	// OperatorState is the operator's deployment with its pods.
	OperatorState(ctx context.Context) (OperatorState, error)
	// DaemonState is the daemon set of linuxptp-daemon with its pods.
	DaemonState(ctx context.Context) (DaemonState, error)
	// Lease is the one that the operator's replicas elect their leader by.
	Lease(ctx context.Context) (Lease, error)
	// SingleNode says whether the cluster is one node only, with its control plane on it.
	SingleNode(ctx context.Context) (bool, error)
	// DeleteOperatorPods deletes the operator's pods and returns when they are gone. New ones may be starting.
	DeleteOperatorPods(ctx context.Context) error
}

// Namespace is a namespace of a cluster.
type Namespace struct {
	Name   string
	Exists bool
	Phase  string // "Active", "Terminating"
}

// CRD is the definition of a kind of object.
type CRD struct {
	Name        string // "ptpconfigs.ptp.openshift.io"
	Established bool   // the API server has accepted its names
}

// Pod is a pod of the operator or of the daemon.
type Pod struct {
	Name    string
	UID     string // another pod has another, also under the same name
	Node    string // "" until it is scheduled
	Phase   string // "Pending", "Running"
	Ready   bool   // all its containers are, and it is not being deleted
	Leaving bool   // it is being deleted
}

// OperatorState is the state of the operator's deployment.
type OperatorState struct {
	Exists    bool
	Available bool   // as its condition says
	Replicas  int    // that it has
	Version   string // of the operator: "v5.0.0"; "" if it does not say
	Pods      []Pod
}

// DaemonState is the state of the daemon set.
type DaemonState struct {
	Exists   bool
	Desired  int      // nodes that should run a pod
	Ready    int      // pods that are ready
	Current  bool     // all pods are of the newest template
	Matching []string // nodes that the operator's daemonNodeSelector selects
	Pods     []Pod
	Secrets  []SecretMount
}

// SecretMount is a secret that a pod's template mounts into the daemon's container.
type SecretMount struct {
	Volume   string // "ptp-security-conf-tlv-auth"
	Secret   string // "ptp-security-conf"
	Path     string // "" if the container does not mount the volume
	ReadOnly bool
}

// Lease is a lock that one holder has for a time.
type Lease struct {
	Exists   bool
	Holder   string // "" for nobody
	Duration time.Duration
	Renewed  time.Time // by the clock of the holder
}
