package settings

import (
	"time"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
)

// Setting is a row of the table.
type Setting struct {
	Name     string // and, behind two hyphens, the flag
	Variable string // of the environment; "" for none
	Key      string // in the configuration file, "soaktest.disable_all"; "" for none
	Default  string // as the flag would have it
	Help     string // one line; the word in `backquotes` stands for the value

	shape    shape
	presence bool                         // the variable counts even if it is empty
	variable func(string) (string, error) // what a variable's text means as a flag's, if not the same
	set      func(*Settings, string) error
	get      func(*Settings) any
}

// shape is what the values of a setting look like.
type shape int

const (
	isText shape = iota
	isBool
	isNumber
	isList
)

// row begins a row; field completes it with where the value goes and how its text is read.
func row(name, variable, key, fallback, help string) Setting {
	return Setting{Name: name, Variable: variable, Key: key, Default: fallback, Help: help}
}

func field[T any](row Setting, shape shape, at func(*Settings) *T, parse func(string) (T, error)) Setting {
	row.shape = shape
	row.set = func(s *Settings, text string) error {
		v, err := parse(text)
		if err == nil {
			*at(s) = v
		}
		return err
	}
	row.get = func(s *Settings) any { return *at(s) }
	return row
}

func yesNo(row Setting, at func(*Settings) *bool) Setting { return field(row, isBool, at, parseBool) }

func word(row Setting, at func(*Settings) *string) Setting {
	return field(row, isText, at, func(s string) (string, error) { return s, nil })
}

func whole(row Setting, least int64, at func(*Settings) *int64) Setting {
	return field(row, isNumber, at, atLeast(least))
}

func minutes(row Setting, at func(*Settings) *time.Duration) Setting {
	return field(row, isNumber, at, parseMinutes)
}

// as gives a row a reader of its own for the variable.
func (row Setting) as(variable func(string) (string, error)) Setting {
	row.variable = variable
	return row
}

// ifThere makes a variable count even if it is empty.
func (row Setting) ifThere() Setting {
	row.presence = true
	return row
}

// lowest is the least value of a number that may be anything.
const lowest = -1 << 62

// configFile is the setting that leads to the file, so it is the first of the table.
const configFile = "test-config"

// Table lists all settings, those of the soak tests last.
func Table() []Setting {
	return append(suite(), soak()...)
}

