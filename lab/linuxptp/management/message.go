package management

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/facebook/time/ptp/protocol"
)

// Sizes in bytes of the parts of a management message, IEEE 1588-2019 clauses 13.3 and 15.4.
const (
	headSize    = 48 // common header and management message fields
	tlvHeadSize = 4  // tlvType and lengthField
	idSize      = 2  // managementId
	maxMessage  = 1500
)

// ErrMessage is wrapped by every fault of a message that is not a sound answer.
var ErrMessage = errors.New("bad management message")

// self is who the questions come from. ptp4l answers to the socket's address; it needs the identity only to tell
// subscribers apart, and each of ours has a port number of its own.
const self protocol.ClockIdentity = 0x7074_706c_6162_0000 // "ptplab"

// message is one management message. TLV reaches from the tlvType to the end of the TLV.
type message struct {
	protocol.ManagementMsgHead
	ID  protocol.ManagementID
	TLV []byte
}

// encode makes the message that asks for or sets a data set. body follows the managementId.
func encode(action protocol.Action, id protocol.ManagementID, from, sequence uint16, domain uint8, port uint16, body []byte) []byte {
	head := protocol.ManagementMsgHead{
		Header: protocol.Header{
			SdoIDAndMsgType:    protocol.NewSdoIDAndMsgType(protocol.MessageManagement, 0),
			Version:            2,
			MessageLength:      uint16(headSize + tlvHeadSize + idSize + len(body)),
			DomainNumber:       domain,
			SourcePortIdentity: protocol.PortIdentity{ClockIdentity: self, PortNumber: from},
			SequenceID:         sequence,
			ControlField:       4,
			LogMessageInterval: 0x7f,
		},
		TargetPortIdentity: protocol.PortIdentity{ClockIdentity: ^protocol.ClockIdentity(0), PortNumber: port},
		ActionField:        action,
	}
	tlv := protocol.ManagementTLVHead{
		TLVHead:      protocol.TLVHead{TLVType: protocol.TLVManagement, LengthField: uint16(idSize + len(body))},
		ManagementID: id,
	}
	var b bytes.Buffer
	_ = binary.Write(&b, binary.BigEndian, head) // a bytes.Buffer takes everything
	_ = binary.Write(&b, binary.BigEndian, tlv)
	b.Write(body)
	return b.Bytes()
}

// decode takes a message apart. An error status in it becomes the error, a protocol.ManagementErrorID.
func decode(b []byte) (*message, error) {
	m := &message{}
	if len(b) < headSize+tlvHeadSize+idSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrMessage, len(b))
	}
	if err := binary.Read(bytes.NewReader(b), binary.BigEndian, &m.ManagementMsgHead); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if m.MessageType() != protocol.MessageManagement {
		return nil, fmt.Errorf("%w: it is a %s", ErrMessage, m.MessageType())
	}
	length := int(m.MessageLength)
	if length > len(b) || length < headSize+tlvHeadSize+idSize {
		return nil, fmt.Errorf("%w: it claims %d bytes and has %d", ErrMessage, length, len(b))
	}
	tlv := b[headSize:length]
	kind, size := protocol.TLVType(binary.BigEndian.Uint16(tlv)), int(binary.BigEndian.Uint16(tlv[2:]))
	if size < idSize || tlvHeadSize+size > len(tlv) {
		return nil, fmt.Errorf("%w: a TLV of %d bytes where %d are left", ErrMessage, size, len(tlv)-tlvHeadSize)
	}
	m.TLV = tlv[:tlvHeadSize+size]
	switch kind {
	case protocol.TLVManagement:
		m.ID = protocol.ManagementID(binary.BigEndian.Uint16(tlv[4:]))
		return m, nil
	case protocol.TLVManagementErrorStatus:
		if size < 4 {
			return nil, fmt.Errorf("%w: a cut-off error status", ErrMessage)
		}
		m.ID = protocol.ManagementID(binary.BigEndian.Uint16(tlv[6:]))
		return m, protocol.ManagementErrorID(binary.BigEndian.Uint16(tlv[4:]))
	}
	return nil, fmt.Errorf("%w: a TLV of type %s", ErrMessage, kind)
}

// unpack reads a data set from a TLV. A TLV may be longer than the data set as this package knows it, not shorter.
func unpack[T any](m *message) (*T, error) {
	v := new(T)
	if err := binary.Read(bytes.NewReader(m.TLV), binary.BigEndian, v); err != nil {
		return nil, fmt.Errorf("%w: data set %#04x: %w", ErrMessage, uint16(m.ID), err)
	}
	return v, nil
}
