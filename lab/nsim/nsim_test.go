package nsim

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fake is a sysfs tree of plain files: what is written stays to be looked at.
type fake struct {
	*testing.T
	Driver
}

func newFake(t *testing.T) fake {
	t.Helper()
	f := fake{T: t, Driver: Driver(t.TempDir())}
	for _, name := range []string{"new_device", "del_device", "link_device", "unlink_device"} {
		f.put(filepath.Join("bus/netdevsim", name), "")
	}
	return f
}

func (f fake) put(file, text string) {
	f.Helper()
	path := filepath.Join(string(f.Driver), file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
}

func (f fake) get(file string) string {
	f.Helper()
	text, err := os.ReadFile(filepath.Join(string(f.Driver), file))
	if err != nil {
		f.Fatal(err)
	}
	return string(text)
}

// device puts what the kernel shows of a device.
func (f fake) device(id int, ports ...string) Device {
	f.Helper()
	d := f.Device(id)
	f.put("bus/netdevsim/devices/"+d.String()+"/uevent", "")
	base := "kernel/debug/netdevsim/" + d.String()
	for name, text := range map[string]string{"index": "4", "true_error_ns": "-17", "drift_ppt": "12345", "wander_ppt": "1000", "seed": "18446744073709551615"} {
		f.put(base+"/clock/"+name, text+"\n")
	}
	for i, state := range ports {
		port := base + "/ports/" + strconv.Itoa(i)
		f.put(port+"/netdev", state+"\n")
		for _, name := range []string{"delay_ns", "asymmetry_ns", "jitter_ns", "loss_ppm", "seed"} {
			f.put(port+"/link/"+name, "0\n")
		}
	}
	return d
}

func TestCreateAsksTheKernel(t *testing.T) {
	for _, test := range []struct {
		ports   int
		pci     string
		request string
	}{
		{2, "0000:1f:01.0", "7 2 1 0000:1f:01.0\n"},
		{1, "", "7 1 1\n"},
		{12, "", "7 12 1\n"},
	} {
		f := newFake(t)
		d := f.Device(7)
		for i := range test.ports { // the interfaces are there before the device's folder: a kernel that is at once
			f.put("kernel/debug/netdevsim/netdevsim7/ports/"+strconv.Itoa(i)+"/netdev", "3 4026531840 eni7np1\n")
		}
		got, err := f.Create(t.Context(), 7, test.ports, test.pci)
		if err != nil || got != d {
			t.Fatalf("Create = %v, %v", got, err)
		}
		if diff := cmp.Diff(test.request, f.get("bus/netdevsim/new_device")); diff != "" {
			t.Errorf("new_device (-want +got):\n%s", diff)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	for _, test := range []struct {
		name      string
		id, ports int
		pci       string
	}{
		{"negative number", -1, 1, ""}, {"no port", 1, 0, ""}, {"nine functions", 1, 9, "0000:1f:01.0"}, {"another function", 1, 1, "0000:1f:01.1"},
		{"slot above 1f", 1, 1, "0000:1f:20.0"}, {"text", 1, 1, "0000:1f:01.0 5"}, {"newline", 1, 1, "0000:1f:01.0\n"},
	} {
		f := newFake(t)
		if _, err := f.Create(t.Context(), test.id, test.ports, test.pci); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", test.name, err)
		}
		if got := f.get("bus/netdevsim/new_device"); got != "" {
			t.Errorf("%s: wrote %q", test.name, got)
		}
	}
	f := newFake(t)
	f.device(1)
	if _, err := f.Create(t.Context(), 1, 1, ""); !errors.Is(err, fs.ErrExist) {
		t.Errorf("device that exists: %v, want ErrExist", err)
	}
}

func TestCreateWaitsForEachPort(t *testing.T) {
	f := newFake(t)
	f.put("kernel/debug/netdevsim/netdevsim7/ports/0/netdev", "3 4026531840 eni7np1\n")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := f.Create(ctx, 7, 2, "")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "wait for port 1") || !strings.Contains(err.Error(), "ports/1/netdev") {
		t.Errorf("error = %v, want the wait, the port and the file", err)
	}

	late := make(chan struct{})
	go func() {
		defer close(late)
		time.Sleep(5 * time.Millisecond)
		f.put("kernel/debug/netdevsim/netdevsim7/ports/1/netdev", "4 4026531840 eni7np2\n")
	}()
	if _, err := f.Create(t.Context(), 7, 2, ""); err != nil {
		t.Error(err)
	}
	<-late
}

func TestListAndDelete(t *testing.T) {
	f := newFake(t)
	if list, err := f.List(); err != nil || len(list) != 0 {
		t.Errorf("List of none = %v, %v", list, err)
	}
	for _, id := range []int{10, 2, 1} {
		f.device(id, "3 1 a")
	}
	f.put("bus/netdevsim/devices/other/uevent", "")
	list, err := f.List()
	if diff := cmp.Diff([]Device{f.Device(1), f.Device(2), f.Device(10)}, list, cmp.AllowUnexported(Device{})); err != nil || diff != "" {
		t.Errorf("List: %v (-want +got):\n%s", err, diff)
	}
	if err := f.Device(10).Delete(); err != nil || f.get("bus/netdevsim/del_device") != "10\n" {
		t.Errorf("Delete: %v, wrote %q", err, f.get("bus/netdevsim/del_device"))
	}
	f.put("bus/netdevsim/del_device", "")
	if err := f.Device(99).Delete(); err != nil || f.get("bus/netdevsim/del_device") != "" {
		t.Errorf("Delete of none: %v, wrote %q", err, f.get("bus/netdevsim/del_device"))
	}
	if n, err := f.Device(2).Ports(); err != nil || n != 1 {
		t.Errorf("Ports = %d, %v", n, err)
	}
	if n, err := f.Device(99).Ports(); err != nil || n != 0 {
		t.Errorf("Ports of none = %d, %v", n, err)
	}
}

func TestPort(t *testing.T) {
	d := newFake(t).device(3, "17 4026532281 ens1f0", "", "x 1 a", "0 1 a", "3 -1 a", "3 1")
	want := PortState{IfIndex: 17, NetNS: 4026532281, Name: "ens1f0"}
	if got, err := d.Port(0); err != nil || got != want {
		t.Errorf("Port = %+v, %v, want %+v", got, err, want)
	}
	for i := 1; i < 6; i++ {
		if got, err := d.Port(i); err == nil || !strings.Contains(err.Error(), "/netdev") {
			t.Errorf("Port(%d) = %+v, %v, want an error with the file", i, got, err)
		}
	}
	if _, err := d.Port(6); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Port(6): %v, want ErrNotExist", err)
	}
}

