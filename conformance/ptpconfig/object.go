package ptpconfig

// What a PtpConfig object says of itself, and where the operator looks for it.
const (
	APIVersion = "ptp.openshift.io/v1"
	Kind       = "PtpConfig"
	Namespace  = "openshift-ptp"
)

// PtpConfig is the object of that name: profiles, and which nodes they are for. What this package does not know is
// kept in Other, here and in the parts, and written again.
type PtpConfig struct {
	APIVersion string         `yaml:"apiVersion"`
	Kind       string         `yaml:"kind"`
	Metadata   Metadata       `yaml:"metadata"`
	Spec       Spec           `yaml:"spec"`
	Other      map[string]any `yaml:",inline"` // status, for one
}

// Metadata is the part of a Kubernetes object's metadata that matters here.
type Metadata struct {
	Name      string            `yaml:"name"`
	Namespace string            `yaml:"namespace,omitempty"`
	Labels    map[string]string `yaml:"labels,omitempty"`
	Other     map[string]any    `yaml:",inline"`
}

// Spec is the wanted state.
type Spec struct {
	Profile   []Profile      `yaml:"profile"`
	Recommend []Recommend    `yaml:"recommend"`
	Other     map[string]any `yaml:",inline"`
}

// Profile is a set of programs with their options and configuration texts. A program runs when its options are there
// and not empty; options that are there but empty (a profile that is only phc2sys has such ptp4lOpts) are kept apart
// from none.
type Profile struct {
	Name                  string            `yaml:"name"`
	Interface             *string           `yaml:"interface,omitempty"` // the only port of a clock, the old way
	Ptp4lOpts             *string           `yaml:"ptp4lOpts,omitempty"`
	Ptp4lConf             *string           `yaml:"ptp4lConf,omitempty"`
	Phc2sysOpts           *string           `yaml:"phc2sysOpts,omitempty"`
	Phc2sysConf           *string           `yaml:"phc2sysConf,omitempty"`
	Ts2phcOpts            *string           `yaml:"ts2phcOpts,omitempty"`
	Ts2phcConf            *string           `yaml:"ts2phcConf,omitempty"`
	Synce4lOpts           *string           `yaml:"synce4lOpts,omitempty"`
	Synce4lConf           *string           `yaml:"synce4lConf,omitempty"`
	ChronydOpts           *string           `yaml:"chronydOpts,omitempty"`
	ChronydConf           *string           `yaml:"chronydConf,omitempty"`
	PtpSchedulingPolicy   string            `yaml:"ptpSchedulingPolicy,omitempty"`   // SCHED_OTHER, SCHED_FIFO
	PtpSchedulingPriority int64             `yaml:"ptpSchedulingPriority,omitempty"` // 1-65
	PtpClockThreshold     *Threshold        `yaml:"ptpClockThreshold,omitempty"`
	PtpSettings           map[string]string `yaml:"ptpSettings,omitempty"`
	Plugins               map[string]any    `yaml:"plugins,omitempty"`
	Other                 map[string]any    `yaml:",inline"`
}

// Threshold says when a clock counts as locked, and for how long it may coast without a master.
type Threshold struct {
	HoldOverTimeout    int64          `yaml:"holdOverTimeout,omitempty"`    // s
	MaxOffsetThreshold int64          `yaml:"maxOffsetThreshold,omitempty"` // ns
	MinOffsetThreshold int64          `yaml:"minOffsetThreshold,omitempty"` // ns
	Other              map[string]any `yaml:",inline"`
}

// Recommend says for which nodes a profile is. Of all recommendations that match a node, those with the lowest
// priority number apply, all of them.
type Recommend struct {
	Profile  string         `yaml:"profile"`
	Priority int64          `yaml:"priority"`
	Match    []Match        `yaml:"match,omitempty"`
	Other    map[string]any `yaml:",inline"`
}

// Match selects nodes: by the name of a label that they carry, or by their own name.
type Match struct {
	NodeLabel string         `yaml:"nodeLabel,omitempty"`
	NodeName  string         `yaml:"nodeName,omitempty"`
	Other     map[string]any `yaml:",inline"`
}

// runs tells whether a program with these options is started.
func runs(options *string) bool { return value(options) != "" }

// value is a text that may be absent, "" then.
func value(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
