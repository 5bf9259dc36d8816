//go:build guest

package l2

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/conformance/sut"
)

// mainVariable makes the test binary run Main with the variable's words as arguments.
const mainVariable = "L2_TEST_MAIN"

func TestMain(m *testing.M) {
	args, set := os.LookupEnv(mainVariable)
	if !set {
		os.Exit(m.Run())
	}
	if err := Main(context.Background(), strings.Fields(args), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// wires are network namespaces of this test and a switch between them: a bridge for each VLAN.
type wires struct {
	t      *testing.T
	ns     map[string]*os.File
	prefix string
	count  int
}

func newWires(t *testing.T, namespaces ...string) *wires {
	t.Helper()
	w := &wires{t: t, ns: map[string]*os.File{}, prefix: fmt.Sprintf("l2-%d-", os.Getpid())}
	for _, name := range append(namespaces, "switch") {
		command(t, "ip", "netns", "add", w.prefix+name)
		t.Cleanup(func() { command(t, "ip", "netns", "del", w.prefix+name) })
		file, err := os.Open("/run/netns/" + w.prefix + name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		w.ns[name] = file
	}
	return w
}

func command(t *testing.T, words ...string) {
	t.Helper()
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(words, " "), err, out)
	}
}

func (w *wires) ip(ns string, words ...string) {
	w.t.Helper()
	command(w.t, append([]string{"ip", "-n", w.prefix + ns}, words...)...)
}

// vlan makes a VLAN in the switch.
func (w *wires) vlan(name string) { w.ip("switch", "link", "add", name, "up", "type", "bridge") }

// plug makes a port and plugs it into a VLAN of the switch, into none if vlan is "". It returns the name of the switch's port.
func (w *wires) plug(ns, port, vlan string) string {
	w.t.Helper()
	w.count++
	peer := fmt.Sprintf("s%d", w.count)
	w.ip(ns, "link", "add", port, "address", fmt.Sprintf("02:00:00:00:00:%02x", w.count), "up", "type", "veth", "peer", "name", peer, "netns", w.prefix+"switch")
	if vlan != "" {
		w.ip("switch", "link", "set", peer, "master", vlan)
	}
	w.ip("switch", "link", "set", peer, "up")
	return peer
}

// awaitLink waits until the kernel says of a port that it has a link, which it does some time after both ends are up.
func (w *wires) awaitLink(ns, port string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	for {
		inv, err := takeInventory(w.ns[ns], true)
		if err != nil {
			w.t.Fatal(err)
		}
		if slices.ContainsFunc(inv.ports, func(p nodePort) bool { return p.IfName == port && p.IfUp }) {
			return
		}
		if err := (MachineClock{}).Sleep(ctx, 10*time.Millisecond); err != nil {
			w.t.Fatalf("%s of %s has no link: %v", port, ns, err)
		}
	}
}

func (w *wires) nodes(names ...string) []Node {
	var nodes []Node
	for _, name := range names {
		nodes = append(nodes, Node{name, w.ns[name]})
	}
	return nodes
}

// startGrandmaster runs ptp4l with software time stamps at a port and returns once it is master. Its settings are those of captured.
func (w *wires) startGrandmaster(ns, port string) {
	w.t.Helper()
	dir := w.t.TempDir()
	config := filepath.Join(dir, "ptp4l.conf")
	text := fmt.Sprintf("[global]\nnetwork_transport L2\ntime_stamping software\npriority1 101\npriority2 102\ndomainNumber 24\nclockClass 6\n"+
		"clockAccuracy 0x21\noffsetScaledLogVariance 0x4e5d\ntimeSource 0x20\nlogAnnounceInterval -3\nuds_address %s/ptp4l\n[%s]\n", dir, port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ptp4l := exec.CommandContext(ctx, "ip", "netns", "exec", w.prefix+ns, "ptp4l", "-m", "-q", "-f", config)
	log, err := ptp4l.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := ptp4l.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { cancel(); ptp4l.Wait() })
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if strings.Contains(lines.Text(), "assuming the grand master role") {
			return
		}
	}
	w.t.Fatal("ptp4l ended without being master")
}

func refs(ports ...string) []sut.PortRef {
	var refs []sut.PortRef
	for _, p := range ports {
		node, name, _ := strings.Cut(p, "/")
		refs = append(refs, sut.PortRef{Node: node, Interface: name})
	}
	return refs
}

