package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What a PtpConfig object says of itself.
const (
	APIVersion = "ptp.openshift.io/v1"
	Kind       = "PtpConfig"
)

// PtpConfig is upstream's object of that name: profiles, and which nodes they are for.
type PtpConfig struct {
	APIVersion string   `json:"apiVersion" yaml:"apiVersion"`
	Kind       string   `json:"kind" yaml:"kind"`
	Metadata   Metadata `json:"metadata" yaml:"metadata"`
	Spec       Spec     `json:"spec" yaml:"spec"`
	Status     any      `json:"status,omitempty" yaml:"status,omitempty"` // what a cluster wrote; not used here
}

// Metadata is the part of a Kubernetes object's metadata that matters here; other keys are accepted and dropped.
type Metadata struct {
	Name      string         `json:"name" yaml:"name"`
	Namespace string         `json:"namespace,omitempty" yaml:"namespace,omitempty"`
	Labels    map[string]any `json:"labels,omitempty" yaml:"labels,omitempty"`
	Other     map[string]any `json:"-" yaml:",inline"`
}

// Spec is the wanted state.
type Spec struct {
	Profile   []Profile   `json:"profile" yaml:"profile"`
	Recommend []Recommend `json:"recommend" yaml:"recommend"`
}

// Profile is one set of programs with their options and configuration texts. A program runs when its options are not
// empty.
type Profile struct {
	Name                  string            `json:"name" yaml:"name"`
	Interface             string            `json:"interface,omitempty" yaml:"interface,omitempty"`
	Ptp4lOpts             string            `json:"ptp4lOpts,omitempty" yaml:"ptp4lOpts,omitempty"`
	Ptp4lConf             string            `json:"ptp4lConf,omitempty" yaml:"ptp4lConf,omitempty"`
	Phc2sysOpts           string            `json:"phc2sysOpts,omitempty" yaml:"phc2sysOpts,omitempty"`
	Phc2sysConf           string            `json:"phc2sysConf,omitempty" yaml:"phc2sysConf,omitempty"`
	Ts2phcOpts            string            `json:"ts2phcOpts,omitempty" yaml:"ts2phcOpts,omitempty"`
	Ts2phcConf            string            `json:"ts2phcConf,omitempty" yaml:"ts2phcConf,omitempty"`
	Synce4lOpts           string            `json:"synce4lOpts,omitempty" yaml:"synce4lOpts,omitempty"`
	Synce4lConf           string            `json:"synce4lConf,omitempty" yaml:"synce4lConf,omitempty"`
	ChronydOpts           string            `json:"chronydOpts,omitempty" yaml:"chronydOpts,omitempty"`
	ChronydConf           string            `json:"chronydConf,omitempty" yaml:"chronydConf,omitempty"`
	PtpSchedulingPolicy   string            `json:"ptpSchedulingPolicy,omitempty" yaml:"ptpSchedulingPolicy,omitempty"`     // SCHED_OTHER, SCHED_FIFO
	PtpSchedulingPriority int               `json:"ptpSchedulingPriority,omitempty" yaml:"ptpSchedulingPriority,omitempty"` // 1-65
	PtpClockThreshold     *Threshold        `json:"ptpClockThreshold,omitempty" yaml:"ptpClockThreshold,omitempty"`
	PtpSettings           map[string]string `json:"ptpSettings,omitempty" yaml:"ptpSettings,omitempty"`
	Plugins               map[string]any    `json:"plugins,omitempty" yaml:"plugins,omitempty"` // accepted; the lab has no such hardware
}

// Threshold says when a clock counts as locked and how long it may coast.
type Threshold struct {
	HoldOverTimeout           int64            `json:"holdOverTimeout,omitempty" yaml:"holdOverTimeout,omitempty"`       // s
	MaxOffsetThreshold        int64            `json:"maxOffsetThreshold,omitempty" yaml:"maxOffsetThreshold,omitempty"` // ns
	MinOffsetThreshold        int64            `json:"minOffsetThreshold,omitempty" yaml:"minOffsetThreshold,omitempty"` // ns
	ProcessDowntimeThresholds map[string]int64 `json:"processDowntimeThresholds,omitempty" yaml:"processDowntimeThresholds,omitempty"`
}

// Upstream's defaults of a threshold that is not given or 0.
const (
	defaultHoldOverTimeout = 5    // s
	defaultMaxOffset       = 100  // ns
	defaultMinOffset       = -100 // ns
)

// threshold gives the profile's thresholds with the defaults filled in.
func (p *Profile) threshold() Threshold {
	t := Threshold{}
	if p.PtpClockThreshold != nil {
		t = *p.PtpClockThreshold
	}
	if t.HoldOverTimeout == 0 {
		t.HoldOverTimeout = defaultHoldOverTimeout
	}
	if t.MaxOffsetThreshold == 0 {
		t.MaxOffsetThreshold = defaultMaxOffset
	}
	if t.MinOffsetThreshold == 0 {
		t.MinOffsetThreshold = defaultMinOffset
	}
	return t
}

// haProfiles gives the names in the setting haProfiles, each once, in its order.
func (p *Profile) haProfiles() []string {
	var names []string
	for name := range strings.SplitSeq(p.PtpSettings["haProfiles"], ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Recommend says for which nodes a profile is.
type Recommend struct {
	Profile  string  `json:"profile" yaml:"profile"`
	Priority *int    `json:"priority" yaml:"priority"` // the lowest number wins
	Match    []Match `json:"match,omitempty" yaml:"match,omitempty"`
}

// Match selects nodes: by the name of a label that they carry, or by their own name.
type Match struct {
	NodeLabel string `json:"nodeLabel,omitempty" yaml:"nodeLabel,omitempty"`
	NodeName  string `json:"nodeName,omitempty" yaml:"nodeName,omitempty"`
}

// maxObjects bounds what Parse reads, in bytes; the API server's own limit for an object is smaller.
const maxObjects = 3 << 20

// Parse reads PtpConfig objects from YAML, one or several documents, or from JSON. Unknown keys, a wrong kind and
// whatever Validate finds are errors; all of one document are reported together.
func Parse(text []byte) ([]PtpConfig, error) {
	if len(text) > maxObjects {
		return nil, fmt.Errorf("%d bytes, more than the %d that PtpConfig objects may have", len(text), maxObjects)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	var all []PtpConfig
	for number := 1; ; number++ {
		var c PtpConfig
		err := d.Decode(&c)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		if err := c.Validate(); err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		all = append(all, c)
	}
}
