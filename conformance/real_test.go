//go:build lab

package conformance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ptplab/ptplab/conformance"
	"github.com/ptplab/ptplab/conformance/pmc"
	"github.com/ptplab/ptplab/conformance/sabotage"
	"github.com/ptplab/ptplab/conformance/specs"
	"github.com/ptplab/ptplab/conformance/sut"
)

// real is a grandmaster, a boundary clock and an ordinary clock: three real ptp4l in three network namespaces, with software
// time stamps and free running, so that they leave this machine's clock alone. It has no metrics.
type real struct {
	sut.System // none; the methods that the path area needs are below
	dir        string
	inventory  sut.Inventory
}

const realConfig = `[global]
dataset_comparison G.8275.x
domainNumber 24
network_transport L2
time_stamping software
free_running 1
logAnnounceInterval -3
logSyncInterval -4
logMinDelayReqInterval -4
announceReceiptTimeout 3
`

func (r *real) Inventory(context.Context) (sut.Inventory, error) { return r.inventory, nil }
func (r *real) Now(context.Context) (time.Time, error)           { return time.Now(), nil }

func (r *real) Sleep(ctx context.Context, d time.Duration) error {
	pause, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-pause.Done()
	return ctx.Err()
}

func (r *real) Exec(ctx context.Context, node string, argv []string) (sut.Result, error) {
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", node}, argv...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	status := cmd.ProcessState.ExitCode()
	if wait, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		status = 128 + int(wait.Signal())
	}
	return sut.Result{Stdout: stdout.String(), Stderr: stderr.String(), Exit: status}, err
}

// command runs a program that must succeed.
func command(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}

func newReal(t *testing.T) *real {
	t.Helper()
	dir := t.TempDir()
	instance := func(name string, kind sut.InstanceType, receive, transmit []string, upstream ...string) sut.Instance {
		return sut.Instance{
			Name: name, Node: fmt.Sprintf("pc%d%s", os.Getpid(), name), Type: kind, Domain: 24, ReceivePorts: receive, TransmitPorts: transmit,
			Config: filepath.Join(dir, name+".config"), Upstream: upstream,
		}
	}
	r := &real{dir: dir, inventory: sut.Inventory{Instances: []sut.Instance{
		instance("gm", sut.Grandmaster, nil, []string{"e0"}),
		instance("bc", sut.Boundary, []string{"e0"}, []string{"e1"}, "gm"),
		instance("oc", sut.Ordinary, []string{"e0"}, nil, "bc"),
	}}}
	for _, i := range r.inventory.Instances {
		r.inventory.Nodes = append(r.inventory.Nodes, i.Node)
		command(t, "ip", "netns", "add", i.Node)
		t.Cleanup(func() { command(t, "ip", "netns", "del", i.Node) })
	}
	gm, bc, oc := r.inventory.Nodes[0], r.inventory.Nodes[1], r.inventory.Nodes[2]
	command(t, "ip", "link", "add", "e0", "netns", gm, "type", "veth", "peer", "name", "e0", "netns", bc)
	command(t, "ip", "link", "add", "e1", "netns", bc, "type", "veth", "peer", "name", "e0", "netns", oc)
	for _, i := range r.inventory.Instances {
		r.start(t, i)
	}
	return r
}

// start starts the ptp4l of an instance.
func (r *real) start(t *testing.T, i sut.Instance) {
	t.Helper()
	text := realConfig + fmt.Sprintf("uds_address %s/%s.sock\nuds_ro_address %s/%s.ro\n", r.dir, i.Name, r.dir, i.Name)
	switch i.Type {
	case sut.Grandmaster:
		text += "clockClass 6\n"
	case sut.Ordinary:
		text += "clientOnly 1\n"
	}
	for _, port := range i.ReceivePorts {
		text += "[" + port + "]\n"
		command(t, "ip", "-n", i.Node, "link", "set", port, "up")
	}
	for _, port := range i.TransmitPorts {
		text += "[" + port + "]\nserverOnly 1\n"
		command(t, "ip", "-n", i.Node, "link", "set", port, "up")
	}
	if err := os.WriteFile(i.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", i.Node, "ptp4l", "-f", i.Config, "-m")
	log := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", i, log)
		}
	})
}

// TestRealPath lets the path area and the sabotages' scripts meet real ptp4l.
func TestRealPath(t *testing.T) {
	system := newReal(t)
	settings := specs.DefaultSettings()
	settings.LockWithin = 12 * time.Second
	options := conformance.Options{LabelFilter: "path", Settings: &settings}
	if report := run(t, system, options); !report.OK() {
		t.Fatalf("honest:\n%s", table(t, report))
	}
	for _, c := range []struct{ name, want string }{
		{"impostor beside a transmit port", "parent of oc on " + system.inventory.Nodes[2] + " is 0a0000.fffe.00dead"},
		{"upstream ptp4l stopped", "no answer within 5 s"},
	} {
		broken, undo, err := byName(t, c.name).Apply(context.Background(), system)
		if err != nil {
			t.Fatal(err)
		}
		report := run(t, broken, options)
		if text := strings.Join(strings.Fields(table(t, report)), " "); report.Failed == 0 || !strings.Contains(text, c.want) {
			t.Errorf("%s: want a failure with %q:\n%s", c.name, c.want, table(t, report))
		}
		t.Logf("%s:\n%s", c.name, table(t, report))
		if err := undo(context.Background()); err != nil {
			t.Fatal(err)
		}
		if report := run(t, system, options); !report.OK() {
			t.Fatalf("after %s:\n%s", c.name, table(t, report))
		}
	}
	ports, err := pmc.Get(context.Background(), system, system.inventory.Instances[1], "PORT_DATA_SET")
	if err != nil || len(ports["PORT_DATA_SET"]) != 2 {
		t.Errorf("ports of the boundary clock: %v, %v", ports, err)
	}
}

func byName(t *testing.T, name string) sabotage.Sabotage {
	t.Helper()
	for _, s := range sabotage.All() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no sabotage %q", name)
	return sabotage.Sabotage{}
}
