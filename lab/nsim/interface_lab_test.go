//go:build guest

package nsim

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	vnetns "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/netns"
)

// spaces makes two namespaces.
func spaces(t *testing.T) (a, b *os.File) {
	t.Helper()
	dir := netns.Dir(t.TempDir() + "/netns")
	t.Cleanup(func() { _ = dir.DeleteAll() })
	var files []*os.File
	for _, name := range []string{"a", "b"} {
		if err := dir.Create(name); err != nil {
			t.Fatal(err)
		}
		ns, err := dir.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ns.Close() })
		files = append(files, ns)
	}
	return files[0], files[1]
}

// pair makes a veth pair x, y in a namespace.
func pair(t *testing.T, ns *os.File) {
	t.Helper()
	h, err := netlink.NewHandleAt(vnetns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := h.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "x"}, PeerName: "y"}); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, ns *os.File, name string) Interface {
	t.Helper()
	i, err := Find(ns, name)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestMoveAndName(t *testing.T) {
	a, b := spaces(t)
	pair(t, a)
	mac := net.HardwareAddr{0x00, 0x11, 0x22, 0x33, 0x01, 0x02}
	if err := MoveAndName(t.Context(), a, find(t, a, "x").Index, b, "ens1f0", mac); err != nil {
		t.Fatal(err)
	}
	got := find(t, b, "ens1f0")
	got.Index = 0
	if diff := cmp.Diff(Interface{Name: "ens1f0", MAC: mac}, got); diff != "" {
		t.Errorf("moved interface (-want +got):\n%s", diff)
	}
	var missing netlink.LinkNotFoundError
	if _, err := Find(a, "x"); !errors.As(err, &missing) {
		t.Errorf("interface in the old namespace: %v, want LinkNotFoundError", err)
	}
	if err := MoveAndName(t.Context(), b, find(t, b, "ens1f0").Index, b, "ens1f1", mac); err != nil {
		t.Errorf("rename in place: %v", err)
	}
	find(t, b, "ens1f1")

	y := find(t, a, "y").Index
	for name, err := range map[string]error{
		"a name of 16 bytes":     MoveAndName(t.Context(), a, y, b, "a234567890123456", mac),
		"an interface not there": MoveAndName(t.Context(), a, 9999, b, "z", mac),
		"a short MAC":            MoveAndName(t.Context(), a, y, b, "z", mac[:5]),
	} {
		if err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	find(t, a, "y")
	if err := MoveAndName(t.Context(), a, y, b, "ens1f1", mac); !errors.Is(err, unix.EEXIST) {
		t.Errorf("a name that is taken: %v, want EEXIST", err)
	}
}

func TestUpDownAndCarrier(t *testing.T) {
	a, b := spaces(t)
	pair(t, a)
	mac := net.HardwareAddr{0x00, 0x11, 0x22, 0x33, 0x01, 0x02}
	if err := MoveAndName(t.Context(), a, find(t, a, "y").Index, b, "y", mac); err != nil {
		t.Fatal(err)
	}
	expect := func(ns *os.File, name string, up, carrier bool) {
		t.Helper()
		if got := find(t, ns, name); got.Up != up || got.Carrier != carrier {
			t.Errorf("%s = %+v, want up %t, carrier %t", name, got, up, carrier)
		}
	}
	set := func(ns *os.File, name string, up bool) {
		t.Helper()
		if err := SetUp(ns, name, up); err != nil {
			t.Fatal(err)
		}
	}
	expect(a, "x", false, false)
	set(a, "x", true)
	expect(a, "x", true, false)

	changed := make(chan error, 1)
	go func() { changed <- AwaitCarrier(t.Context(), a, "x", true) }()
	set(b, "y", true)
	if err := <-changed; err != nil {
		t.Fatal(err)
	}
	expect(a, "x", true, true)
	expect(b, "y", true, true)
	if err := AwaitCarrier(t.Context(), a, "x", true); err != nil {
		t.Errorf("wait for what is: %v", err)
	}
	set(b, "y", false)
	if err := AwaitCarrier(t.Context(), a, "x", false); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := AwaitCarrier(ctx, a, "x", true); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wait for what never comes = %v, want DeadlineExceeded", err)
	}
	if err := SetUp(a, "none", true); err == nil {
		t.Error("an interface that is not there is set up")
	}
}

// TestDevices needs the driver with ptplab's patches.
func TestDevices(t *testing.T) {
	if !Kernel.Loaded() {
		t.Skip("this kernel has no netdevsim driver")
	}
	a, b := spaces(t)
	const one, two = 4001, 4002
	var devices []Device
	for _, id := range []int{one, two} {
		d, err := Kernel.Create(t.Context(), id, 2, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := d.Delete(); err != nil {
				t.Error(err)
			}
		})
		devices = append(devices, d)
	}
	own, err := os.Open("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	ends := make([]End, 2)
	for i, ns := range []*os.File{a, b} {
		state, err := devices[i].Port(0)
		if err != nil {
			t.Fatal(err)
		}
		if err := MoveAndName(t.Context(), own, state.IfIndex, ns, "ens1f0", net.HardwareAddr{0, 0x11, 0x22, 0x33, 1, byte(i)}); err != nil {
			t.Fatal(err)
		}
		state, err = devices[i].Port(0)
		inode, _ := netns.Inode(ns)
		if err != nil || state.Name != "ens1f0" || state.NetNS != inode {
			t.Errorf("port = %+v, %v, want ens1f0 in %d", state, err, inode)
		}
		ends[i] = End{ns, state.IfIndex}
		if err := SetUp(ns, "ens1f0", true); err != nil {
			t.Fatal(err)
		}
	}
	if err := Kernel.Link(ends[0], ends[1]); err != nil {
		t.Fatal(err)
	}
	if err := AwaitCarrier(t.Context(), b, "ens1f0", true); err != nil {
		t.Error(err)
	}
	if err := SetUp(a, "ens1f0", false); err != nil {
		t.Fatal(err)
	}
	if err := AwaitCarrier(t.Context(), b, "ens1f0", false); err != nil {
		t.Error(err)
	}
	if err := Kernel.Unlink(ends[0]); err != nil {
		t.Error(err)
	}
	model := LinkModel{DelayNs: 1000, AsymmetryNs: -200, JitterNs: 10, LossPPM: 5, Seed: 7}
	if err := devices[0].SetLink(1, model); err != nil {
		t.Fatal(err)
	}
	if got, err := devices[0].LinkModel(1); err != nil || got != model {
		t.Errorf("LinkModel = %+v, %v, want %+v", got, err, model)
	}
	clock := devices[0].Clock()
	if err := clock.SetTrueErrorNs(-5_000_000_000); err != nil {
		t.Fatal(err)
	}
	if ns, err := clock.TrueErrorNs(); err != nil || ns != -5_000_000_000 {
		t.Errorf("TrueErrorNs = %d, %v, want -5 s", ns, err)
	}
	first, err := devices[0].ClockIndex()
	second, err2 := devices[1].ClockIndex()
	if err != nil || err2 != nil || first == second {
		t.Errorf("clock indexes %d, %d, %v, %v, want two", first, second, err, err2)
	}
}
