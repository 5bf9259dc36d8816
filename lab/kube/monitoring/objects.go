package monitoring

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ptplab/ptplab/lab/kube/manifest"
)

//go:embed objects.yaml
var objectsText string

//go:embed prometheus.yml
var configText string

// scrapeTimeout is how long a target may take, where it is asked no more often.
const scrapeTimeout = 10 * time.Second

// Objects are the objects of the monitoring in the order in which a cluster takes them. The ServiceMonitor, which is the
// last, needs its definition, ServiceMonitors, to be established. The namespace of the PTP daemons is not among them.
func Objects(o Options) ([]*unstructured.Unstructured, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("monitoring: %w", err)
	}
	config, err := Config(o)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(config))
	text, err := manifest.Render("objects.yaml", objectsText, map[string]any{
		"Name": Name, "Port": Port, "Image": o.Image, "Namespace": o.Namespace, "PTPNamespace": o.PTPNamespace,
		"Every": seconds(o.Every), "Retention": seconds(o.Retention),
		"Config": config, "Sum": hex.EncodeToString(sum[:8]), // pods of another configuration are replaced
	})
	if err != nil {
		return nil, err
	}
	objects, err := manifest.Decode(text)
	if err != nil {
		return nil, fmt.Errorf("objects.yaml: %w", err)
	}
	return objects, nil
}

// Config is the configuration of Prometheus.
// https://prometheus.io/docs/prometheus/2.53/configuration/configuration/
func Config(o Options) (string, error) {
	o, err := o.withDefaults()
	if err != nil {
		return "", fmt.Errorf("monitoring: %w", err)
	}
	text, err := manifest.Render("prometheus.yml", configText, map[string]any{
		"Every": seconds(o.Every), "Timeout": seconds(min(o.Every, scrapeTimeout)), "PTPNamespace": o.PTPNamespace,
	})
	return string(text), err
}
