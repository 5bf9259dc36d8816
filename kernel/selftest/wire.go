package selftest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const etherPTP = 0x88f7

// socket sends and receives frames of a port, with timestamps.
type socket struct {
	fd   int
	port port
}

func hostToNet(n uint16) uint16 { return n<<8 | n>>8 }

// openSocket opens a packet socket on a port and switches its hardware
// timestamps on.
func openSocket(p port) (*socket, error) {
	s, err := plainSocket(p)
	if err != nil {
		return nil, err
	}
	return s, s.stamps(unix.HWTSTAMP_TX_ON, unix.HWTSTAMP_FILTER_PTP_V2_L2_EVENT)
}

// plainSocket opens a packet socket on a port. It asks for hardware timestamps,
// whether the port has them on or not.
func plainSocket(p port) (*socket, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(hostToNet(etherPTP)))
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	s := &socket{fd: fd, port: p}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: hostToNet(etherPTP), Ifindex: p.index}); err != nil {
		return nil, fmt.Errorf("bind to %s: %w", p.name, err)
	}
	const flags = unix.SOF_TIMESTAMPING_TX_HARDWARE | unix.SOF_TIMESTAMPING_RX_HARDWARE | unix.SOF_TIMESTAMPING_RAW_HARDWARE
	for _, o := range []struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPING, flags},
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64 << 20},
		{unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 64 << 20},
		{unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return nil, fmt.Errorf("setsockopt %d: %w", o.name, err)
		}
	}
	return s, nil
}

// stamps configures the port's hardware timestamps.
func (s *socket) stamps(tx, rx int32) error {
	config := &unix.HwTstampConfig{Tx_type: tx, Rx_filter: rx}
	if err := unix.IoctlSetHwTstamp(s.fd, s.port.name, config); err != nil {
		return fmt.Errorf("SIOCSHWTSTAMP on %s: %w", s.port.name, err)
	}
	return nil
}

// forgive clears an error that is pending on the socket.
func (s *socket) forgive() { unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR) }

func (s *socket) Close() error { return unix.Close(s.fd) }

// frame is a PTP frame with a number in it.
func frame(n uint32) []byte {
	f := make([]byte, 64)
	copy(f, []byte{0x01, 0x1b, 0x19, 0, 0, 0, 0x02, 0, 0, 0, 0, 1, 0x88, 0xf7})
	binary.BigEndian.PutUint32(f[20:], n)
	return f
}

func (s *socket) send(n uint32) error {
	_, err := unix.Write(s.fd, frame(n))
	return err
}

// sendTo sends a frame to an address of its own, a stranger's.
func (s *socket) sendTo(n uint32, address [6]byte) error {
	f := frame(n)
	copy(f, address[:])
	_, err := unix.Write(s.fd, f)
	return err
}

// arrival is a frame that was received, or sent and reported back.
type arrival struct {
	number uint32
	stamp  int64 // ns, 0 if there is none
}

// errNothing says that no frame came in time.
var errNothing = errors.New("no frame came")

// receive waits for a frame.
func (s *socket) receive(wait time.Duration) (arrival, error) {
	return s.message(wait, unix.POLLIN, 0)
}

// sent waits for the report of a frame that was sent.
func (s *socket) sent() (arrival, error) {
	return s.message(10*time.Millisecond, unix.POLLERR, unix.MSG_ERRQUEUE)
}

func (s *socket) message(wait time.Duration, events int16, flags int) (arrival, error) {
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: events}}
	if _, err := unix.Poll(fds, int(wait.Milliseconds())); err != nil {
		return arrival{}, err
	}
	data, control := make([]byte, 256), make([]byte, 256)
	n, nc, _, _, err := unix.Recvmsg(s.fd, data, control, flags|unix.MSG_DONTWAIT)
	if errors.Is(err, unix.EAGAIN) {
		return arrival{}, errNothing
	}
	if err != nil {
		return arrival{}, err
	}
	if n < 24 {
		return arrival{}, fmt.Errorf("a frame of %d bytes", n)
	}
	a := arrival{number: binary.BigEndian.Uint32(data[20:])}
	messages, err := unix.ParseSocketControlMessage(control[:nc])
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPING && len(m.Data) >= 48 {
			a.stamp = (*[3]unix.Timespec)(unsafe.Pointer(&m.Data[0]))[2].Nano()
		}
	}
	return a, err
}

// pair is two devices of one port each and a cable between them.
type pair struct {
	device [2]*device
	socket [2]*socket
}

// pair makes two devices, links them, sets them up and opens their sockets.
func (b *bench) pair() (*pair, error) {
	p := &pair{}
	var ports [2]port
	for i := range p.device {
		d, err := b.make(1, "")
		if err != nil {
			return nil, err
		}
		p.device[i] = d
		if ports[i], err = d.port(0); err != nil {
			return nil, err
		}
	}
	if err := link(ports[0], ports[1]); err != nil {
		return nil, err
	}
	for i, at := range ports {
		if err := quiet(at); err != nil {
			return nil, err
		}
		if err := up(at, true); err != nil {
			return nil, err
		}
		s, err := openSocket(at)
		if err != nil {
			return nil, err
		}
		p.socket[i] = s
	}
	return p, carriers(true, ports[0], ports[1])
}

func (p *pair) Close() {
	for _, s := range p.socket {
		s.Close()
	}
}

// knob writes a knob of the cable from the first port to the second.
func (p *pair) knob(name string, value int64) error {
	return set(map[string]int64{p.device[0].linkKnob(0, name): value})
}

// cross sends a frame from the first port to the second and returns both stamps.
func (p *pair) cross(n uint32) (tx, rx int64, err error) {
	if err := p.socket[0].send(n); err != nil {
		return 0, 0, err
	}
	r, err := p.socket[1].receive(2 * time.Second)
	if err != nil {
		return 0, 0, err
	}
	t, err := p.socket[0].sent()
	if err != nil {
		return 0, 0, fmt.Errorf("transmit stamp: %w", err)
	}
	if t.number != n || r.number != n {
		return 0, 0, fmt.Errorf("sent frame %d, got report of %d and frame %d", n, t.number, r.number)
	}
	return t.stamp, r.stamp, nil
}

// up sets a port up or down.
func up(p port, on bool) error {
	ifr, err := unix.NewIfreq(p.name)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := ioctlIfreq(fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return err
	}
	flags := ifr.Uint16() &^ unix.IFF_UP
	if on {
		flags |= unix.IFF_UP
	}
	ifr.SetUint16(flags)
	return ioctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}

func ioctlIfreq(fd int, request uintptr, ifr *unix.Ifreq) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(ifr))); errno != 0 {
		return fmt.Errorf("ioctl %#x on %s: %w", request, ifr.Name(), errno)
	}
	return nil
}

// quiet keeps IPv6 from sending frames of its own.
func quiet(p port) error {
	err := put("/proc/sys/net/ipv6/conf/"+p.name+"/disable_ipv6", "1")
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}
