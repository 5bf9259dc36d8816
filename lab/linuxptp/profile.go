package linuxptp

import (
	"strconv"

	"github.com/ptplab/ptplab/lab/topology"
)

// baseOptions are the options that all ptp4l of a lab share: the message rates of ITU-T G.8275.1 with the fault
// handling that upstream's test configurations choose. With these an announce receipt timeout comes after 0.75 s.
var baseOptions = [...][2]string{
	{"twoStepFlag", "1"},
	{"dataset_comparison", "G.8275.x"},
	{"G.8275.defaultDS.localPriority", "128"},
	{"maxStepsRemoved", "255"},
	{"logAnnounceInterval", "-3"},
	{"logSyncInterval", "-4"},
	{"logMinDelayReqInterval", "-4"},
	{"announceReceiptTimeout", "6"},
	{"fault_reset_interval", "-4"},
	{"neighborPropDelayThresh", "20000000"},
	{"summary_interval", "-4"},
	{"tx_timestamp_timeout", "50"},
	{"use_syslog", "1"},
	{"verbose", "1"},
	{"logging_level", "6"},
	{"pi_proportional_const", "0.0"},
	{"pi_integral_const", "0.0"},
	{"step_threshold", "2.0"},
	{"first_step_threshold", "0.00002"},
	{"network_transport", "L2"},
	{"delay_mechanism", "E2E"},
	{"time_stamping", "hardware"},
	{"ptp_dst_mac", "01:1B:19:00:00:00"},
	{"p2p_dst_mac", "01:80:C2:00:00:0E"},
	{"clockAccuracy", "0xFE"},
	{"offsetScaledLogVariance", "0xFFFF"},
	{"timeSource", "0xA0"},
}

// ReceiverClassThreshold is the highest clockClass that a worker's clock follows, as upstream's test configurations
// have it: 6 and 7 are a grandmaster that is locked or in holdover, IEEE 1588-2019 table 4.
const ReceiverClassThreshold = 7

// bridgeClassThreshold is the highest clockClass that a switch's boundary clock follows: every one that can be a
// master's (ptp4l's own default). A switch passes on what the best clock of the VLAN announces, and the receivers
// judge it. With the receivers' threshold of 7 a switch would hide a grandmaster in holdover (52, 135, 165, 187): each
// VLAN would fall apart into clocks of its own, and no receiver behind two of them could see the true class. Receivers
// that ignore such classes still do, because the class reaches them unchanged.
const bridgeClassThreshold = 248

// BaseConfig is the [global] section that the ptp4l of a lab start from, for one PTP domain.
func BaseConfig(domain int) *Config {
	c := &Config{}
	for _, o := range baseOptions {
		c.Set(Global, o[0], o[1])
	}
	c.Set(Global, "domainNumber", strconv.Itoa(domain))
	return c
}

// SwitchConfig is the configuration of the boundary clock of one VLAN. All its ports share one hardware clock, so
// boundary_clock_jbod stays off, and a port on another clock is an error at start instead of a silent second clock.
func SwitchConfig(s topology.Switch, v topology.VLAN) *Config {
	c := BaseConfig(s.Domain)
	c.Set(Global, "priority1", "128")
	c.Set(Global, "priority2", "128")
	c.Set(Global, "clockClass", "248")
	c.Set(Global, "clock_class_threshold", strconv.Itoa(bridgeClassThreshold))
	for _, port := range v.Ports {
		c.Section(port)
	}
	return c
}

// GrandmasterConfig is the configuration of a grandmaster outside the workers. It never follows another clock.
func GrandmasterConfig(g topology.Grandmaster) *Config {
	c := BaseConfig(g.Domain)
	c.Set(Global, "priority1", strconv.Itoa(g.Priority1))
	c.Set(Global, "priority2", strconv.Itoa(g.Priority2))
	c.Set(Global, "clockClass", strconv.Itoa(g.ClockClass))
	c.Set(g.Port, "masterOnly", "1")
	return c
}

// ClockConfig is the ptp4l configuration of a worker's clock, with upstream's option names: masterOnly and slaveOnly,
// which linuxptp 4 takes for serverOnly and clientOnly and linuxptp 3 knows by no other name.
func ClockConfig(k topology.Clock) *Config {
	c := BaseConfig(k.Domain)
	c.Set(Global, "clock_class_threshold", strconv.Itoa(ReceiverClassThreshold))
	switch {
	case k.Type == topology.ClockGrandmaster:
		c.Set(Global, "priority1", "0")
		c.Set(Global, "priority2", "0")
		c.Set(Global, "clockClass", "6")
	case k.Type == topology.ClockBoundary:
		c.Set(Global, "boundary_clock_jbod", "1")
		c.Set(Global, "gmCapable", "0")
	case len(k.ReceivePorts) > 1:
		c.Set(Global, "slaveOnly", "1") // a dual follower; one with a single port is told by ptp4l's -s
	}
	for _, port := range k.ReceivePorts {
		c.Set(port, "masterOnly", "0")
	}
	for _, port := range k.TransmitPorts {
		c.Set(port, "masterOnly", "1")
	}
	return c
}
