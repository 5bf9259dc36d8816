package l2

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// tsInfo asks the kernel what time stamps interfaces of the calling thread's network namespace can take: the message TSINFO_GET of
// the generic netlink family ethtool.
type tsInfo struct{ family uint16 }

func newTSInfo() (tsInfo, error) {
	family, err := netlink.GenlFamilyGet(unix.ETHTOOL_GENL_NAME)
	if err != nil {
		return tsInfo{}, fmt.Errorf("look up ethtool netlink family: %w", err)
	}
	return tsInfo{family.ID}, nil
}

// get returns what an interface can do; nothing, without a clock, if its driver does not say.
func (t tsInfo) get(index int) (PTPCaps, error) {
	request := nl.NewNetlinkRequest(int(t.family), 0)
	request.AddData(&nl.Genlmsg{Command: unix.ETHTOOL_MSG_TSINFO_GET, Version: unix.ETHTOOL_GENL_VERSION})
	header := nl.NewRtAttr(unix.ETHTOOL_A_TSINFO_HEADER|unix.NLA_F_NESTED, nil)
	header.AddRtAttr(unix.ETHTOOL_A_HEADER_DEV_INDEX, nl.Uint32Attr(uint32(index)))
	header.AddRtAttr(unix.ETHTOOL_A_HEADER_FLAGS, nl.Uint32Attr(unix.ETHTOOL_FLAG_COMPACT_BITSETS))
	request.AddData(header)
	replies, err := request.Execute(unix.NETLINK_GENERIC, 0)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return PTPCaps{ClockDetails: &ClockDetails{PhcIndex: -1}}, nil
	}
	if err != nil {
		return PTPCaps{}, fmt.Errorf("ask for time stamping of interface %d: %w", index, err)
	}
	if len(replies) != 1 {
		return PTPCaps{}, fmt.Errorf("ask for time stamping of interface %d: %d replies", index, len(replies))
	}
	return parseTSInfo(replies[0])
}

// parseTSInfo reads a reply: generic netlink header and attributes, with compact bit sets.
func parseTSInfo(reply []byte) (PTPCaps, error) {
	caps := PTPCaps{ClockDetails: &ClockDetails{PhcIndex: -1}}
	if len(reply) < nl.SizeofGenlmsg {
		return caps, fmt.Errorf("time stamping reply of %d bytes", len(reply))
	}
	attributes, err := parseAttributes(reply[nl.SizeofGenlmsg:])
	if err != nil {
		return caps, fmt.Errorf("time stamping reply: %w", err)
	}
	for _, a := range attributes {
		switch a.kind {
		case unix.ETHTOOL_A_TSINFO_TIMESTAMPING:
			bits, err := bitSet(a.value)
			if err != nil {
				return caps, fmt.Errorf("time stamping reply: %w", err)
			}
			caps.HwTx = bits&unix.SOF_TIMESTAMPING_TX_HARDWARE != 0
			caps.HwRx = bits&unix.SOF_TIMESTAMPING_RX_HARDWARE != 0
			caps.HwRawClock = bits&unix.SOF_TIMESTAMPING_RAW_HARDWARE != 0
		case unix.ETHTOOL_A_TSINFO_PHC_INDEX:
			if len(a.value) < 4 {
				return caps, fmt.Errorf("time stamping reply: clock index of %d bytes", len(a.value))
			}
			caps.PhcIndex = int(int32(binary.NativeEndian.Uint32(a.value)))
		}
	}
	return caps, nil
}

// bitSet returns the first 32 bits of a compact bit set.
func bitSet(nested []byte) (uint32, error) {
	attributes, err := parseAttributes(nested)
	if err != nil {
		return 0, fmt.Errorf("bit set: %w", err)
	}
	for _, a := range attributes {
		if a.kind == unix.ETHTOOL_A_BITSET_VALUE && len(a.value) >= 4 {
			return binary.NativeEndian.Uint32(a.value), nil
		}
	}
	return 0, errors.New("bit set without value")
}

// attribute is a netlink attribute without its flags.
type attribute struct {
	kind  uint16
	value []byte
}

// parseAttributes reads netlink attributes. The one of package nl panics when the last is not padded.
func parseAttributes(b []byte) ([]attribute, error) {
	var attributes []attribute
	for len(b) >= unix.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(b))
		if length < unix.SizeofRtAttr || length > len(b) {
			return nil, fmt.Errorf("attribute of %d bytes in %d", length, len(b))
		}
		kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
		attributes = append(attributes, attribute{kind, b[unix.SizeofRtAttr:length]})
		aligned := (length + unix.NLA_ALIGNTO - 1) &^ (unix.NLA_ALIGNTO - 1)
		b = b[min(aligned, len(b)):]
	}
	return attributes, nil
}
