package nsim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	vnetns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// maxName is the longest interface name, IFNAMSIZ less the closing zero byte.
const maxName = unix.IFNAMSIZ - 1

// MoveAndName moves an interface to another namespace, or keeps it where it is, and gives it a name and a MAC, all in
// one request. Its number may change. If the name is taken there, the error is EEXIST and the interface may have moved
// under its old name; Device.Port still finds it.
func MoveAndName(ctx context.Context, from *os.File, ifindex int, to *os.File, name string, mac net.HardwareAddr) error {
	fail := func(err error) error {
		return fmt.Errorf("move interface %d of %s to %s as %s with MAC %s: %w", ifindex, from.Name(), to.Name(), name, mac, err)
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	if len(name) < 1 || len(name) > maxName || len(mac) != 6 || ifindex < 1 {
		return fail(unix.EINVAL)
	}
	socket, err := nl.GetNetlinkSocketAt(vnetns.NsHandle(from.Fd()), vnetns.None(), unix.NETLINK_ROUTE)
	if err != nil {
		return fail(fmt.Errorf("open netlink: %w", err))
	}
	defer socket.Close()
	request := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	request.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: socket}}
	message := nl.NewIfInfomsg(unix.AF_UNSPEC)
	message.Index = int32(ifindex)
	request.AddData(message)
	request.AddData(nl.NewRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(to.Fd()))))
	request.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	request.AddData(nl.NewRtAttr(unix.IFLA_ADDRESS, mac))
	if _, err := request.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return fail(err)
	}
	return nil
}

// SetUp sets an interface administratively up or down. A port that is down has no carrier at the other end either.
func SetUp(ns *os.File, name string, up bool) error {
	state := map[bool]string{true: "up", false: "down"}[up]
	err := withLink(ns, name, func(h *netlink.Handle, link netlink.Link) error {
		if up {
			return h.LinkSetUp(link)
		}
		return h.LinkSetDown(link)
	})
	if err != nil {
		return fmt.Errorf("set %s of %s %s: %w", name, ns.Name(), state, err)
	}
	return nil
}

// Interface is what the kernel says of an interface now.
type Interface struct {
	Index   int              `json:"ifindex"`
	Name    string           `json:"name"`
	MAC     net.HardwareAddr `json:"mac"`
	Up      bool             `json:"up"`      // administratively
	Carrier bool             `json:"carrier"` // the cable carries a signal (IFF_LOWER_UP)
}

// Find looks an interface up by name. The error is netlink.LinkNotFoundError if there is none.
func Find(ns *os.File, name string) (Interface, error) {
	var found Interface
	err := withLink(ns, name, func(_ *netlink.Handle, link netlink.Link) error {
		found = interfaceOf(link.Attrs())
		return nil
	})
	if err != nil {
		return Interface{}, fmt.Errorf("look up %s of %s: %w", name, ns.Name(), err)
	}
	return found, nil
}

// Carrier tells whether the interface's cable carries a signal.
func Carrier(ns *os.File, name string) (bool, error) {
	found, err := Find(ns, name)
	return found.Carrier, err
}

func interfaceOf(a *netlink.LinkAttrs) Interface {
	return Interface{Index: a.Index, Name: a.Name, MAC: a.HardwareAddr, Up: a.RawFlags&unix.IFF_UP != 0, Carrier: a.RawFlags&unix.IFF_LOWER_UP != 0}
}

// AwaitCarrier waits until the interface has, or has not, a carrier. The kernel tells of each change.
func AwaitCarrier(ctx context.Context, ns *os.File, name string, want bool) error {
	fail := func(err error) error {
		return fmt.Errorf("wait until carrier of %s of %s is %t: %w", name, ns.Name(), want, err)
	}
	stop := make(chan struct{})
	updates := make(chan netlink.LinkUpdate, 64)
	broken := make(chan error, 1)
	handle := vnetns.NsHandle(ns.Fd())
	err := netlink.LinkSubscribeWithOptions(updates, stop, netlink.LinkSubscribeOptions{Namespace: &handle,
		ErrorCallback: func(err error) {
			select {
			case broken <- err:
			default:
			}
		}})
	if err != nil {
		return fail(fmt.Errorf("subscribe: %w", err))
	}
	defer func() {
		close(stop)
		for range updates { // until the library's reader has seen it
		}
	}()
	carrier, err := Carrier(ns, name) // after subscribing, so that no change falls in between
	for err == nil && carrier != want {
		select {
		case _, open := <-updates:
			if !open {
				return fail(errors.New("subscription ended"))
			}
			carrier, err = Carrier(ns, name)
		case err = <-broken:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// withLink calls fn with an interface and a netlink handle of its namespace.
func withLink(ns *os.File, name string, fn func(*netlink.Handle, netlink.Link) error) error {
	handle, err := netlink.NewHandleAt(vnetns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer handle.Close()
	link, err := handle.LinkByName(name)
	if err != nil {
		return err
	}
	return fn(handle, link)
}
