package l2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"syscall"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// maxFrame is the largest frame that is looked at; Announce messages with their TLVs fit well.
const maxFrame = 2048

const sizeofAuxdata = 20 // bytes of struct tpacket_auxdata

// socket sends and receives whole Ethernet frames at one interface.
type socket struct {
	file  *os.File
	raw   syscall.RawConn
	index int
}

// openSocket opens a socket at an interface of the calling thread's network namespace. It hears probes and PTP, tagged or not and
// to whatever address, but not what this machine sends there.
func openSocket(index int) (*socket, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	if err := prepare(fd, index); err != nil {
		unix.Close(fd)
		return nil, err
	}
	s := &socket{file: os.NewFile(uintptr(fd), "packet socket"), index: index}
	if s.raw, err = s.file.SyscallConn(); err != nil {
		s.file.Close()
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	return s, nil
}

func prepare(fd, index int) error {
	if err := setFilter(fd); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		return fmt.Errorf("packet socket: PACKET_AUXDATA: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		return fmt.Errorf("packet socket: PACKET_IGNORE_OUTGOING: %w", err)
	}
	promiscuous := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &promiscuous); err != nil {
		return fmt.Errorf("packet socket: PACKET_ADD_MEMBERSHIP: %w", err)
	}
	all := unix.SockaddrLinklayer{Protocol: bits.ReverseBytes16(unix.ETH_P_ALL), Ifindex: index}
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 { // big endian
		all.Protocol = unix.ETH_P_ALL
	}
	if err := unix.Bind(fd, &all); err != nil {
		return fmt.Errorf("packet socket: bind: %w", err)
	}
	return nil
}

// setFilter lets the kernel throw away all frames but probes and PTP. They may be behind a VLAN tag besides the one that the kernel
// takes off.
func setFilter(fd int) error {
	const accept, outer, inner = maxFrame, 12, 16
	instructions, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: outer, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherProbe, SkipTrue: 7},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherPTP, SkipTrue: 6},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherVLAN, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherSVLAN, SkipTrue: 3},
		bpf.LoadAbsolute{Off: inner, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherProbe, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherPTP, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: accept},
	})
	if err != nil {
		return fmt.Errorf("packet filter: %w", err)
	}
	filters := make([]unix.SockFilter, len(instructions))
	for i, in := range instructions {
		filters[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	program := unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
		return fmt.Errorf("packet socket: SO_ATTACH_FILTER: %w", err)
	}
	return nil
}

// send sends a frame.
func (s *socket) send(frame []byte) error {
	var failed error
	err := s.raw.Write(func(fd uintptr) bool {
		failed = unix.Sendto(int(fd), frame, 0, &unix.SockaddrLinklayer{Ifindex: s.index})
		return !errors.Is(failed, unix.EAGAIN)
	})
	return errors.Join(err, failed)
}

// receive waits for a frame. The error is os.ErrClosed once the socket is closed.
func (s *socket) receive() (Frame, error) {
	buffer, control := make([]byte, maxFrame), make([]byte, 128)
	var n, nc int
	var failed error
	err := s.raw.Read(func(fd uintptr) bool {
		n, nc, _, _, failed = unix.Recvmsg(int(fd), buffer, control, 0)
		return !errors.Is(failed, unix.EAGAIN)
	})
	if err != nil {
		return Frame{}, fmt.Errorf("%w: %w", os.ErrClosed, err) // the poller has no other error without a deadline
	}
	if failed != nil {
		return Frame{}, failed
	}
	frame, err := ParseFrame(buffer[:n])
	if outer := strippedTag(control[:nc]); err == nil && outer != 0 {
		frame.VLAN = outer
	}
	return frame, err
}

// strippedTag is the id of the VLAN tag that the kernel has taken off a frame, or 0.
func strippedTag(control []byte) uint16 {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_PACKET || m.Header.Type != unix.PACKET_AUXDATA || len(m.Data) < sizeofAuxdata {
			continue
		}
		const status, vlanTCI = 0, 16 // offsets in struct tpacket_auxdata
		if binary.NativeEndian.Uint32(m.Data[status:])&unix.TP_STATUS_VLAN_VALID != 0 {
			return binary.NativeEndian.Uint16(m.Data[vlanTCI:]) & vlanID
		}
	}
	return 0
}

// close ends receive.
func (s *socket) close() { s.file.Close() }
