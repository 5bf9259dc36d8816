package ptpconfig

import "strings"

// The values that the generated configurations share. PTP domain 24 is the first of those that ITU-T G.8275.1 uses.
const (
	domain             = "24"
	priority           = 5  // of a recommendation
	schedulingPriority = 65 // of the programs
)

// The command line options of the programs, by what the clock is for.
const (
	ptp4lTransmit   = "-2 --summary_interval -4"    // grandmasters and boundary clocks
	ptp4lReceive    = "-2 -s --summary_interval -4" // clocks that never transmit
	phc2sysTransmit = "-a -r -r -n " + domain
	phc2sysReceive  = "-a -r -n " + domain + " -m -N 8 -R 16"
	phc2sysHA       = "-a -r -m -l 7 -n " + domain + " " // blank and all, as the operator's users have it
	phc2sysNone     = "-v"                               // print the version and exit: leaves CLOCK_REALTIME alone
)

// baseOptions are the [global] options of every generated ptp4l, ptp4l.8: the message rates of ITU-T G.8275.1, and time
// outs that make a lost master show within a second (6 announce intervals of 1/8 s).
func baseOptions() [][2]string {
	return [][2]string{
		{"twoStepFlag", "1"},
		{"domainNumber", domain},
		{"clockAccuracy", "0xFE"},
		{"offsetScaledLogVariance", "0xFFFF"},
		{"timeSource", "0xA0"},
		{"dataset_comparison", "G.8275.x"},
		{"clock_class_threshold", "7"}, // follow no master of a higher class
		{"logAnnounceInterval", "-3"},
		{"logSyncInterval", "-4"},
		{"logMinDelayReqInterval", "-4"},
		{"announceReceiptTimeout", "6"},
		{"fault_reset_interval", "-4"},
		{"neighborPropDelayThresh", "20000000"},
		{"tx_timestamp_timeout", "50"},
		{"pi_proportional_const", "0.0"}, // 0.0: linuxptp's own choice
		{"pi_integral_const", "0.0"},
		{"step_threshold", "2.0"},
		{"first_step_threshold", "0.00002"},
		{"network_transport", "L2"},
		{"delay_mechanism", "E2E"},
		{"time_stamping", "hardware"},
		{"ptp_dst_mac", "01:1B:19:00:00:00"},
		{"p2p_dst_mac", "01:80:C2:00:00:0E"},
		{"uds_address", "/var/run/ptp4l"},
		{"use_syslog", "1"},
		{"verbose", "1"},
		{"logging_level", "6"},
		{"summary_interval", "-4"},
	}
}

// BaseConf is the configuration that every generated ptp4l starts from.
func BaseConf() Conf {
	var b strings.Builder
	b.WriteString("[" + Global + "]\n")
	for _, o := range baseOptions() {
		b.WriteString(o[0] + " " + o[1] + "\n")
	}
	return Conf(b.String())
}
