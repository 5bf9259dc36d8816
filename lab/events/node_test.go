package events_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	consumer "github.com/ptplab/ptplab/conformance/events"
	"github.com/ptplab/ptplab/lab/events"
	"github.com/ptplab/ptplab/lab/node"
	"github.com/ptplab/ptplab/lab/topology"
)

// What ptp4l 4.2 writes until it is locked, and when its link fails.
const (
	lockLines = `ptp4l[10.100]: [ptp4l.0.config:5] port 1 (ens4f0): INITIALIZING to LISTENING on INIT_COMPLETE
ptp4l[10.600]: [ptp4l.0.config:5] selected best master clock 001122.fffe.330102
ptp4l[10.600]: [ptp4l.0.config:5] port 1 (ens4f0): LISTENING to UNCALIBRATED on RS_SLAVE
ptp4l[10.700]: [ptp4l.0.config:6] master offset      83524 s0 freq      -0 path delay       500
ptp4l[10.800]: [ptp4l.0.config:5] port 1 (ens4f0): UNCALIBRATED to SLAVE on MASTER_CLOCK_SELECTED
ptp4l[10.800]: [ptp4l.0.config:6] master offset         -7 s2 freq   +1000 path delay       501
`
	faultLine = "ptp4l[20.100]: [ptp4l.0.config:5] port 1 (ens4f0): SLAVE to FAULTY on FAULT_DETECTED (FT_UNSPECIFIED)\n"
)

// TestWithNode lets a real node read the log of a ptp4l, and follows it with the consumer.
func TestWithNode(t *testing.T) {
	dir := t.TempDir()
	output := filepath.Join(dir, "output")
	write := func(text string) {
		t.Helper()
		f, err := os.OpenFile(output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := fmt.Fprint(f, text); err != nil {
			t.Fatal(err)
		}
	}
	write(lockLines)
	n, err := node.New(node.Options{
		Name: "w1", RunDir: dir, ReadEvery: 5 * time.Millisecond,
		Enter: func([]string) *exec.Cmd { return exec.Command("tail", "-s", "0.01", "-n", "+1", "-f", output) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Stop(t.Context())
	plan := &topology.Plan{Clocks: []topology.Clock{{Name: "oc", Worker: "w1", Type: topology.ClockOrdinary, ReceivePorts: []string{"ens4f0"}}}}
	if err := n.Apply(t.Context(), node.PtpConfigs(plan)[:1]); err != nil {
		t.Fatal(err)
	}
	for seen := uint64(0); len(n.Status().Clocks) == 0 || n.Status().Clocks[0].State != consumer.Locked; {
		if seen, err = n.WaitChange(t.Context(), seen); err != nil {
			t.Fatal(err)
		}
	}
	network := consumer.InProcess{}
	server, err := events.New(events.Options{Name: "w1", Node: n, Transport: network, Store: filepath.Join(dir, "subscriptions")})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Crash()
	c, err := consumer.New(consumer.Options{
		Endpoint: "http://consumer", Transport: network, Clock: clock{}, Interval: 5 * time.Millisecond, MaxLatency: 10 * time.Second,
		Received: func(*http.Request) time.Time { return time.Now() },
	})
	if err != nil {
		t.Fatal(err)
	}
	network["w1"], network["consumer"] = server, c
	lock := consumer.Address("w1", consumer.LockState)
	if _, err := c.Subscribe(t.Context(), "http://w1", lock); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ lines, state string }{{"", consumer.Locked}, {faultLine, consumer.Holdover}, {lockLines, consumer.Locked}} {
		mark := c.Mark()
		if step.lines == "" {
			mark = 0
		}
		write(step.lines)
		if _, err := c.Await(t.Context(), consumer.State(lock, "/ens4fx/master", step.state, mark), 10*time.Second); err != nil {
			t.Error(err)
		}
	}
	if err := c.Compare(t.Context(), 5*time.Second); err != nil {
		t.Error(err)
	}
	if err := c.Err(); err != nil {
		t.Error(err)
	}
}
