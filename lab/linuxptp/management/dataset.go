package management

import (
	"github.com/facebook/time/ptp/protocol"
)

// Identifiers of data sets that facebook/time does not name. Those above 0xc000 are linuxptp's own.
const (
	idGrandmasterSettingsNP protocol.ManagementID = 0xc001
	idPortDataSetNP         protocol.ManagementID = 0xc002
	idSubscribeEventsNP     protocol.ManagementID = 0xc003
)

// DefaultDataSet is the clock as it is configured, IEEE 1588-2019 table 69.
type DefaultDataSet = protocol.DefaultDataSetTLV

// CurrentDataSet is the clock's place in the tree and its offset, IEEE 1588-2019 table 84. Its offset and delay are
// in 2^-16 ns; their method Nanoseconds converts.
type CurrentDataSet = protocol.CurrentDataSetTLV

// ParentDataSet is the clock's parent and grandmaster, IEEE 1588-2019 table 85.
type ParentDataSet = protocol.ParentDataSetTLV

// TimeStatusNP is ptp4l's own view of its offset: ns, whether a grandmaster is present, and which.
type TimeStatusNP = protocol.TimeStatusNPTLV

// TimeFlags are the flags of TIME_PROPERTIES_DATA_SET, IEEE 1588-2019 table 87.
type TimeFlags uint8

// The flags, the lowest bit first.
const (
	Leap61 TimeFlags = 1 << iota
	Leap59
	CurrentUtcOffsetValid
	PtpTimescale
	TimeTraceable
	FrequencyTraceable
)

// Has tells whether all of the flags are set.
func (f TimeFlags) Has(flags TimeFlags) bool { return f&flags == flags }

// TimePropertiesDataSet says which time the grandmaster gives, IEEE 1588-2019 table 87.
type TimePropertiesDataSet struct {
	protocol.ManagementTLVHead

	CurrentUtcOffset int16 // s, TAI minus UTC
	Flags            TimeFlags
	TimeSource       protocol.TimeSource
}

// PortDataSet is one port, IEEE 1588-2019 table 88. Intervals are base-2 logarithms of seconds.
type PortDataSet struct {
	protocol.ManagementTLVHead

	PortIdentity            protocol.PortIdentity
	PortState               protocol.PortState
	LogMinDelayReqInterval  int8
	PeerMeanPathDelay       protocol.TimeInterval
	LogAnnounceInterval     int8
	AnnounceReceiptTimeout  uint8
	LogSyncInterval         int8
	DelayMechanism          uint8 // 1 E2E, 2 P2P
	LogMinPdelayReqInterval int8
	VersionNumber           uint8
}

// GrandmasterSettingsNP is what ptp4l announces when it is the grandmaster.
type GrandmasterSettingsNP struct {
	protocol.ManagementTLVHead

	ClockQuality     protocol.ClockQuality
	CurrentUtcOffset int16 // s
	Flags            TimeFlags
	TimeSource       protocol.TimeSource
}

// PortDataSetNP is what linuxptp adds about a port.
type PortDataSetNP struct {
	protocol.ManagementTLVHead

	NeighborPropDelayThresh uint32 // ns
	AsCapable               int32  // 0 or 1
}

// Events is a set of the notifications that ptp4l sends to those who subscribe.
type Events uint8

// The notifications.
const (
	PortStateEvents     Events = 1 << iota // a port changed its state: PORT_DATA_SET
	TimeSyncEvents                         // each new offset: TIME_STATUS_NP
	ParentDataSetEvents                    // the parent or what it announces changed: PARENT_DATA_SET
)

// subscription is SUBSCRIBE_EVENTS_NP.
type subscription struct {
	protocol.ManagementTLVHead

	Seconds uint16
	Mask    [64]uint8
}