func TestLinkAndUnlink(t *testing.T) {
	f := newFake(t)
	ns, err := os.Open("/dev/null") // any open file has a descriptor
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	fd := strconv.Itoa(int(ns.Fd()))
	if err := f.Link(End{ns, 5}, End{ns, 9}); err != nil {
		t.Fatal(err)
	}
	if got, want := f.get("bus/netdevsim/link_device"), fd+":5 "+fd+":9\n"; got != want {
		t.Errorf("link_device = %q, want %q", got, want)
	}
	if err := f.Unlink(End{ns, 9}); err != nil {
		t.Fatal(err)
	}
	if got, want := f.get("bus/netdevsim/unlink_device"), fd+":9\n"; got != want {
		t.Errorf("unlink_device = %q, want %q", got, want)
	}
}

func TestLinkModel(t *testing.T) {
	d := newFake(t).device(3, "17 1 a", "18 1 b")
	want := LinkModel{DelayNs: 1000, AsymmetryNs: -200, JitterNs: 10, LossPPM: 5, Seed: 1<<64 - 1}
	if err := d.SetLink(1, want); err != nil {
		t.Fatal(err)
	}
	if got, err := d.LinkModel(1); err != nil || got != want {
		t.Errorf("LinkModel = %+v, %v, want %+v", got, err, want)
	}
	if got, err := d.LinkModel(0); err != nil || got != (LinkModel{}) {
		t.Errorf("other port = %+v, %v, want zero", got, err)
	}
	for _, bad := range []LinkModel{{DelayNs: -1}, {DelayNs: maxDelay + 1}, {DelayNs: 10, AsymmetryNs: -11}, {AsymmetryNs: maxDelay + 1},
		{JitterNs: -1}, {JitterNs: maxDelay + 1}, {LossPPM: -1}, {LossPPM: maxLoss + 1}} {
		if err := d.SetLink(1, bad); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("SetLink(%+v) = %v, want ErrInvalid", bad, err)
		}
	}
	if got, err := d.LinkModel(1); err != nil || got != want {
		t.Errorf("after refused models = %+v, %v, want %+v", got, err, want)
	}
}

