package lab

import (
	"encoding/json"
	"time"

	"github.com/ptplab/ptplab/lab/image"
	"github.com/ptplab/ptplab/lab/node"
	"github.com/ptplab/ptplab/lab/topology"
)

// The operations that the agent in a lab's kernel does.
const (
	opUp       = "up"       // UpArgs; StepEvent...; UpReport
	opObserve  = "observe"  // UpArgs; StepEvent...; nothing
	opStatus   = "status"   // nothing; ; Status
	opRun      = "run"      // RunArgs; ; time.Time
	opExec     = "exec"     // ExecArgs; Output...; ExecResult
	opTerminal = "terminal" // ExecArgs; Output... for each TerminalInput; ExecResult
	opLink     = "link"     // LinkArgs; ; nothing
	opCable    = "cable"    // CableArgs; ; nothing
	opClock    = "clock"    // ClockArgs; ; nothing
	opTruth    = "truth"    // TruthArgs; ; []TrueError
	opMetrics  = "metrics"  // NodeArgs; ; string
	opLogs     = "logs"     // LogsArgs; LogLine...; nothing
	opApply    = "apply"    // ApplyArgs; ; nothing
	opSelftest = "selftest" // nothing; Output...; nothing

	opConfigs      = "configs"       // nothing; ; Configs
	opPutConfig    = "put config"    // ApplyArgs; ; nothing
	opDeleteConfig = "delete config" // NameArgs; ; nothing
	opLabel        = "label"         // LabelArgs; ; nothing
	opPutSecret    = "put secret"    // Secret; ; nothing
	opDeleteSecret = "delete secret" // NameArgs; ; nothing
	opRestart      = "restart"       // NodeArgs; ; nothing
	opReady        = "ready"         // NodeArgs; ; Readiness
	opDevices      = "devices"       // NodeArgs; ; []Device
	opLoads        = "loads"         // RunArgs; ; []Load
	opExtra        = "extra"         // ExtraArgs; ; whatever it returns
)

// refused is the kind of error with which validation turns an object down.
const refused = "refused"

// UpArgs is a lab to make.
type UpArgs struct {
	Plan *topology.Plan `json:"plan"`
	Keep bool           `json:"keep"` // what a failed run has made
	Wait bool           `json:"wait"` // until the clocks have locked

	Stack Stack `json:"stack,omitempty"` // of a lab with a cluster

	Nodes bool `json:"nodes,omitempty"` // of a lab with a cluster: only that, with nothing of the topology but the workers' names

	Node *image.NodeImage `json:"node,omitempty"` // of a lab with a cluster; it is on the tape
}

// UpReport tells of a lab that is up.
type UpReport struct {
	Steps []StepEvent   `json:"steps"`
	Time  time.Time     `json:"time"`  // the lab's clock
	Took  time.Duration `json:"took"`  // of the lab's time
	Locks []ClockLock   `json:"locks"` // of the time receivers
}

// ClockLock is a time receiver that has locked.
type ClockLock struct {
	Clock string `json:"clock"`
	Port  string `json:"port"`
}

// RunArgs lets time pass.
type RunArgs struct {
	Duration time.Duration `json:"duration"`
}

// ExecArgs is a command to run in a node.
type ExecArgs struct {
	Node    string   `json:"node"`
	Command []string `json:"command"`
	Stdin   []byte   `json:"stdin,omitempty"`
	Rows    uint16   `json:"rows,omitempty"` // of a terminal
	Columns uint16   `json:"columns,omitempty"`
	Term    string   `json:"term,omitempty"` // the terminal's kind, as in $TERM
}

// Output is what a command printed.
type Output struct {
	Stdout []byte `json:"stdout,omitempty"`
	Stderr []byte `json:"stderr,omitempty"`
}

// TerminalInput is what a person typed, and the time that may pass before the next.
type TerminalInput struct {
	Bytes   []byte        `json:"bytes,omitempty"`
	Pass    time.Duration `json:"pass"`
	Rows    uint16        `json:"rows,omitempty"`
	Columns uint16        `json:"columns,omitempty"`
}

// ExecResult is how a command ended.
type ExecResult struct {
	Exit int `json:"exit"` // its exit status, 128 + N after signal N
}

// LinkArgs plugs a port's cable in or out.
type LinkArgs struct {
	Port topology.PortRef `json:"port"`
	Up   bool             `json:"up"`
}

// CableArgs changes how the cable of a port carries frames, in both directions.
type CableArgs struct {
	Port  topology.PortRef `json:"port"`
	Cable topology.Cable   `json:"cable"` // A and B are not read
}