func suite() []Setting {
	return []Setting{
		word(row(configFile, "PTP_TEST_CONFIG_FILE", "", "", "configuration `file` of the suite, YAML"),
			func(s *Settings) *string { return &s.ConfigFile }),
		word(row("kubeconfig", "KUBECONFIG", "", "", "`file` that says how to reach the cluster"),
			func(s *Settings) *string { return &s.Kubeconfig }),
		field(row("mode", "PTP_TEST_MODE", "", "OC", "`mode` of the clock under test, in any case: OC, DualFollower, BC, DualNICBC, DualNICBCHA or Discovery"),
			isText, func(s *Settings) *ptpconfig.Mode { return &s.Mode }, ptpconfig.ParseMode),
		yesNo(row("discovery-mode", "DISCOVERY_MODE", "", "false", "the same as mode Discovery, for old scripts"),
			func(s *Settings) *bool { return &s.DiscoveryMode }).as(discovery),
		yesNo(row("external-gm", "EXTERNAL_GM", "", "false", "take the time from a grandmaster outside the cluster; the variable is true unless it contains \"false\""),
			func(s *Settings) *bool { return &s.ExternalGrandmaster }).as(unlessFalse).ifThere(),
		word(row("nodes-selector", "NODES_SELECTOR", "", "", "only use nodes that match this label `selector`"),
			func(s *Settings) *string { return &s.NodesSelector }),
		field(row("skip-interfaces", "SKIP_INTERFACES", "", "", "`list` of interfaces to leave alone, as in eno1,ens2f1"),
			isList, func(s *Settings) *[]string { return &s.SkipInterfaces }, listOf()),
		field(row("test-cases", "ENABLE_TEST_CASE", "", "", "`list` of long specs to run as well; there is reboot"),
			isList, func(s *Settings) *[]string { return &s.TestCases }, listOf("reboot")),
		whole(row("flake-attempts", "FLAKE_ATTEMPTS", "", "1", "how many `times` a spec may be tried; more than 1 is shown in the reports"),
			1, func(s *Settings) *int64 { return &s.FlakeAttempts }),

		yesNo(row("keep-ptpconfig", "KEEP_PTPCONFIG", "", "false", "leave the generated PtpConfigs; the variable is true unless it contains \"false\""),
			func(s *Settings) *bool { return &s.KeepPtpConfig }).as(unlessFalse).ifThere(),
		yesNo(row("fifo", "CONFIGURE_FIFO", "", "false", "schedule the programs SCHED_FIFO"),
			func(s *Settings) *bool { return &s.FIFO }),
		yesNo(row("auth", "PTP_AUTH_ENABLED", "", "false", "let the clocks sign their messages; takes linuxptp 4.4"),
			func(s *Settings) *bool { return &s.Authentication }),
		whole(row("threshold-max", "", "global.maxoffset", "100", "offset in `ns` above which a clock is not LOCKED, for the generated PtpConfigs"),
			1, func(s *Settings) *int64 { return &s.Thresholds.MaxOffset }),
		field(row("threshold-min", "", "global.minoffset", "-100", "offset in `ns` below which a clock is not LOCKED, for the generated PtpConfigs"),
			isNumber, func(s *Settings) *int64 { return &s.Thresholds.MinOffset }, atMost(-1)),
		whole(row("holdover-timeout", "", "global.holdover_timeout", "5", "`seconds` of HOLDOVER before FREERUN, for the generated PtpConfigs"),
			1, func(s *Settings) *int64 { return &s.Thresholds.HoldOver }),
		yesNo(row("disable-rt-update", "", "global.DisableAllSlaveRTUpdate", "false", "do not set CLOCK_REALTIME, because the nodes share one"),
			func(s *Settings) *bool { return &s.DisableRT }),

		whole(row("max-offset", "MAX_OFFSET_IN_NS", "", "100", "largest accepted offset from the master in `ns`"),
			lowest, func(s *Settings) *int64 { return &s.MaxOffset }),
		whole(row("min-offset", "MIN_OFFSET_IN_NS", "", "-100", "smallest accepted offset from the master in `ns`"),
			lowest, func(s *Settings) *int64 { return &s.MinOffset }),
		whole(row("max-in-spec-offset", "MAX_IN_SPEC_OFFSET_NS", "", "100", "MaxInSpecOffset of E810 cards in `ns`"),
			0, func(s *Settings) *int64 { return &s.MaxInSpecOffset }),

		yesNo(row("ptp-events", "ENABLE_PTP_EVENT", "", "false", "run the specs that need events"),
			func(s *Settings) *bool { return &s.Events }),
		field(row("event-api-version", "EVENT_API_VERSION", "", "2.0", "`version` of the events' REST API: 2.0, or 1.0 before release 4.16"),
			isText, func(s *Settings) *string { return &s.EventAPIVersion }, parseVersion),
		yesNo(row("v1-regression", "ENABLE_V1_REGRESSION", "", "false", "run the event specs a second time with API 1.0"),
			func(s *Settings) *bool { return &s.V1Regression }),
		word(row("consumer-image", "CONSUMER_IMG", "", "quay.io/redhat-cne/cloud-event-consumer:latest", "`image` of the event consumer"),
			func(s *Settings) *string { return &s.ConsumerImage }),

		word(row("image", "PTPLAB_IMAGE", "", "", "ptplab's own `image`, for the pods that the suite starts in a cluster"),
			func(s *Settings) *string { return &s.Image }),
		word(row("l2-image", "L2_DISCOVERY_IMAGE", "", "quay.io/redhat-cne/l2discovery:v17", "`image` of the L2 discovery"),
			func(s *Settings) *string { return &s.L2Image }),
		yesNo(row("l2-managed", "L2_DAEMONSET", "", "true", "make and delete the DaemonSet of the L2 discovery; the variable is MANAGED or UNMANAGED"),
			func(s *Settings) *bool { return &s.L2Managed }).as(managed),
		yesNo(row("container-cmds", "USE_CONTAINER_CMDS", "", "false", "run ethtool and lspci of the container, not of the node; the variable is true if it is there"),
			func(s *Settings) *bool { return &s.ContainerCommands }).as(present).ifThere(),
		word(row("image-registry", "IMAGE_REGISTRY", "", "quay.io/openshift-kni/", "`prefix` of the test image"),
			func(s *Settings) *string { return &s.ImageRegistry }),
		word(row("cnf-tests-image", "CNF_TESTS_IMAGE", "", "cnf-tests:4.11", "test `image` for pmc, without its prefix"),
			func(s *Settings) *string { return &s.CNFTestsImage }),
		word(row("dpdk-tests-image", "DPDK_TESTS_IMAGE", "", "", "`image` that no PTP spec uses; accepted for old scripts"),
			func(s *Settings) *string { return &s.DPDKTestsImage }),

		field(row("log-level", "PTP_LOG_LEVEL", "", "info", "`level` of the log: trace, debug, info, warn, error, fatal or panic"),
			isText, func(s *Settings) *string { return &s.LogLevel }, parseLevel),
		yesNo(row("collect-pod-logs", "COLLECT_POD_LOGS", "", "false", "keep the logs of the PTP pods"),
			func(s *Settings) *bool { return &s.CollectPodLogs }),
		word(row("log-dir", "LOG_ARTIFACTS_DIR", "", "/tmp/ptp-logs", "`directory` for the logs of the PTP pods"),
			func(s *Settings) *string { return &s.LogDir }),
		yesNo(row("log-test-markers", "LOG_TEST_MARKERS", "", "false", "mark in the logs where specs begin and end"),
			func(s *Settings) *bool { return &s.LogMarkers }),
		word(row("junit-dir", "JUNIT_OUTPUT_DIR", "", "/tmp/artifacts", "`directory` for the JUnit report"),
			func(s *Settings) *string { return &s.JUnitDir }),
		word(row("junit-file", "JUNIT_OUTPUT_FILE", "", "unit_report.xml", "`name` of the JUnit report"),
			func(s *Settings) *string { return &s.JUnitFile }),
	}
}

