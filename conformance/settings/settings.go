package settings

import (
	"time"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
)

// Settings are the effective values. The table, Table, says what each means.
type Settings struct {
	// What is tested, and on what.
	Kubeconfig          string
	Mode                ptpconfig.Mode
	DiscoveryMode       bool // an older way to say mode Discovery; Mode has it already
	ExternalGrandmaster bool
	NodesSelector       string // a label selector
	SkipInterfaces      []string
	TestCases           []string // long specs to run as well: "reboot"
	FlakeAttempts       int64

	// What is configured.
	KeepPtpConfig  bool
	FIFO           bool
	Authentication bool
	Thresholds     ptpconfig.Thresholds
	DisableRT      bool // leave CLOCK_REALTIME alone

	// What is accepted.
	MaxOffset       int64 // ns
	MinOffset       int64 // ns
	MaxInSpecOffset int64 // ns

	// Events.
	Events          bool
	EventAPIVersion string
	V1Regression    bool
	ConsumerImage   string

	// Discovery of the ports, and other pods of the suite.
	Image             string
	L2Image           string
	L2Managed         bool // the suite makes and deletes the discovery's DaemonSet
	ContainerCommands bool
	ImageRegistry     string
	CNFTestsImage     string
	DPDKTestsImage    string

	// What is told.
	LogLevel       string
	CollectPodLogs bool
	LogDir         string
	LogMarkers     bool
	JUnitDir       string
	JUnitFile      string

	ConfigFile string
	Soak       Soak

	origins map[string]Origin
}

// Soak are the settings of the long tests.
type Soak struct {
	DisableAll       bool
	FailureThreshold int64  // for a test that has none of its own
	EventFile        string // CSV
	ClockSync        SoakTest
	CPU              SoakTest
	CPUWindow        time.Duration // over which Prometheus takes the rate
	CPUNode          int64         // millicores of all PTP pods of a node; 0 for no limit
	CPUPods          []PodLimit
}

// SoakTest are the settings that all soak tests have.
type SoakTest struct {
	Enable           bool
	Duration         time.Duration
	FailureThreshold int64 // the test fails when it has counted so many
	Description      string
}

// PodLimit is a limit of the CPU use of each pod of a type, or of one container in each.
type PodLimit struct {
	Type       string // "ptp-operator", "linuxptp-daemon"
	Container  string // "" for the sum of all containers
	Millicores int64
}

// Generate gives the options with which package ptpconfig generates what these settings ask for.
func (s *Settings) Generate() ptpconfig.Options {
	o := ptpconfig.Options{
		ExternalGrandmaster: s.ExternalGrandmaster, FIFO: s.FIFO, Thresholds: s.Thresholds, DisableAllSlaveRTUpdate: s.DisableRT,
	}
	if s.Authentication {
		o.Authentication = ptpconfig.DefaultAuthentication()
	}
	return o
}

// Origin says where the value of a setting came from.
func (s *Settings) Origin(name string) Origin { return s.origins[name] }