func discover(t *testing.T, o Options) *Graph {
	t.Helper()
	o.All = true
	g, err := Discover(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// twoLANs is three nodes at two VLANs with a grandmaster outside. A port of w3 is plugged into nothing that hears; one of w1 and w2
// each is for management and not to be used.
func twoLANs(t *testing.T) *wires {
	w := newWires(t, "w1", "w2", "w3", "gm")
	w.vlan("A")
	w.vlan("B")
	for _, p := range []string{"w1/p0 A", "w1/p1 B", "w1/mgmt A", "w2/p0 A", "w2/p1 A", "w2/mgmt B", "w3/p0 B", "w3/alone ", "gm/g0 B"} {
		port, vlan, _ := strings.Cut(p, " ")
		node, name, _ := strings.Cut(port, "/")
		w.plug(node, name, vlan)
	}
	return w
}

func TestTwoLANs(t *testing.T) {
	w := twoLANs(t)
	w.plug("w2", "off", "A")
	w.ip("w2", "link", "set", "off", "down")
	w.startGrandmaster("gm", "g0")
	start := time.Now()
	o := Options{
		Nodes: w.nodes("w1", "w2", "w3"), Skip: Skip{"mgmt"}, Interval: 50 * time.Millisecond, Listen: time.Second, Deadline: 30 * time.Second,
		Expect: refs("w1/p0", "w1/p1", "w2/p0", "w2/p1", "w3/p0"),
	}
	g := discover(t, o)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s although every expected port was heard", took)
	}
	if got, want := lanText(g), "w1/p0 w2/p0 w2/p1 | w1/p1 w3/p0 | w2/off | w3/alone"; got != want {
		t.Errorf("LANs %s, want %s", got, want)
	}
	if len(g.Faults) > 0 {
		t.Errorf("faults %q", g.Faults)
	}
	if p, _ := g.Port(refs("w2/off")[0]); p.Link != No || p.PTP != No {
		t.Errorf("port that is down: %+v", p)
	}
	var receiving []string
	for _, p := range g.Receiving() {
		receiving = append(receiving, p.String())
		want := captured
		want.Grandmaster, want.Port, want.MAC = "020000.fffe.000009", "020000.fffe.000009-1", "02:00:00:00:00:09"
		if len(p.Announces) != 1 || p.Announces[0] != want {
			t.Errorf("%s: announces %+v, want %+v", p, p.Announces, want)
		}
	}
	if want := []string{"w1/p1", "w3/p0"}; !slices.Equal(receiving, want) {
		t.Errorf("receiving PTP: %q, want %q", receiving, want)
	}
	o.Skip = nil
	if got, want := lanText(discover(t, o)), "w1/mgmt w1/p0 w2/p0 w2/p1 | w1/p1 w2/mgmt w3/p0 | w2/off | w3/alone"; got != want {
		t.Errorf("LANs without skipping %s, want %s", got, want)
	}
}

// TestDeadline expects a port that nobody hears, for an hour of the time of the nodes.
func TestDeadline(t *testing.T) {
	w := twoLANs(t)
	clock := &quickClock{}
	g := discover(t, Options{Nodes: w.nodes("w1", "w3"), Skip: Skip{"mgmt"}, Interval: 5 * time.Minute, Deadline: time.Hour, Clock: clock})
	if want := []string{"no other port heard w1/p0, w3/alone in 1h0m0s"}; !slices.Equal(g.Faults, want) {
		t.Errorf("faults %q, want %q", g.Faults, want)
	}
	if got, want := lanText(g), "w1/p0 | w1/p1 w3/p0 | w3/alone"; got != want {
		t.Errorf("LANs %s, want %s", got, want)
	}
	if clock.sleeps != 12 {
		t.Errorf("slept %d times", clock.sleeps)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Discover(ctx, Options{Nodes: w.nodes("w1"), All: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// quickClock is a time that passes a thousand times faster or more.
type quickClock struct {
	now    time.Time
	sleeps int
}

func (c *quickClock) Now(context.Context) (time.Time, error) { return c.now, nil }

func (c *quickClock) Sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	c.sleeps++
	return MachineClock{}.Sleep(ctx, 20*time.Millisecond)
}

// TestOneWay has a switch that floods no broadcast to one port.
func TestOneWay(t *testing.T) {
	w := newWires(t, "w1", "w2")
	w.vlan("A")
	w.plug("w1", "p0", "A")
	deaf := w.plug("w2", "p0", "A")
	command(t, "bridge", "-n", w.prefix+"switch", "link", "set", "dev", deaf, "bcast_flood", "off")
	g := discover(t, Options{Nodes: w.nodes("w1", "w2"), Interval: 20 * time.Millisecond, Deadline: 300 * time.Millisecond})
	if len(g.Faults) != 2 || g.Faults[0] != "w1/p0 hears w2/p0, but not the other way round" || !strings.HasPrefix(g.Faults[1], "no other port heard w1/p0") {
		t.Errorf("faults %q", g.Faults)
	}
	if got, want := lanText(g), "w1/p0 | w2/p0"; got != want {
		t.Errorf("LANs %s, want %s", got, want)
	}
}

// TestTags sends frames with a VLAN tag, which the kernel takes off before a packet socket sees them.
func TestTags(t *testing.T) {
	w := newWires(t, "w1", "w2")
	w.vlan("A")
	w.plug("w1", "p0", "A")
	w.plug("w2", "p0", "A")
	probers, err := openAll(w.nodes("w1", "w2"), nil, true, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(probers)
	sender := probers[1].ports[0]
	for _, tag := range [][]byte{{0x81, 0, 0x60, 0x64}, {0x88, 0xA8, 0, 0x07, 0x81, 0, 0, 0x05}} {
		padded := append(probeFrame(sender.hardware), make([]byte, 46)...) // Linux drops a tag with nothing behind it
		for _, frame := range [][]byte{padded, frameOf(t, "announce-grandmaster.hex")} {
			if err := sender.socket.send(tagged(frame, tag...)); err != nil {
				t.Fatal(err)
			}
		}
		if err := (MachineClock{}).Sleep(t.Context(), 100*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		r, _ := probers[0].snapshot()
		vlan := uint16(tag[3])
		if n := r[Probes]["p0"]; n == nil || n.Tagged["02:00:00:00:00:02"] != vlan || len(n.Remote) != 0 {
			t.Errorf("VLAN %d: probes %+v", vlan, n)
		}
		want := captured
		want.MAC, want.VLAN = "02:00:00:00:0A:01", 100 // the first, as both have the same port and equal distance
		if n := r[PTP]["p0"]; vlan == 100 && (n == nil || *n.Announces[captured.Grandmaster] != want) {
			t.Errorf("VLAN %d: PTP %+v", vlan, n)
		}
	}
}

// TestInventory looks at a namespace that is not the test's own: at the switch.
func TestInventory(t *testing.T) {
	w := newWires(t, "w1")
	w.vlan("A")
	peer := w.plug("w1", "p0", "A")
	w.awaitLink("switch", peer)
	for _, all := range []bool{true, false} {
		inv, err := takeInventory(w.ns["switch"], all)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range inv.ports {
			names = append(names, p.IfName)
			if p.IfName == peer && (p.IfMaster != "A" || p.IfSlaveType != "bridge" || p.IfPTPCaps.PhcIndex != -1 || !p.IfUp) {
				t.Errorf("%+v %+v", p.Local, p.Details)
			}
		}
		if slices.Contains(names, peer) != all || slices.Contains(names, "A") != all || slices.Contains(names, "lo") {
			t.Errorf("all %v: %q", all, names)
		}
	}
}

// TestThreadsStay holds that looking into other namespaces leaves no thread of this process there.
func TestThreadsStay(t *testing.T) {
	w := newWires(t, "w1")
	w.plug("w1", "p0", "")
	if _, err := takeInventory(w.ns["w1"], true); err != nil {
		t.Fatal(err)
	}
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if l.Attrs().Name == "p0" {
			t.Error("this thread is in the other namespace")
		}
	}
	var own, other unix.Stat_t
	if err := errors.Join(unix.Stat("/proc/self/ns/net", &own), unix.Fstat(int(w.ns["w1"].Fd()), &other)); err != nil || own.Ino == other.Ino {
		t.Errorf("namespace %d, the other %d, %v", own.Ino, other.Ino, err)
	}
}

// TestDaemons runs Main on two nodes, as a DaemonSet would, and merges what they print.
func TestDaemons(t *testing.T) {
	w := twoLANs(t)
	reports := map[string]Report{}
	outputs, running := map[string]*bytes.Buffer{}, map[string]*exec.Cmd{}
	for _, node := range []string{"w1", "w2"} {
		c := exec.Command("ip", "netns", "exec", w.prefix+node, os.Args[0])
		c.Env = append(os.Environ(), mainVariable+"=-all-interfaces -interval 100ms -deadline 1s -node "+node, "SKIP_INTERFACES=mgmt")
		outputs[node], running[node] = &bytes.Buffer{}, c
		c.Stdout, c.Stderr = outputs[node], os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	for node, c := range running {
		if err := c.Wait(); err != nil {
			t.Errorf("%s: %v", node, err)
		}
		var err error
		if reports[node], err = LastLine(outputs[node]); err != nil {
			t.Fatalf("%s: %v", node, err)
		}
	}
	g := Merge(reports, Skip{"mgmt"})
	if got, want := lanText(g), "w1/p0 w2/p0 w2/p1 | w1/p1"; got != want || len(g.Faults) > 0 {
		t.Errorf("LANs %s, want %s; faults %q", got, want, g.Faults)
	}
}
