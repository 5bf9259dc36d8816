package l2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
)

// The ethertypes that the prober cares for.
const (
	etherProbe = 0x88B5 // IEEE Std 802 local experimental ethertype 1
	etherPTP   = 0x88F7 // IEEE 1588-2019 annex E
	etherVLAN  = 0x8100 // IEEE 802.1Q customer tag
	etherSVLAN = 0x88A8 // IEEE 802.1Q service tag
)

const (
	ethernetHeader = 14     // bytes: destination, source, ethertype
	vlanTag        = 4      // bytes: ethertype, tag control information
	vlanID         = 0x0FFF // mask of the VLAN id in the tag control information
)

// Frame is an Ethernet frame. Payload shares the memory of what was parsed.
type Frame struct {
	Destination, Source string // MAC addresses in upper case
	EtherType           uint16 // after the tags
	VLAN                uint16 // id of the outermost VLAN tag; 0 without tag and for priority tags
	Payload             []byte // with padding
}

// ParseFrame reads an Ethernet frame with at most two VLAN tags.
func ParseFrame(b []byte) (Frame, error) {
	if len(b) < ethernetHeader {
		return Frame{}, fmt.Errorf("parse frame: %d bytes, want %d or more", len(b), ethernetHeader)
	}
	f := Frame{
		Destination: address(b[0:6]), Source: address(b[6:12]), EtherType: binary.BigEndian.Uint16(b[12:]), Payload: b[ethernetHeader:],
	}
	for tags := 0; f.EtherType == etherVLAN || f.EtherType == etherSVLAN; tags++ {
		if tags == 2 {
			return Frame{}, errors.New("parse frame: more than two VLAN tags")
		}
		if len(f.Payload) < vlanTag {
			return Frame{}, errors.New("parse frame: cut off in its VLAN tag")
		}
		if f.VLAN == 0 {
			f.VLAN = binary.BigEndian.Uint16(f.Payload) & vlanID
		}
		f.EtherType = binary.BigEndian.Uint16(f.Payload[2:])
		f.Payload = f.Payload[vlanTag:]
	}
	return f, nil
}

func address(b []byte) string { return strings.ToUpper(net.HardwareAddr(b).String()) }

// probeFrame is a broadcast frame without payload from an interface.
func probeFrame(source net.HardwareAddr) []byte {
	frame := make([]byte, 0, ethernetHeader)
	frame = append(frame, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF)
	frame = append(frame, source...)
	return binary.BigEndian.AppendUint16(frame, etherProbe)
}
