package ptpconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// maxText bounds what Parse reads, in bytes. The API server's own limit for an object is smaller.
const maxText = 3 << 20

// Parse reads PtpConfig objects from YAML of one or several documents, or from JSON. Keys that it does not know are
// kept. It needs bounded time and memory whatever the text, and does not panic.
func Parse(text []byte) (objects []PtpConfig, err error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("%d bytes, more than the %d that PtpConfig objects may have", len(text), maxText)
	}
	defer func() {
		if p := recover(); p != nil { // the YAML parser meets text from anywhere
			objects, err = nil, fmt.Errorf("document %d: the YAML parser gave up: %v", len(objects)+1, p)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var o PtpConfig
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err == nil {
			err = o.check()
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", len(objects)+1, err)
		}
		objects = append(objects, o)
	}
}

// check says why o is no PtpConfig.
func (o PtpConfig) check() error {
	switch {
	case o.Kind != Kind:
		return fmt.Errorf("kind is %q, want %q", o.Kind, Kind)
	case o.APIVersion != APIVersion:
		return fmt.Errorf("apiVersion is %q, want %q", o.APIVersion, APIVersion)
	case o.Metadata.Name == "":
		return errors.New("metadata.name is missing")
	}
	return nil
}

// YAML writes objects as YAML, one document each. The same objects always give the same text.
func YAML(objects ...PtpConfig) ([]byte, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	for _, o := range objects {
		if err := encoder.Encode(o); err != nil {
			return nil, fmt.Errorf("write PtpConfig %s: %w", o.Metadata.Name, err)
		}
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("write PtpConfig: %w", err)
	}
	return text.Bytes(), nil
}

// MarshalJSON writes the object with the keys of its YAML, in the order of the alphabet.
func (o PtpConfig) MarshalJSON() ([]byte, error) {
	var tree yaml.Node
	if err := tree.Encode(o); err != nil {
		return nil, fmt.Errorf("write PtpConfig %s: %w", o.Metadata.Name, err)
	}
	var plain map[string]any
	if err := tree.Decode(&plain); err != nil {
		return nil, fmt.Errorf("write PtpConfig %s: %w", o.Metadata.Name, err)
	}
	return json.Marshal(plain)
}

// UnmarshalJSON reads an object from JSON.
func (o *PtpConfig) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // a whole number stays one
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return fmt.Errorf("read PtpConfig: %w", err)
	}
	var tree yaml.Node
	if err := tree.Encode(numbers(plain)); err != nil {
		return fmt.Errorf("read PtpConfig: %w", err)
	}
	var read PtpConfig
	if err := tree.Decode(&read); err != nil {
		return fmt.Errorf("read PtpConfig: %w", err)
	}
	*o = read
	return nil
}

// numbers gives the numbers in a decoded JSON value the types that YAML writes as numbers.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if whole, err := v.Int64(); err == nil {
			return whole
		}
		if fraction, err := v.Float64(); err == nil {
			return fraction
		}
		return v.String()
	case map[string]any:
		for key := range v {
			v[key] = numbers(v[key])
		}
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	}
	return v
}
