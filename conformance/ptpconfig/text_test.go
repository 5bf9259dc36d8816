package ptpconfig

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func parse(t *testing.T, text string) []PtpConfig {
	t.Helper()
	objects, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// user is an object of the kind that people write, with keys that the package does not know.
func user(t *testing.T) PtpConfig {
	t.Helper()
	text, err := os.ReadFile("testdata/user.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))[0]
}

func TestRoundTrip(t *testing.T) {
	all := []PtpConfig{user(t)}
	for _, v := range variants() {
		all = append(all, generate(t, v).Objects...)
	}
	text, err := YAML(all...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, parse(t, string(text))); diff != "" {
		t.Errorf("YAML (-before +after):\n%s", diff)
	}
	for _, o := range all {
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var back PtpConfig
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o, back); diff != "" {
			t.Errorf("JSON (-before +after):\n%s", diff)
		}
		if diff := cmp.Diff([]PtpConfig{o}, parse(t, string(text))); diff != "" {
			t.Errorf("JSON through Parse (-before +after):\n%s", diff)
		}
	}
}

// TestNothingIsLost holds what is written against all that the file says, not only against what the types know.
func TestNothingIsLost(t *testing.T) {
	before, err := os.ReadFile("testdata/user.yaml")
	if err != nil {
		t.Fatal(err)
	}
	after, err := YAML(user(t))
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := yaml.Unmarshal(before, &want); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(after, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}

func TestParseFaults(t *testing.T) {
	const head = "apiVersion: ptp.openshift.io/v1\nkind: PtpConfig\n"
	for _, c := range []struct{ text, want string }{
		{"kind: Pod", `document 1: kind is "Pod", want "PtpConfig"`},
		{"kind: PtpConfig\napiVersion: ptp.openshift.io/v2", `apiVersion is "ptp.openshift.io/v2"`},
		{head, "metadata.name is missing"},
		{head + "metadata: {name: a}\n---\nkind: Pod", "document 2: kind is"},
		{head + "metadata: {name: a}\nspec: {profile: 7}", "cannot unmarshal"},
		{head + "metadata: {name: a}\nspec: {profile: [{name: a, ptpSchedulingPriority: high}]}", "line 4: cannot unmarshal"},
		{"{", "did not find expected"},
		{strings.Repeat("#", maxText+1), "more than the"},
	} {
		if objects, err := Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) || objects != nil {
			t.Errorf("%.60q: got %v, %v, want %q", c.text, objects, err, c.want)
		}
	}
	if objects := parse(t, ""); len(objects) != 0 {
		t.Errorf("objects in nothing: %v", objects)
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/user.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"apiVersion":"ptp.openshift.io/v1","kind":"PtpConfig","metadata":{"name":"a"},"spec":{"profile":[{"name":"a","ptp4lOpts":"-2"}],"recommend":[]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		objects, err := Parse(text)
		if err != nil {
			return
		}
		first, err := YAML(objects...)
		if err != nil {
			t.Skip() // aliases that stand for themselves and the like
		}
		again, err := Parse(first)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, first)
		}
		if second, err := YAML(again...); err != nil || !bytes.Equal(first, second) {
			t.Errorf("%v\nfirst:\n%s\nsecond:\n%s", err, first, second)
		}
		ForNode(objects, "w1", []string{LabelUnderTest})
		if mode, err := Classify(objects); (mode == "") != (err != nil) {
			t.Errorf("mode %q, error %v", mode, err)
		}
	})
}
