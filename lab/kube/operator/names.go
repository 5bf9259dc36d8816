package operator

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ptplab/ptplab/lab/node"
)

// What the stack calls its parts.
const (
	Name               = "ptp-operator"
	DefaultNamespace   = "openshift-ptp"
	ConfigName         = "default"
	LeaseName          = "ptp.openshift.io"
	DaemonName         = "linuxptp-daemon"
	DaemonContainer    = "linuxptp-daemon-container"
	PublisherContainer = "cloud-event-proxy"
	WebhookName        = "ptp-operator-validating-webhook-configuration"
	WebhookService     = "ptp-operator-webhook"

	certificateName  = "ptp-operator-webhook-certificate"
	monitorName      = "monitor-ptp"
	monitorService   = "ptp-monitor-service"
	publisherService = "ptp-event-publisher-service-" // and the node's name
	secretVolume     = "-tlv-auth"                    // after the secret's name
	nodeNameLabel    = "nodeName"                     // of the daemon's pods
	fieldManager     = Name
)

// The variables by which the operator tells the daemon's pods what they are.
const (
	SharedClockVariable = "PTPLAB_SHARED_CLOCK" // "1": the nodes share CLOCK_REALTIME
	ImageVariable       = "PTPLAB_IMAGE"        // of the operator itself
)

// The ports of the stack's pods.
const (
	metricsPort = 9091
	readyPort   = 8081
	eventsPort  = 9043
)

func ptpResource(plural string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "ptp.openshift.io", Version: "v1", Resource: plural}
}

func configs() schema.GroupVersionResource         { return ptpResource("ptpconfigs") }
func operatorConfigs() schema.GroupVersionResource { return ptpResource("ptpoperatorconfigs") }
func devices() schema.GroupVersionResource         { return ptpResource("nodeptpdevices") }

// managed are the labels of everything that the operator makes.
func managed(more ...string) map[string]string {
	labels := map[string]string{node.ManagedBy: node.ManagedByLab}
	for i := 0; i+1 < len(more); i += 2 {
		labels[more[i]] = more[i+1]
	}
	return labels
}
