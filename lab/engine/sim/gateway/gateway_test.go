package gateway

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// guestStack is what a lab's kernel does with its end of the socket: Ethernet, ARP, IPv4 and TCP at the guest's address.
func guestStack(t *testing.T, fd int) *stack.Stack {
	t.Helper()
	mac, err := net.ParseMAC(GuestMAC)
	if err != nil {
		t.Fatal(err)
	}
	link, err := fdbased.New(&fdbased.Options{
		FDs: []int{fd}, MTU: MTU, EthernetHeader: true, Address: tcpip.LinkAddress(mac), PacketDispatchMode: fdbased.Readv,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{arp.NewProtocol, ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	if err := s.CreateNIC(1, link); err != nil {
		t.Fatal(err)
	}
	own := tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddressWithPrefix{Address: addressOf(Guest), PrefixLen: Prefix}}
	if err := s.AddProtocolAddress(1, own, stack.AddressProperties{}); err != nil {
		t.Fatal(err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, Gateway: addressOf(Gateway), NIC: 1}})
	return s
}

func addressOf(text string) tcpip.Address { return tcpip.AddrFrom4Slice(net.ParseIP(text).To4()) }

// serve starts a gateway, and returns the guest's stack and a client.
func serve(t *testing.T) (*stack.Stack, Client, <-chan error) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "gateway.sock")
	clients, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server, err := New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	host := os.NewFile(uintptr(pair[1]), "gateway")
	t.Cleanup(func() { host.Close() })
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(t.Context(), host, clients) }()
	dial := func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return guestStack(t, pair[0]), Client{dial}, ended
}

// TestForward talks to a server in the guest that answers only when the caller has said all, as Docker's client does.
func TestForward(t *testing.T) {
	guest, client, _ := serve(t)
	l, err := gonet.ListenTCP(guest, tcpip.FullAddress{NIC: 1, Addr: addressOf(Guest), Port: 7777}, ipv4.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		question, _ := io.ReadAll(conn)
		io.WriteString(conn, strings.ToUpper(string(question)))
		conn.Close()
	}()
	f, err := client.Forward(t.Context(), Forward{Guest: Guest + ":7777"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := client.Forward(t.Context(), Forward{Guest: Guest + ":7777"})
	if err != nil || again != f {
		t.Errorf("asked again: %+v, %v, want %+v", again, err, f)
	}
	conn, err := net.Dial("tcp", f.Local)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, "who are you?")
	conn.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(conn)
	if err != nil || string(answer) != "WHO ARE YOU?" {
		t.Errorf("the guest answers %q, %v", answer, err)
	}
}

// TestOutside connects from the guest to a server outside.
func TestOutside(t *testing.T) {
	outside := outsideAddress(t)
	l, err := net.Listen("tcp4", outside+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err == nil {
			io.WriteString(conn, "welcome")
			conn.Close()
		}
	}()
	guest, _, _ := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	conn, err := gonet.DialContextTCP(ctx, guest, tcpip.FullAddress{NIC: 1, Addr: addressOf(outside), Port: port}, ipv4.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if text, err := io.ReadAll(conn); err != nil || string(text) != "welcome" {
		t.Errorf("from outside: %q, %v", text, err)
	}
}

// outsideAddress is an address of this machine other than loopback, which no guest can reach.
func outsideAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no IPv4 address but that of loopback")
	return ""
}

func TestForwardRefusals(t *testing.T) {
	_, client, _ := serve(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = client.Forward(t.Context(), Forward{Guest: Guest + ":1", Local: taken.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a port that is taken: %v", err)
	}
}

// TestEnd sees the gateway end with its guest.
func TestEnd(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
	if err != nil {
		t.Fatal(err)
	}
	host := os.NewFile(uintptr(pair[1]), "gateway")
	defer host.Close()
	clients, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	server, err := New(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(t.Context(), host, clients) }()
	unix.Close(pair[0])
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the gateway goes on without a guest")
	}
}