func soak() []Setting {
	const sync, cpu = "soaktest.slave_clock_sync.", "soaktest.cpu_utilization."
	return []Setting{
		yesNo(row("soak-disable-all", "", "soaktest.disable_all", "false", "run no soak test, whatever else says"),
			func(s *Settings) *bool { return &s.Soak.DisableAll }),
		whole(row("soak-failures", "", "soaktest.failurethreshold", "1", "failures that end a soak test that has no `number` of its own"),
			1, func(s *Settings) *int64 { return &s.Soak.FailureThreshold }),
		word(row("soak-event-file", "", "soaktest.event_output_file", "./event-output.csv", "`file` for the events of the soak test, CSV"),
			func(s *Settings) *string { return &s.Soak.EventFile }),

		yesNo(row("soak-sync", "", sync+"spec.enable", "false", "watch the state of the OS clock; on if the file has soaktest.slave_clock_sync.spec"),
			func(s *Settings) *bool { return &s.Soak.ClockSync.Enable }),
		minutes(row("soak-sync-duration", "", sync+"spec.duration", "5", "`minutes` to watch the OS clock"),
			func(s *Settings) *time.Duration { return &s.Soak.ClockSync.Duration }),
		whole(row("soak-sync-failures", "", sync+"spec.failure_threshold", "1", "`number` of losses of sync that fail the test; else that of soak-failures"),
			1, func(s *Settings) *int64 { return &s.Soak.ClockSync.FailureThreshold }),
		word(row("soak-sync-desc", "", sync+"desc", "counts losses of sync of the OS clock", "`text` for the reports"),
			func(s *Settings) *string { return &s.Soak.ClockSync.Description }),

		yesNo(row("soak-cpu", "", cpu+"spec.enable", "false", "watch the CPU use; on if the file has soaktest.cpu_utilization.spec"),
			func(s *Settings) *bool { return &s.Soak.CPU.Enable }),
		minutes(row("soak-cpu-duration", "", cpu+"spec.duration", "5", "`minutes` to watch the CPU use"),
			func(s *Settings) *time.Duration { return &s.Soak.CPU.Duration }),
		whole(row("soak-cpu-failures", "", cpu+"spec.failure_threshold", "1", "`number` of times over a limit that fail the test; else that of soak-failures"),
			1, func(s *Settings) *int64 { return &s.Soak.CPU.FailureThreshold }),
		word(row("soak-cpu-desc", "", cpu+"desc", "counts how often CPU use was over a limit", "`text` for the reports"),
			func(s *Settings) *string { return &s.Soak.CPU.Description }),
		field(row("soak-cpu-window", "", cpu+"spec.custom_params.prometheus_rate_time_window", "120s", "`time` over which Prometheus takes the CPU use, as in 1m30s"),
			isText, func(s *Settings) *time.Duration { return &s.Soak.CPUWindow }, parseWindow),
		whole(row("soak-cpu-node", "", cpu+"spec.custom_params.node.cpu_threshold_mcores", "0", "limit of all PTP pods of a node in `millicores`; 0 is none"),
			0, func(s *Settings) *int64 { return &s.Soak.CPUNode }),
		field(row("soak-cpu-pods", "", podsKey, "", "`list` of limits in millicores, as in ptp-operator=60,linuxptp-daemon/cloud-event-proxy=30"),
			isList, func(s *Settings) *[]PodLimit { return &s.Soak.CPUPods }, parsePods),
	}
}

// podsKey is the only key whose value is a list.
const podsKey = "soaktest.cpu_utilization.spec.custom_params.pod"

// specs are the sections that turn a soak test on by being there.
func specs() map[string]string {
	return map[string]string{
		"soaktest.slave_clock_sync.spec": "soaktest.slave_clock_sync.spec.enable",
		"soaktest.cpu_utilization.spec":  "soaktest.cpu_utilization.spec.enable",
	}
}

// ignored are keys that look as if they did something, with what to write instead.
func ignored() map[string]string {
	return map[string]string{
		"global.enablecontinuous":    "soaktest.disable_all: true turns all soak tests off",
		"soaktest.failure_threshold": "at this level the key is failurethreshold; each test also has spec.failure_threshold",
		"soaktest.duration":          "each test has its own spec.duration",
		"soaktest.master_offset":     "there is no such test; slave_clock_sync and cpu_utilization are the ones",
		"slave_clock_sync":           "it belongs below soaktest",
		"cpu_utilization":            "it belongs below soaktest",
	}
}
