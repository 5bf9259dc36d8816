package monitoring

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ptplab/ptplab/lab/image/node"
)

// Name is the name of the StatefulSet; its pod has the label app.kubernetes.io/name=prometheus.
const Name = "prometheus-k8s"

// Port is where Prometheus answers, in its pod and at its Service.
const Port = 9090

// ServiceMonitors is the name of the definition of ServiceMonitors.
const ServiceMonitors = "servicemonitors.monitoring.coreos.com"

// Options say how the monitoring should be. The zero value is that of a lab.
type Options struct {
	Image        string        // of Prometheus; "": node.PrometheusLab
	Namespace    string        // of all its parts; "": openshift-monitoring
	PTPNamespace string        // of the PTP daemons, which exists; "": openshift-ptp
	Every        time.Duration // between collections, whole seconds; 0: 10 s
	Retention    time.Duration // how long they are kept, whole seconds; 0: 2 h
}

func (o Options) withDefaults() (Options, error) {
	for field, value := range map[*string]string{
		&o.Image: node.PrometheusLab, &o.Namespace: "openshift-monitoring", &o.PTPNamespace: "openshift-ptp",
	} {
		if *field == "" {
			*field = value
		}
	}
	for _, name := range []string{o.Namespace, o.PTPNamespace} {
		if faults := validation.IsDNS1123Label(name); len(faults) > 0 {
			return o, fmt.Errorf("namespace %q: %s", name, faults[0])
		}
	}
	for field, value := range map[*time.Duration]time.Duration{&o.Every: 10 * time.Second, &o.Retention: 2 * time.Hour} {
		if *field == 0 {
			*field = value
		}
		if *field < time.Second || *field%time.Second != 0 {
			return o, fmt.Errorf("time %s: want whole seconds, at least one", *field)
		}
	}
	return o, nil
}

// seconds is a time as Prometheus reads it.
func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }
