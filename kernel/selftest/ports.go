package selftest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func portChecks() []check {
	return []check{
		// Catches: a carrier that only one end loses, one that comes back while
		// the other end is down or unlinked, one that stays when the peer is
		// deleted.
		{"both ends have carrier when both are up and linked, and only then", carrierBothEnds},
		// Catches: a bit that is missing or too much, the clock of another device.
		{"ethtool shows hardware timestamps and the device's clock", timestampInfo},
		// Catches: an operation that is missing, which ptp4l warns of.
		{"ethtool shows a link of 25000 Mb/s, full duplex", linkSettings},
		// Catches: a clock per port.
		{"the ports of a device share its clock", portsShareClock},
		// Catches: a name or a namespace remembered from the start.
		{"debugfs knows a port's index, namespace and name wherever it goes", portFollowed},
		// Catches: a new argument that breaks the old ones.
		{"new_device takes its arguments as before", oldArguments},
	}
}

// carrier reads whether a port has carrier.
func carrier(p port) (bool, error) {
	n, err := getInt("/sys/class/net/" + p.name + "/carrier")
	if errors.Is(err, unix.EINVAL) {
		return false, nil // the port is down
	}
	return n == 1, err
}

// carriers checks that all ports have carrier, or none has.
func carriers(want bool, ports ...port) error {
	for _, p := range ports {
		got, err := carrier(p)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("carrier of %s is %v, want %v", p.name, got, want)
		}
	}
	return nil
}

func carrierBothEnds(b *bench) error {
	da, err := b.make(1, "")
	if err != nil {
		return err
	}
	db, err := b.make(1, "")
	if err != nil {
		return err
	}
	a, err := da.port(0)
	if err != nil {
		return err
	}
	z, err := db.port(0)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		what string
		do   func() error
		want bool
	}{
		{"up without a cable", func() error { return errors.Join(up(a, true), up(z, true)) }, false},
		{"down again", func() error { return errors.Join(up(a, false), up(z, false)) }, false},
		{"linked while down", func() error { return link(a, z) }, false},
		{"first up", func() error { return up(a, true) }, false},
		{"second up", func() error { return up(z, true) }, true},
		{"first down", func() error { return up(a, false) }, false},
		{"first up again", func() error { return up(a, true) }, true},
		{"second down", func() error { return up(z, false) }, false},
		{"second up again", func() error { return up(z, true) }, true},
		{"unlinked at the first", func() error { return unlink(a) }, false},
		{"linked the other way", func() error { return link(z, a) }, true},
		{"unlinked at the second", func() error { return unlink(z) }, false},
		{"linked while one is down", func() error { return errors.Join(up(a, false), link(a, z)) }, false},
		{"up", func() error { return up(a, true) }, true},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		if err := carriers(step.want, a, z); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	if err := da.remove(); err != nil {
		return err
	}
	if err := carriers(false, z); err != nil {
		return fmt.Errorf("peer deleted: %w", err)
	}
	return nil
}

func timestampInfo(b *bench) error {
	d, err := b.make(2, "")
	if err != nil {
		return err
	}
	index, err := getInt(d.clockKnob("index"))
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for i := range 2 {
		p, err := d.port(i)
		if err != nil {
			return err
		}
		info, err := unix.IoctlGetEthtoolTsInfo(fd, p.name)
		if err != nil {
			return err
		}
		const flags = unix.SOF_TIMESTAMPING_TX_HARDWARE | unix.SOF_TIMESTAMPING_RX_HARDWARE | unix.SOF_TIMESTAMPING_RAW_HARDWARE |
			unix.SOF_TIMESTAMPING_TX_SOFTWARE | unix.SOF_TIMESTAMPING_RX_SOFTWARE | unix.SOF_TIMESTAMPING_SOFTWARE
		if info.So_timestamping != flags || int64(info.Phc_index) != index || info.Rx_filters != 3 || info.Tx_types != 3 {
			return fmt.Errorf("%s: %+v", p.name, *info)
		}
	}
	return nil
}

func linkSettings(b *bench) error {
	p, err := b.pair()
	if err != nil {
		return err
	}
	defer p.Close()
	at := "/sys/class/net/" + p.socket[0].port.name
	if speed, err := getInt(at + "/speed"); err != nil || speed != 25000 {
		return fmt.Errorf("speed %d, %v", speed, err)
	}
	if duplex, err := get(at + "/duplex"); err != nil || duplex != "full" {
		return fmt.Errorf("duplex %q, %v", duplex, err)
	}
	return nil
}

