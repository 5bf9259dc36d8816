package topology

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "rewrite the golden files and topologies/topology.schema.json")

const (
	topologies = "../../topologies"
	schemaFile = topologies + "/topology.schema.json"
	firstLine  = "# yaml-language-server: $schema=topology.schema.json\n"
)

// golden compares got with a file, or rewrites the file.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (go test ./lab/topology -update rewrites it), -want +got:\n%s", file, diff)
	}
}

func TestSchemaFileIsGenerated(t *testing.T) {
	got, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, schemaFile, got)
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("topology.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("topology.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// againstSchema checks YAML against the schema as an editor does.
func againstSchema(t *testing.T, schema *jsonschema.Schema, text []byte) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return schema.Validate(jsonValue(v))
}

// jsonValue turns what YAML gave into what JSON would have given: the keys of mappings become text.
func jsonValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = jsonValue(v[k])
		}
		return v
	case map[any]any:
		m := map[string]any{}
		for k, e := range v {
			text, _ := yaml.Marshal(k)
			m[strings.TrimSpace(string(text))] = jsonValue(e)
		}
		return m
	case []any:
		for i := range v {
			v[i] = jsonValue(v[i])
		}
	}
	return v
}

// topologyFiles are the files that come with ptplab.
func topologyFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(topologies + "/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".yaml"))
	}
	want := []string{"bc-slaves", "bc", "dnbc-ha", "dnbc", "dual-follower", "external-gm", "oc", "single-node"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatalf("files in topologies, -want +got:\n%s", diff)
	}
	return files
}

func TestTopologiesMatchSchema(t *testing.T) {
	schema := compileSchema(t)
	for _, file := range topologyFiles(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(text, []byte(firstLine)) {
			t.Errorf("%s does not begin with %q", file, firstLine)
		}
		if err := againstSchema(t, schema, text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// What the schema must refuse, so that an editor shows it while it is typed.
func TestSchemaRefuses(t *testing.T) {
	schema := compileSchema(t)
	if err := againstSchema(t, schema, []byte(small())); err != nil {
		t.Fatalf("the topology that the cases start from: %v", err)
	}
	for _, c := range []struct{ name, old, new string }{
		{"unknown key", "seed: 7", "sed: 7"},
		{"wrong apiVersion", "v1alpha1", "v2"},
		{"missing workers", "workers:", "nodes:"},
		{"bad lab name", "name: small", "name: Small_Lab"},
		{"text for a number", "ports: 2", "ports: two"},
		{"nine ports", "ports: 2", "ports: 9"},
		{"offset without a unit", "offset: 20us", "offset: 20"},
		{"unknown unit", "drift: 12ppb", "drift: 12Hz"},
		{"bad NIC name", "ens1: {", "Ens1: {"},
		{"VLAN 4095", "1500:", "4095:"},
		{"VLAN 0", "1500:", "0:"},
		{"empty VLAN", "[w1/ens1f0, w2/ens2f0]", "[]"},
		{"port without a worker", "[w1/ens1f0, w2/ens2f0]", "[ens1f0, w2/ens2f0]"},
		{"domain 128", "domain: 24", "domain: 128"},
		{"unknown type of clock", "type: ordinary", "type: slave"},
		{"switch and switches", "clocks:", "switches: {a: {vlans: {1: [w1/ens1f0]}}}\nclocks:"},
		{"cable with port and between", "{port: w1/ens1f0,", "{port: w1/ens1f0, between: [w1/ens1f1, w2/ens2f0],"},
		{"negative loss", "loss: 0.1%", "loss: -0.1%"},
	} {
		text := strings.Replace(small(), c.old, c.new, 1)
		if text == small() {
			t.Errorf("%s: the case changes nothing", c.name)
		}
		if err := againstSchema(t, schema, []byte(text)); err == nil {
			t.Errorf("%s: accepted:\n%s", c.name, text)
		}
	}
}

// small is a good topology with most keys, from which bad ones are made.
func small() string {
	return `apiVersion: ptplab/v1alpha1
kind: Topology
name: small
seed: 7
workers:
  w1: {nics: {ens1: {ports: 2, offset: 20us, drift: 12ppb, wander: 0.5ppb}}}
  w2: {nics: {ens2: {ports: 2}}}
switch:
  ptp: {profile: g8275.1, domain: 24}
  vlans:
    1500: [w1/ens1f0, w2/ens2f0]
cables:
  - {port: w1/ens1f0, delay: 1.5us, asymmetry: -100ns, jitter: 5ns, loss: 0.1%}
  - {between: [w1/ens1f1, w2/ens2f1], delay: 0ns}
grandmasters:
  gm1: {vlan: 1500, clockClass: 7, priority1: 1, priority2: 2, offset: -1ms, cable: {delay: 2us}}
clocks:
  oc1: {type: ordinary, receive: [w1/ens1f0], systemClock: true}
cluster: {nodes: plain}
`
}
