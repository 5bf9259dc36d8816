package monitoring

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/template"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
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
	text, err := render("objects.yaml", objectsText, map[string]any{
		"Name": Name, "Port": Port, "Image": o.Image, "Namespace": o.Namespace, "PTPNamespace": o.PTPNamespace,
		"Every": seconds(o.Every), "Retention": seconds(o.Retention),
		"Config": config, "Sum": hex.EncodeToString(sum[:8]), // pods of another configuration are replaced
	})
	if err != nil {
		return nil, err
	}
	return decode(text)
}

// Config is the configuration of Prometheus.
// https://prometheus.io/docs/prometheus/2.53/configuration/configuration/
func Config(o Options) (string, error) {
	o, err := o.withDefaults()
	if err != nil {
		return "", fmt.Errorf("monitoring: %w", err)
	}
	text, err := render("prometheus.yml", configText, map[string]any{
		"Every": seconds(o.Every), "Timeout": seconds(min(o.Every, scrapeTimeout)), "PTPNamespace": o.PTPNamespace,
	})
	return string(text), err
}

func render(name, text string, values map[string]any) ([]byte, error) {
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, values); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// decode reads YAML documents.
func decode(text []byte) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var all []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("objects.yaml, object %d: %w", len(all)+1, err)
		}
		all = append(all, object)
	}
}
