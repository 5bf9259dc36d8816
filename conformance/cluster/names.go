package cluster

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// What the PTP operator calls its parts.
const (
	daemonName         = "linuxptp-daemon"
	daemonSelector     = "app=linuxptp-daemon"
	daemonContainer    = "linuxptp-daemon-container"
	proxyContainer     = "cloud-event-proxy"
	operatorName       = "ptp-operator"
	operatorSelector   = "name=ptp-operator"
	operatorConfigName = "default"
	leaseName          = "ptp.openshift.io"
)

// The ports of a daemon pod.
const (
	metricsPort       = 9091
	readyPort         = 8081
	notificationsPort = 9043
)

// The marks of what the suite creates.
const (
	ManagedBy      = "app.kubernetes.io/managed-by"
	ManagedByValue = "ptplab-suite"

	discoveryNamespace = "l2discovery"
	discoveryName      = "l2discovery"
	journalName        = "ptplab-suite-journal"
)

// managed are the labels of everything that the suite creates.
func managed(more map[string]string) map[string]string {
	labels := map[string]string{ManagedBy: ManagedByValue}
	for key, value := range more {
		labels[key] = value
	}
	return labels
}

// ours selects it.
func ours() metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: ManagedBy + "=" + ManagedByValue}
}

func configResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: ptpGroup, Version: "v1", Resource: "ptpconfigs"}
}

func operatorConfigResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: ptpGroup, Version: "v1", Resource: "ptpoperatorconfigs"}
}

func deviceResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: ptpGroup, Version: "v1", Resource: "nodeptpdevices"}
}