// ClockArgs sets the hardware clock of a port's NIC wrong.
type ClockArgs struct {
	Port    topology.PortRef `json:"port"`
	ErrorNs int64            `json:"errorNs"`
}

// TruthArgs asks for true time errors over a time.
type TruthArgs struct {
	Ports    []topology.PortRef `json:"ports"` // each stands for the clock of its NIC; none means all clocks
	Duration time.Duration      `json:"duration"`
	Interval time.Duration      `json:"interval"`
}

// TrueError is the true time error of one hardware clock over a time: its time minus ideal time, ns.
type TrueError struct {
	Port    topology.PortRef `json:"port"`
	Start   time.Time        `json:"start"`   // of the lab
	Samples []int64          `json:"samples"` // ns, an interval apart
}

// NodeArgs names a node.
type NodeArgs struct {
	Node string `json:"node"`
}

// LogsArgs asks for log lines.
type LogsArgs struct {
	Node   string        `json:"node"`   // "" means all
	Since  time.Time     `json:"since"`  // only lines that were read then or later
	Follow time.Duration `json:"follow"` // how long to go on; 0 prints what there is
}

// LogLine is one line that a process of a node printed.
type LogLine struct {
	At      time.Time `json:"at"` // when it was read, in the lab's time
	Node    string    `json:"node"`
	Process string    `json:"process"`
	Text    string    `json:"text"`
}

// ApplyArgs are PtpConfig objects for the workers.
type ApplyArgs struct {
	YAML []byte `json:"yaml"`
}

// Secret is a secret that all workers see at /etc/ptp-secret-mount/<name>/<key>.
type Secret struct {
	Name string            `json:"name"`
	Data map[string][]byte `json:"data"` // by key
}

// Readiness is what a worker's /ready says.
type Readiness struct {
	Ready bool   `json:"ready"`
	Why   string `json:"why,omitempty"` // it is not ready
}

// Device is an interface of a worker that makes hardware time stamps.
type Device = node.Device

// Load is the CPU time that the programs of a worker used.
type Load struct {
	Node string  `json:"node"`
	CPU  float64 `json:"cpu"` // CPUs, on average: 0.5 is half of one
}

// NameArgs names an object.
type NameArgs struct {
	Name string `json:"name"`
}

// LabelArgs puts a label with an empty value on a worker, or takes it away.
type LabelArgs struct {
	Node    string `json:"node"`
	Key     string `json:"key"`
	Present bool   `json:"present"`
}

// ExtraArgs are an operation that another package has added.
type ExtraArgs struct {
	Name string          `json:"name"`
	Args json.RawMessage `json:"args"`
}

// Configs are what configures the clocks of the workers.
type Configs struct {
	YAML   []byte              `json:"yaml"`   // PtpConfig objects, sorted by name, a document each
	Labels map[string][]string `json:"labels"` // keys of each worker's labels, sorted
}

// Status is a lab as it is now.
type Status struct {
	Name   string       `json:"name" yaml:"name"`
	Engine string       `json:"engine" yaml:"engine"`
	Time   string       `json:"time" yaml:"time"` // how it passes: real, skip, virtual
	Now    time.Time    `json:"now" yaml:"now"`   // the lab's clock
	Ports  []PortStatus `json:"ports" yaml:"ports"`
	Faults []string     `json:"faults,omitempty" yaml:"faults,omitempty"` // what is not as it should be
}

// PortStatus is one port of a lab.
type PortStatus struct {
	Owner       string `json:"owner" yaml:"owner"`
	Port        string `json:"port" yaml:"port"`
	NIC         string `json:"nic" yaml:"nic"`
	PHC         int    `json:"phc" yaml:"phc"`                               // N of /dev/ptpN
	Peer        string `json:"peer,omitempty" yaml:"peer,omitempty"`         // the other end of the cable
	VLAN        int    `json:"vlan,omitempty" yaml:"vlan,omitempty"`         // of a switch port
	Carrier     bool   `json:"carrier" yaml:"carrier"`                       //
	Clock       string `json:"clock,omitempty" yaml:"clock,omitempty"`       // the PTP instance that uses it
	Role        string `json:"role,omitempty" yaml:"role,omitempty"`         // IEEE 1588 port state
	State       string `json:"state,omitempty" yaml:"state,omitempty"`       // of a time receiver: FREERUN, LOCKED, HOLDOVER
	OffsetNs    *int64 `json:"offsetNs,omitempty" yaml:"offsetNs,omitempty"` // offset from the time transmitter, as ptp4l says
	TrueErrorNs int64  `json:"trueErrorNs" yaml:"trueErrorNs"`               // the clock minus ideal time
}
