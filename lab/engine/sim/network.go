package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/engine/sim/gateway"
)

// GatewayCommand is the command of ptplab that is a lab's gateway. Its arguments are for Processes to find it by.
const GatewayCommand = "gateway"

// What the gateway inherits.
const (
	gatewayGuest   = 3 + iota // the socket of the guest's frames
	gatewayClients            // the listening socket for requests
)

// guestFrames is the kernel's descriptor of its end of that socket.
const guestFrames = 4

func (m Machine) gatewaySocket() string { return filepath.Join(m.Dir, "gateway.sock") }

// startGateway starts the process that joins the kernel to the network outside, and returns the kernel's end of the socket
// between them. The process ends when all copies of that are closed.
func (m Machine) startGateway(binary string) (*os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket for the network: %w", err)
	}
	guest, host := os.NewFile(uintptr(pair[0]), "guest"), os.NewFile(uintptr(pair[1]), "gateway")
	defer host.Close()
	clients, err := listen(m.gatewaySocket())
	if err != nil {
		return nil, errors.Join(err, guest.Close())
	}
	defer clients.Close()
	output, err := os.OpenFile(filepath.Join(m.Dir, "gateway.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return nil, errors.Join(err, guest.Close())
	}
	defer output.Close()
	cmd := exec.Command(binary, GatewayCommand, "uml_dir="+m.umlDir()+"/")
	cmd.Dir = m.Dir
	cmd.Stdout, cmd.Stderr = output, output
	cmd.ExtraFiles = []*os.File{host, clients}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the gateway: %w", err), guest.Close())
	}
	go cmd.Wait() // so that it is no zombie as long as this process lives
	return guest, nil
}

// RunGateway is all that the gateway's process does. It ends with the lab's kernel.
func RunGateway(ctx context.Context, server *gateway.Server) error {
	clients, err := net.FileListener(os.NewFile(gatewayClients, "clients"))
	if err != nil {
		return fmt.Errorf("socket for requests: %w", err)
	}
	return server.Serve(ctx, os.NewFile(gatewayGuest, "guest"), clients)
}

// Gateway reaches the gateway of a machine that was booted with a network.
func (m Machine) Gateway() gateway.Client {
	return gateway.Client{Dial: func(ctx context.Context) (net.Conn, error) {
		short, closeDir, err := shortPath(m.gatewaySocket())
		if err != nil {
			return nil, err
		}
		defer closeDir()
		var d net.Dialer
		return d.DialContext(ctx, "unix", short)
	}}
}

// networkArgument is the kernel's option for its interface to the outside.
func networkArgument() string {
	return "vec0:transport=fd,fd=" + strconv.Itoa(guestFrames) + ",depth=128,gro=1,mac=" + gateway.GuestMAC
}

// loopbackUp lets programs of the guest reach each other at their own address.
func loopbackUp() error {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	return nil
}

// outside is the guest's interface to the network of its host.
const outside = "vec0"

// joinOutside sets up the guest's interface to the outside, its route and its name server.
func joinOutside() error {
	if err := loopbackUp(); err != nil {
		return err
	}
	link, err := netlink.LinkByName(outside)
	if err != nil {
		return fmt.Errorf("interface to the outside: %w", err)
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(gateway.Guest), Mask: net.CIDRMask(gateway.Prefix, 32)}}
	if err := errors.Join(netlink.LinkSetMTU(link, gateway.MTU), netlink.AddrReplace(link, address), netlink.LinkSetUp(link)); err != nil {
		return fmt.Errorf("interface to the outside: %w", err)
	}
	if err := netlink.RouteReplace(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: net.ParseIP(gateway.Gateway)}); err != nil {
		return fmt.Errorf("route to the outside: %w", err)
	}
	return os.WriteFile("/etc/resolv.conf", []byte("nameserver "+gateway.Gateway+"\n"), 0o644)
}