func portsShareClock(b *bench) error {
	before, err := os.ReadDir("/sys/class/ptp")
	if err != nil {
		return err
	}
	if _, err := b.make(8, ""); err != nil {
		return err
	}
	after, err := os.ReadDir("/sys/class/ptp")
	if err != nil {
		return err
	}
	if len(after) != len(before)+1 {
		return fmt.Errorf("%d clocks more", len(after)-len(before))
	}
	return nil
}

func portFollowed(b *bench) error {
	d, err := b.make(1, "")
	if err != nil {
		return err
	}
	p, err := d.port(0)
	if err != nil {
		return err
	}
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	if n, err := inode(home); err != nil || n != p.netns {
		return fmt.Errorf("namespace %d, not %d, %v", p.netns, n, err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	away, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer away.Close()
	n, err := inode(away)
	if err != nil {
		return err
	}
	if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("setns: %w", err)
	}
	if err := move(p, away, "elsewhere"); err != nil {
		return err
	}
	moved, err := d.port(0)
	if err != nil {
		return err
	}
	if moved.netns != n || moved.name != "elsewhere" || moved.index == 0 {
		return fmt.Errorf("port %+v, want namespace %d", moved, n)
	}
	return nil
}

func inode(f *os.File) (uint64, error) {
	var st unix.Stat_t
	err := unix.Fstat(int(f.Fd()), &st)
	return st.Ino, err
}

// move moves a port to another network namespace under a new name.
func move(p port, ns *os.File, name string) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	attribute := func(m []byte, kind uint16, value []byte) []byte {
		m = binary.NativeEndian.AppendUint16(m, uint16(4+len(value)))
		m = binary.NativeEndian.AppendUint16(m, kind)
		m = append(m, value...)
		return append(m, make([]byte, (4-len(m)%4)%4)...)
	}
	m := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	*(*unix.NlMsghdr)(unsafe.Pointer(&m[0])) = unix.NlMsghdr{Type: unix.RTM_NEWLINK, Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK}
	(*unix.IfInfomsg)(unsafe.Pointer(&m[unix.SizeofNlMsghdr])).Index = int32(p.index)
	m = attribute(m, unix.IFLA_NET_NS_FD, binary.NativeEndian.AppendUint32(nil, uint32(ns.Fd())))
	m = attribute(m, unix.IFLA_IFNAME, append([]byte(name), 0))
	binary.NativeEndian.PutUint32(m, uint32(len(m)))
	if err := unix.Sendto(fd, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil || n < unix.SizeofNlMsghdr+4 {
		return fmt.Errorf("netlink answer of %d bytes: %w", n, err)
	}
	if e := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); e != 0 {
		return fmt.Errorf("move %s: %w", p.name, unix.Errno(-e))
	}
	return nil
}

func oldArguments(b *bench) error {
	for i, c := range []struct {
		line   string
		ports  int
		queues int
	}{{"%d", 1, 1}, {"%d 3", 3, 1}, {"%d 2 4", 2, 4}, {"%d 9 1\n", 9, 1}} {
		d := &device{id: firstID + i, ports: c.ports}
		if err := newDevice(fmt.Sprintf(c.line, d.id)); err != nil {
			return err
		}
		b.devices = append(b.devices, d)
		p, err := d.port(c.ports - 1)
		if err != nil {
			return err
		}
		if queues, err := countNames("/sys/class/net/"+p.name+"/queues", "tx-"); err != nil || queues != c.queues {
			return fmt.Errorf("%q: %d queues, %v", c.line, queues, err)
		}
		if bus, err := os.Readlink("/sys/class/net/" + p.name + "/device/subsystem"); err != nil || base(bus) != "netdevsim" {
			return fmt.Errorf("%q: device of bus %q, %v", c.line, bus, err)
		}
		if _, err := d.port(c.ports); err == nil {
			return fmt.Errorf("%q: more than %d ports", c.line, c.ports)
		}
	}
	// an id that is taken
	if err := newDevice(fmt.Sprint(firstID)); err == nil {
		return errors.New("the same id twice")
	}
	pass(int64(time.Millisecond))
	return nil
}
