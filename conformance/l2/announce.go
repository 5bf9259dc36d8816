package l2

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	announceType   = 0xB // messageType, IEEE 1588-2019 table 36
	announceLength = 64  // bytes of common header and Announce body, IEEE 1588-2019 tables 35 and 43
	ptpVersion     = 2
)

// ErrNotAnnounce says that a PTP message is of another type.
var ErrNotAnnounce = errors.New("not an Announce message")

// DecodeAnnounce decodes a PTP Announce message, IEEE 1588-2019 clause 13.5, which may be followed by TLVs and padding. Other types
// of message are ErrNotAnnounce.
func DecodeAnnounce(message []byte) (Clock, error) {
	if len(message) < 2 {
		return Clock{}, fmt.Errorf("decode Announce: %d bytes", len(message))
	}
	if message[0]&0x0F != announceType {
		return Clock{}, ErrNotAnnounce
	}
	if version := message[1] & 0x0F; version != ptpVersion {
		return Clock{}, fmt.Errorf("decode Announce: versionPTP %d, want %d", version, ptpVersion)
	}
	if len(message) < announceLength {
		return Clock{}, fmt.Errorf("decode Announce: %d bytes, want %d or more", len(message), announceLength)
	}
	if length := int(binary.BigEndian.Uint16(message[2:])); length < announceLength || length > len(message) {
		return Clock{}, fmt.Errorf("decode Announce: messageLength %d of %d bytes", length, len(message))
	}
	return Clock{
		Domain:      message[4],
		Port:        fmt.Sprintf("%s-%d", clockIdentity(message[20:28]), binary.BigEndian.Uint16(message[28:])),
		Priority1:   message[47],
		Class:       message[48],
		Accuracy:    message[49],
		Variance:    binary.BigEndian.Uint16(message[50:]),
		Priority2:   message[52],
		Grandmaster: clockIdentity(message[53:61]),
		Steps:       binary.BigEndian.Uint16(message[61:]),
		TimeSource:  message[63],
	}, nil
}

// clockIdentity writes a clockIdentity as linuxptp does, "020000.fffe.000a01".
func clockIdentity(id []byte) string { return fmt.Sprintf("%x.%x.%x", id[0:3], id[3:5], id[5:8]) }

// keep records an announce under its grandmaster. Of several senders that have the same grandmaster, the one nearest to it stays,
// as a receiver would choose; of equally near ones the one with the lowest port identity. It says whether anything changed.
func (n *Neighbors) keep(c Clock) bool {
	if n.Announces == nil {
		n.Announces = map[string]*Clock{}
	}
	old := n.Announces[c.Grandmaster]
	if old != nil && (*old == c || !betterThan(c, *old)) {
		return false
	}
	n.Announces[c.Grandmaster] = &c
	return true
}

func betterThan(c, old Clock) bool {
	if c.Port == old.Port && c.VLAN == old.VLAN {
		return true // news of the same sender
	}
	if c.Steps != old.Steps {
		return c.Steps < old.Steps
	}
	return c.Port < old.Port
}
