//go:build guest

package ovs

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vishvananda/netlink"
	vnetns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/netns"
)

// bench is a switch's namespace with ports p0, p1 ... in it, each a veth whose other end, h0, h1 ..., is in the
// namespace "hosts".
type bench struct {
	*testing.T
	dir    netns.Dir
	hosts  *os.File
	sw     *Switch
	config Config
}

func newBench(t *testing.T, ports int) *bench {
	t.Helper()
	base := t.TempDir()
	dir := netns.Dir(filepath.Join(base, "netns"))
	t.Cleanup(func() { _ = dir.DeleteAll() })
	for _, name := range []string{"switch", "hosts"} {
		if err := dir.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{T: t, dir: dir, hosts: open(t, dir, "hosts")}
	inner, hosts := handle(t, dir, "switch"), handle(t, dir, "hosts")
	for i := range ports {
		veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("p%d", i)}, PeerName: fmt.Sprintf("h%d", i),
			PeerNamespace: netlink.NsFd(int(b.hosts.Fd()))}
		if err := inner.LinkAdd(veth); err != nil {
			t.Fatalf("add veth: %v", err)
		}
		for name, h := range map[string]*netlink.Handle{veth.Name: inner, veth.PeerName: hosts} {
			if err := h.LinkSetUp(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: index(t, h, name)}}); err != nil {
				t.Fatalf("set %s up: %v", name, err)
			}
		}
	}
	b.config = Config{Lab: "t", Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), RunDir: filepath.Join(base, "ovs"), Command: func(argv []string) *exec.Cmd {
		return exec.Command("nsenter", append([]string{"--net=" + dir.Path("switch")}, argv...)...)
	}}
	b.sw = b.newSwitch()
	t.Cleanup(func() {
		if err := b.sw.Remove(context.Background()); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return b
}

func (b *bench) newSwitch() *Switch {
	b.Helper()
	sw, err := New(b.config)
	if err != nil {
		b.Fatal(err)
	}
	return sw
}

func (b *bench) apply(want ...Bridge) {
	b.Helper()
	if err := b.sw.Apply(b.Context(), want...); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) observe() State {
	b.Helper()
	st, err := b.sw.Observe(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return st
}

func (b *bench) linkNames() []string {
	b.Helper()
	links, err := handle(b.T, b.dir, "switch").LinkList()
	if err != nil {
		b.Fatal(err)
	}
	var names []string
	for _, l := range links {
		names = append(names, l.Attrs().Name)
	}
	return names
}

func open(t *testing.T, dir netns.Dir, name string) *os.File {
	t.Helper()
	ns, err := dir.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	return ns
}

func handle(t *testing.T, dir netns.Dir, name string) *netlink.Handle {
	t.Helper()
	h, err := netlink.NewHandleAt(vnetns.NsHandle(open(t, dir, name).Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func index(t *testing.T, h *netlink.Handle, name string) int {
	t.Helper()
	link, err := h.LinkByName(name)
	if err != nil {
		t.Fatalf("look up %s: %v", name, err)
	}
	return link.Attrs().Index
}

// host is a packet socket on one host's end.
type host struct {
	*testing.T
	fd   int
	name string
}

func (b *bench) host(n int) host {
	b.Helper()
	name := fmt.Sprintf("h%d", n)
	ifindex := index(b.T, handle(b.T, b.dir, "hosts"), name)
	var fd int
	err := netns.Do(b.hosts, func() (err error) {
		all := uint16(unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8)
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifindex})
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { unix.Close(fd) })
	return host{T: b.T, fd: fd, name: name}
}

const (
	typeData = "\x88\xb5" // IEEE 802 local experimental
	typePTP  = "\x88\xf7"
)

func (h host) send(destination, ethertype, payload string) {
	h.Helper()
	frame := destination + "\x02\x00\x00\x00\x00" + h.name[1:2] + ethertype + payload
	if _, err := unix.Write(h.fd, []byte(frame+strings.Repeat("\x00", 60-len(frame)))); err != nil {
		h.Fatalf("send from %s: %v", h.name, err)
	}
}

// receive returns the payload of the next frame of the types that the tests send, "" if none comes in time.
func (h host) receive() string {
	h.Helper()
	buffer := make([]byte, 2048)
	for {
		n, from, err := unix.Recvfrom(h.fd, buffer, 0)
		if err != nil {
			return ""
		}
		if from.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING || n < 14 {
			continue
		}
		if ethertype := string(buffer[12:14]); ethertype == typeData || ethertype == typePTP {
			return strings.TrimRight(string(buffer[14:n]), "\x00")
		}
	}
}

func (h host) expect(want string) {
	h.Helper()
	if got := h.receive(); got != want {
		h.Errorf("%s received %q, want %q", h.name, got, want)
	}
}

const broadcast = "\xff\xff\xff\xff\xff\xff"

// fourPorts has h0 and h1 in one VLAN, h2 and h3 in another.
func fourPorts() Bridge {
	return Bridge{Name: "sw1", Datapath: DatapathKernel, Ports: []Port{{"p0", 10}, {"p1", 10}, {"p2", 20}, {"p3", 20}}}
}

func TestVLANsAreApartAndPTPIsDropped(t *testing.T) {
	b := newBench(t, 4)
	b.apply(fourPorts())
	h0, h1, h2, h3 := b.host(0), b.host(1), b.host(2), b.host(3)

	h0.send(broadcast, typeData, "to VLAN 10")
	h1.expect("to VLAN 10")
	h3.send(broadcast, typeData, "to VLAN 20") // behind the first: had that leaked, it would be there before
	h2.expect("to VLAN 20")

	for _, destination := range []string{"\x01\x1b\x19\x00\x00\x00", "\x01\x80\xc2\x00\x00\x0e", broadcast, "\x02\x00\x00\x00\x001"} {
		h0.send(destination, typePTP, "PTP")
		h0.send(broadcast, typePTP, "PTP")
		h0.send(broadcast, typeData, "after PTP")
		h1.expect("after PTP")
	}

	moved := fourPorts()
	moved.Ports[1].VLAN = 20
	b.apply(moved)
	h0.send(broadcast, typeData, "to VLAN 10 again")
	h3.send(broadcast, typeData, "to VLAN 20 again")
	h1.expect("to VLAN 20 again")
}

func TestSecondApplyChangesNothing(t *testing.T) {
	b := newBench(t, 4)
	b.apply(fourPorts())
	before := b.observe()
	want := []BridgeState{{Name: "sw1", Datapath: DatapathKernel, FailMode: "secure", Lab: "t", Flows: wantedFlows(), Ports: []PortState{
		{Name: "p0", VLAN: 10, Lab: "t"}, {Name: "p1", VLAN: 10, Lab: "t"}, {Name: "p2", VLAN: 20, Lab: "t"}, {Name: "p3", VLAN: 20, Lab: "t"}}}}
	if diff := cmp.Diff(want, before.Bridges, cmpopts.IgnoreFields(PortState{}, "OFPort")); diff != "" {
		t.Fatalf("bridges (-want +got):\n%s", diff)
	}
	if differences, err := b.sw.Differences(t.Context(), fourPorts()); err != nil || len(differences) != 0 {
		t.Errorf("Differences = %q, %v, want none", differences, err)
	}
	database := func() []byte { // a journal: each transaction appends
		text, err := os.ReadFile(filepath.Join(b.config.RunDir, "conf.db"))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	journal := database()
	b.apply(fourPorts())
	if after := database(); !bytes.Equal(journal, after) {
		t.Errorf("second Apply wrote a transaction: %s", after[len(journal):])
	}
	if diff := cmp.Diff(before, b.observe()); diff != "" {
		t.Errorf("second Apply changed (-before +after):\n%s", diff)
	}
}

func TestApplyMakesWhatIsWanted(t *testing.T) {
	b := newBench(t, 4)
	b.apply(fourPorts())
	fewer := Bridge{Name: "sw1", Datapath: DatapathKernel, Ports: []Port{{"p0", 10}, {"p1", 30}}}
	other := Bridge{Name: "sw2", Datapath: DatapathKernel, Ports: []Port{{"p2", 20}, {"p3", 20}}} // ports change bridges
	b.apply(fewer, other)
	if differences, err := b.sw.Differences(t.Context(), fewer, other); err != nil || len(differences) != 0 {
		t.Errorf("Differences = %q, %v, want none", differences, err)
	}
	b.apply(fourPorts())
	if st := b.observe(); len(st.Bridges) != 1 || len(st.Bridges[0].Ports) != 4 {
		t.Errorf("bridges = %+v, want sw1 with 4 ports", st.Bridges)
	}
	if out, err := b.sw.ofctl(t.Context(), "", "add-flow", b.sw.management("sw1"), "priority=200,actions=NORMAL"); err != nil {
		t.Fatal(out, err)
	}
	if differences, err := b.sw.Differences(t.Context(), fourPorts()); err != nil || len(differences) != 1 {
		t.Errorf("Differences = %q, %v, want the flows", differences, err)
	}
	b.apply(fourPorts())
	if diff := cmp.Diff(wantedFlows(), b.observe().Bridges[0].Flows); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
}

func TestRemoveLeavesNothing(t *testing.T) {
	b := newBench(t, 4)
	before := b.linkNames()
	b.apply(fourPorts())
	if err := b.newSwitch().Remove(t.Context()); err != nil { // as another process would
		t.Fatal(err)
	}
	if daemons, err := b.sw.Daemons(); err != nil || len(daemons) != 0 {
		t.Errorf("daemons = %v, %v, want none", daemons, err)
	}
	if _, err := os.Stat(b.config.RunDir); !os.IsNotExist(err) {
		t.Errorf("run directory: %v, want none", err)
	}
	if diff := cmp.Diff(before, b.linkNames()); diff != "" {
		t.Errorf("interfaces (-before +after):\n%s", diff)
	}
	if err := b.sw.Remove(t.Context()); err != nil {
		t.Errorf("second Remove: %v", err)
	}
}

func TestMissingInterfaceIsNamedAndLaterAttached(t *testing.T) {
	b := newBench(t, 1)
	want := Bridge{Name: "sw1", Datapath: DatapathKernel, Ports: []Port{{"p0", 10}, {"p9", 10}}}
	err := b.sw.Apply(t.Context(), want)
	if err == nil || !strings.Contains(err.Error(), "p9: could not open network device p9 (No such device)") {
		t.Fatalf("error = %v, want the interface and the reason", err)
	}
	link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "p9"}, PeerName: "h9"}
	if err := handle(t, b.dir, "switch").LinkAdd(link); err != nil {
		t.Fatal(err)
	}
	b.apply(want)
}

func TestDeathDuringWait(t *testing.T) {
	b := newBench(t, 4)
	b.apply(fourPorts())
	pid, err := b.sw.pid(vswitchd)
	if err != nil || pid == 0 {
		t.Fatal(pid, err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(b.config.RunDir, "conf.db")
	before, err := os.Stat(journal)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	want := fourPorts()
	want.Ports = want.Ports[:3]
	go func() { failed <- b.sw.Apply(t.Context(), want) }()
	for deadline := time.Now().Add(5 * time.Second); ; {
		now, err := os.Stat(journal)
		if err == nil && now.Size() > before.Size() {
			break // the transaction is there, and nobody to carry it out
		}
		if time.Now().After(deadline) {
			t.Fatal("no transaction came")
		}
		time.Sleep(time.Millisecond)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err = <-failed
	if err == nil || !strings.Contains(err.Error(), "ovs-vswitchd of "+b.config.RunDir+" ended") ||
		!strings.Contains(err.Error(), "bridge sw1: using datapath ID") {
		t.Errorf("error = %v, want the death of ovs-vswitchd with its last log lines", err)
	}
	select {
	case <-b.sw.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("Done is not closed")
	}
	if err := b.sw.Err(); err == nil || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("Err = %v, want the signal", err)
	}
	b.apply(want)
	if st := b.observe(); !st.Running() || len(st.Bridges[0].Ports) != 3 {
		t.Errorf("after the second Apply: %+v", st)
	}
	if err := b.sw.Err(); err != nil {
		t.Errorf("Err = %v after ovs-vswitchd was started again", err)
	}
}

func TestHundredsOfPorts(t *testing.T) {
	const ports = 300
	b := newBench(t, ports)
	want := Bridge{Name: "sw1", Datapath: DatapathKernel}
	for i := range ports {
		want.Ports = append(want.Ports, Port{fmt.Sprintf("p%d", i), 1 + i%4000})
	}
	start := time.Now()
	b.apply(want)
	t.Logf("%d ports in %v", ports, time.Since(start))
	start = time.Now()
	b.apply(want)
	t.Logf("again in %v", time.Since(start))
	if got := len(b.observe().Bridges[0].Ports); got != ports {
		t.Errorf("%d ports, want %d", got, ports)
	}
}