func TestLinkModelNeverPassesThroughANegativeDelay(t *testing.T) {
	models := []LinkModel{{}, {DelayNs: 100, AsymmetryNs: -100}, {DelayNs: 50, AsymmetryNs: -50}, {DelayNs: 50, AsymmetryNs: 70}, {DelayNs: 200, AsymmetryNs: -199}}
	for _, now := range models {
		for _, next := range models {
			delay, asymmetry := now.DelayNs, now.AsymmetryNs
			for _, w := range writes(now, next) {
				n, err := strconv.ParseInt(w.value, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				switch w.name {
				case "delay_ns":
					delay = n
				case "asymmetry_ns":
					asymmetry = n
				}
				if delay+asymmetry < 0 {
					t.Errorf("from %+v to %+v: %s = %s makes the delay negative", now, next, w.name, w.value)
				}
			}
			if delay != next.DelayNs || asymmetry != next.AsymmetryNs {
				t.Errorf("from %+v to %+v: ends at %d, %d", now, next, delay, asymmetry)
			}
		}
	}
	if got := writes(models[1], models[1]); len(got) != 0 {
		t.Errorf("writes of no change = %v", got)
	}
}

func TestErrorsNameFileAndValue(t *testing.T) {
	f := newFake(t)
	d := f.device(3, "17 1 a")
	knob := "kernel/debug/netdevsim/netdevsim3/clock/seed"
	path := filepath.Join(string(f.Driver), knob)
	if err := errors.Join(os.Remove(path), os.Symlink("/dev/full", path)); err != nil { // every write fails
		t.Fatal(err)
	}
	err := d.Clock().SetSeed(42)
	if err == nil || !strings.Contains(err.Error(), `"42"`) || !strings.Contains(err.Error(), knob) || !strings.Contains(err.Error(), "netdevsim3") {
		t.Errorf("error = %v, want value, file and device", err)
	}
}

func TestClock(t *testing.T) {
	f := newFake(t)
	d := f.device(3)
	c := d.Clock()
	if n, err := d.ClockIndex(); err != nil || n != 4 {
		t.Errorf("ClockIndex = %d, %v", n, err)
	}
	if ns, err := c.TrueErrorNs(); err != nil || ns != -17 {
		t.Errorf("TrueErrorNs = %d, %v", ns, err)
	}
	if ppb, err := c.DriftPPB(); err != nil || ppb != 12.345 {
		t.Errorf("DriftPPB = %v, %v", ppb, err)
	}
	if ppb, err := c.WanderPPB(); err != nil || ppb != 1 {
		t.Errorf("WanderPPB = %v, %v", ppb, err)
	}
	if seed, err := c.Seed(); err != nil || seed != 1<<64-1 {
		t.Errorf("Seed = %d, %v", seed, err)
	}
	for file, set := range map[string]func() error{
		"true_error_ns:-5000000000": func() error { return c.SetTrueErrorNs(-5000000000) },
		"drift_ppt:-4600000":        func() error { return c.SetDriftPPB(-4600) },
		"wander_ppt:1":              func() error { return c.SetWanderPPB(0.0011) },
		"seed:18446744073709551614": func() error { return c.SetSeed(1<<64 - 2) },
		"drift_ppt:500000000":       func() error { return c.SetDriftPPB(500000) },
		"wander_ppt:1000000":        func() error { return c.SetWanderPPB(1000) },
	} {
		name, want, _ := strings.Cut(file, ":")
		if err := set(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if got := f.get("kernel/debug/netdevsim/netdevsim3/clock/" + name); got != want+"\n" {
			t.Errorf("%s = %q, want %s", name, got, want)
		}
	}
	for _, ppb := range []float64{500000.001, -500000.001, 1e300} {
		if err := c.SetDriftPPB(ppb); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("SetDriftPPB(%v) = %v, want ErrInvalid", ppb, err)
		}
	}
	for _, ppb := range []float64{-0.001, 1000.001} {
		if err := c.SetWanderPPB(ppb); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("SetWanderPPB(%v) = %v, want ErrInvalid", ppb, err)
		}
	}
}

func TestLoaded(t *testing.T) {
	if !newFake(t).Loaded() {
		t.Error("the driver is not seen")
	}
	if Driver(t.TempDir()).Loaded() {
		t.Error("a driver is seen in an empty folder")
	}
}

func FuzzParsePort(f *testing.F) {
	for _, text := range []string{"17 4026532281 ens1f0", "", "1 2", "-1 2 a", "99999999999 1 a", "1 18446744073709551616 a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		state, err := parsePort(text)
		if err == nil && (state.IfIndex < 1 || state.Name == "") {
			t.Errorf("parsePort(%q) = %+v", text, state)
		}
	})
}
