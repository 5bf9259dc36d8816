package linuxptp

// PortState is a state of a PTP port as ptp4l writes it in its log, IEEE 1588-2019 table 20 with ptp4l's GRAND_MASTER.
type PortState uint8

// The states in ptp4l's words.
const (
	StateNone PortState = iota
	StateInitializing
	StateFaulty
	StateDisabled
	StateListening
	StatePreMaster
	StateMaster
	StatePassive
	StateUncalibrated
	StateSlave
	StateGrandMaster
)

// portStates are the words of ptp4l's log, indexed by PortState.
var portStates = [...]string{
	"NONE", "INITIALIZING", "FAULTY", "DISABLED", "LISTENING", "PRE_MASTER", "MASTER", "PASSIVE", "UNCALIBRATED", "SLAVE", "GRAND_MASTER",
}

// String is ptp4l's word for the state.
func (s PortState) String() string {
	if int(s) < len(portStates) {
		return portStates[s]
	}
	return "UNKNOWN"
}

// parsePortState finds the state of a word.
func parsePortState(word []byte) (PortState, bool) {
	for i, name := range portStates {
		if string(word) == name {
			return PortState(i), true
		}
	}
	return 0, false
}

// PortEvent is what made a port change its state, one of ptp4l's event names.
type PortEvent uint8

// The events in the order of ptp4l's own list.
const (
	EventNone PortEvent = iota
	EventPowerUp
	EventInitialize
	EventDesignatedEnabled
	EventDesignatedDisabled
	EventFaultCleared
	EventFaultDetected
	EventStateDecision
	EventQualificationTimeout
	EventAnnounceReceiptTimeout
	EventSynchronizationFault
	EventMasterClockSelected
	EventInitComplete
	EventRSMaster
	EventRSGrandMaster
	EventRSSlave
	EventRSPassive
	EventUnknown
)

// portEvents are the words of ptp4l's log, indexed by PortEvent.
var portEvents = [...]string{
	"NONE", "POWERUP", "INITIALIZE", "DESIGNATED_ENABLED", "DESIGNATED_DISABLED", "FAULT_CLEARED", "FAULT_DETECTED", "STATE_DECISION_EVENT",
	"QUALIFICATION_TIMEOUT_EXPIRES", "ANNOUNCE_RECEIPT_TIMEOUT_EXPIRES", "SYNCHRONIZATION_FAULT", "MASTER_CLOCK_SELECTED", "INIT_COMPLETE",
	"RS_MASTER", "RS_GRAND_MASTER", "RS_SLAVE", "RS_PASSIVE",
}

// String is ptp4l's word for the event.
func (e PortEvent) String() string {
	if int(e) < len(portEvents) {
		return portEvents[e]
	}
	return "UNKNOWN"
}

// parsePortEvent finds the event of a word; a word of a later linuxptp is EventUnknown.
func parsePortEvent(word []byte) PortEvent {
	for i, name := range portEvents {
		if string(word) == name {
			return PortEvent(i)
		}
	}
	return EventUnknown
}

// Role is what a port is to its neighbours, with the numbers of the metric openshift_ptp_interface_role.
type Role uint8

// The roles.
const (
	RolePassive Role = iota
	RoleSlave
	RoleMaster
	RoleFaulty
	RoleUnknown
	RoleListening
)

// String is the role in the words of the metric's documentation.
func (r Role) String() string {
	names := [...]string{"PASSIVE", "SLAVE", "MASTER", "FAULTY", "UNKNOWN", "LISTENING"}
	if int(r) < len(names) {
		return names[r]
	}
	return "UNKNOWN"
}

// RoleAfter gives the role that a state change leads to. It follows linuxptp-daemon's table, in which a time receiver
// that is no longer locked counts as faulty, and adds what that table lacks: a port that becomes MASTER from any
// other state (PRE_MASTER, PASSIVE) is a master, and one that is DISABLED or FAULTY for any reason is faulty.
func RoleAfter(from, to PortState, why PortEvent) Role {
	switch {
	case why == EventFaultDetected, why == EventSynchronizationFault, to == StateFaulty, to == StateDisabled:
		return RoleFaulty
	case to == StateUncalibrated && from == StateSlave,
		to == StateUncalibrated && why == EventRSSlave && (from == StateMaster || from == StateListening):
		return RoleFaulty
	case to == StateSlave:
		return RoleSlave
	case to == StatePassive:
		return RolePassive
	case to == StateMaster, to == StateGrandMaster:
		return RoleMaster
	case to == StateListening:
		return RoleListening
	}
	return RoleUnknown
}

// Servo is the state of a program's servo: the digit of "s2" in its log.
type Servo uint8

// The servo states of linuxptp.
const (
	ServoUnlocked Servo = iota
	ServoJump
	ServoLocked
	ServoLockedStable
)

// Locked tells whether the servo steers the clock.
func (s Servo) Locked() bool { return s == ServoLocked || s == ServoLockedStable }

// String is the servo state as in the log, "s2".
func (s Servo) String() string { return "s" + string(rune('0'+s)) }

// ClockState is the state of a clock with the numbers of the metric openshift_ptp_clock_state.
type ClockState uint8

// The clock states.
const (
	FreeRun ClockState = iota
	Locked
	Holdover
)

// String is the state in the words of the events that upstream publishes.
func (s ClockState) String() string {
	switch s {
	case Locked:
		return "LOCKED"
	case Holdover:
		return "HOLDOVER"
	}
	return "FREERUN"
}
