package kube

import "github.com/ptplab/ptplab/lab/kube/operator"

// DefaultImage is the image of the operator and the daemon. No registry has it: the nodes of a lab are made with it.
const DefaultImage = "localhost/ptplab/agent:lab"

// The labels of nodes that Kubernetes and OpenShift know roles by.
const (
	workerLabel       = "node-role.kubernetes.io/worker"
	masterLabel       = "node-role.kubernetes.io/master"
	controlPlaneLabel = "node-role.kubernetes.io/control-plane"
)

// Options say how the stack should be. Its zero value is that of a lab.
type Options struct {
	Image          string            // of operator and daemon; "" for DefaultImage
	Namespace      string            // of all its parts; "" for "openshift-ptp"
	Nodes          map[string]string // labels of the nodes that run the daemon; nil for those of workers
	SharedClock    bool              // the nodes share one kernel, and so CLOCK_REALTIME
	EventPublisher bool              // the daemon's pods notify of events
	Monitoring     bool              // with a Prometheus that collects from the daemon and the kubelets
}

func (o Options) withDefaults() Options {
	if o.Image == "" {
		o.Image = DefaultImage
	}
	if o.Namespace == "" {
		o.Namespace = operator.DefaultNamespace
	}
	if o.Nodes == nil {
		o.Nodes = map[string]string{workerLabel: ""}
	}
	return o
}
