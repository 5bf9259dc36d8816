package selftest

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func bridgeChecks() []check {
	return []check{
		// Catches: a frame that goes on with the sender's socket and its wish
		// for a stamp, a receive stamp that is forwarded.
		{"a frame that a bridge forwards is stamped anew and reported once", bridgeForwards},
		// Catches: queues that are too short for a switch, stamps shared by the
		// clones that a bridge sends to its ports.
		{"a bridge floods two hundred ports, each stamps for itself and nothing is lost", bridgeFloods},
	}
}

// bridge makes a bridge of ports and sets all of it up. The caller deletes it.
func bridge(name string, ports ...port) (remove func() error, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	text := append([]byte(name), 0)
	byName := func(request uintptr) error {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&text[0]))); errno != 0 {
			return fmt.Errorf("ioctl %#x on %s: %w", request, name, errno)
		}
		return nil
	}
	if err := byName(unix.SIOCBRADDBR); err != nil {
		return nil, err
	}
	at := port{name: name}
	remove = func() error { return errors.Join(up(at, false), byName(unix.SIOCBRDELBR), unix.Close(fd)) }
	if err := errors.Join(quiet(at), up(at, true)); err != nil {
		return remove, err
	}
	for _, p := range ports {
		ifr, err := unix.NewIfreq(name)
		if err != nil {
			return remove, err
		}
		ifr.SetUint32(uint32(p.index))
		if err := ioctlIfreq(fd, unix.SIOCBRADDIF, ifr); err != nil {
			return remove, err
		}
		if err := errors.Join(quiet(p), up(p, true)); err != nil {
			return remove, err
		}
	}
	return remove, nil
}

// star makes a device with a bridge over its ports, and for each of them a
// device of one port with a cable to it, up, with a socket.
func (b *bench) star(arms int) (hub *device, leaves []*device, sockets []*socket, remove func() error, err error) {
	fail := func(err error) (*device, []*device, []*socket, func() error, error) {
		return hub, leaves, sockets, remove, err
	}
	if hub, err = b.make(arms, ""); err != nil {
		return fail(err)
	}
	var inner []port
	for i := range arms {
		p, err := hub.port(i)
		if err != nil {
			return fail(err)
		}
		inner = append(inner, p)
	}
	if remove, err = bridge("selftest", inner...); err != nil {
		return fail(err)
	}
	for i := range arms {
		d, err := b.make(1, "")
		if err != nil {
			return fail(err)
		}
		p, err := d.port(0)
		if err != nil {
			return fail(err)
		}
		if err := errors.Join(quiet(p), link(p, inner[i]), up(p, true)); err != nil {
			return fail(err)
		}
		s, err := openSocket(p)
		if err != nil {
			return fail(err)
		}
		leaves, sockets = append(leaves, d), append(sockets, s)
	}
	// The carrier of the last port reaches the bridge by way of a work queue.
	pass(2e9)
	return fail(nil)
}

func bridgeForwards(b *bench) (err error) {
	hub, leaves, sockets, remove, err := b.star(2)
	if remove != nil {
		defer func() { err = errors.Join(err, remove()) }()
	}
	if err != nil {
		return err
	}
	// The bridge's own ports have their stamps on as well.
	for i := range 2 {
		p, err := hub.port(i)
		if err != nil {
			return err
		}
		if err := (&socket{fd: sockets[0].fd, port: p}).stamps(unix.HWTSTAMP_TX_ON, unix.HWTSTAMP_FILTER_ALL); err != nil {
			return err
		}
	}
	const wrong, delay = 1000000, 20000
	if err := set(map[string]int64{hub.clockKnob("true_error_ns"): -wrong, leaves[1].clockKnob("true_error_ns"): wrong,
		leaves[0].linkKnob(0, "delay_ns"): delay}); err != nil {
		return err
	}
	// A bridge forwards clones of a multicast frame and a unicast frame itself,
	// with the sender's socket.
	for i, to := range [][6]byte{{0x01, 0x1b, 0x19}, {0x02, 0, 0, 0, 0, 0x77}} {
		if err := sockets[0].sendTo(uint32(i), to); err != nil {
			return err
		}
		r, err := sockets[1].receive(time.Second)
		if err != nil {
			return err
		}
		t, err := sockets[0].sent()
		if err != nil {
			return err
		}
		// The bridge takes its time, some us at most.
		if d := r.stamp - t.stamp - wrong; t.stamp == 0 || r.stamp == 0 || d < delay || d > delay+100e3 {
			return fmt.Errorf("to % x: forwarded in %d ns (stamps %d and %d)", to, d, t.stamp, r.stamp)
		}
		if t, err := sockets[0].sent(); !errors.Is(err, errNothing) {
			return fmt.Errorf("to % x: a second report: %+v, %v", to, t, err)
		}
	}
	return nil
}

func bridgeFloods(b *bench) (err error) {
	const arms, frames = 200, 50
	hub, leaves, sockets, remove, err := b.star(arms)
	if remove != nil {
		defer func() { err = errors.Join(err, remove()) }()
	}
	if err != nil {
		return err
	}
	for i := range arms {
		if err := set(map[string]int64{hub.linkKnob(i, "delay_ns"): int64(1000 * i), leaves[i].clockKnob("true_error_ns"): int64(i)}); err != nil {
			return err
		}
	}
	for n := range uint32(frames) {
		if err := sockets[0].send(n); err != nil {
			return err
		}
	}
	base := make([]int64, frames)
	for i := 1; i < arms; i++ {
		for n := range uint32(frames) {
			a, err := sockets[i].receive(time.Second)
			if err != nil || a.number != n {
				return fmt.Errorf("port %d, frame %d: got %d, %v", i, n, a.number, err)
			}
			// One instant of flooding: the ports differ by delay and clock only.
			left := a.stamp - int64(1001*i)
			if i == 1 {
				base[n] = left
			} else if left != base[n] {
				return fmt.Errorf("port %d, frame %d: stamp off by %d ns", i, n, left-base[n])
			}
		}
	}
	for _, s := range sockets {
		s.Close()
	}
	return nil
}
