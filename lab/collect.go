package lab

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ptplab/ptplab/lab/topology"
)

// CollectOptions say what to collect besides what is always collected.
type CollectOptions struct {
	Captures []Capture
	Filter   string            // of the captures, pcap-filter(7); "" takes all frames
	Tell     func(part string) // called as each part begins; may be nil
}

// PTPFilter takes the frames of PTP alone, with VLAN tags and without: EtherType 88F7 and UDP ports 319 and 320
// (IEEE 1588-2019, annexes C to E).
const PTPFilter = "ether proto 0x88f7 or udp port 319 or udp port 320 or (vlan and (ether proto 0x88f7 or udp port 319 or udp port 320))"

// Capture is a port whose frames are captured for a time of the lab.
type Capture struct {
	Port     topology.PortRef
	Duration time.Duration
}

// ParseCapture reads "w1/ens1f0:10s".
func ParseCapture(text string) (Capture, error) {
	i := strings.LastIndex(text, ":")
	if i < 0 {
		return Capture{}, fmt.Errorf("%q is not NODE/PORT:DURATION, such as w1/ens1f0:10s", text)
	}
	port, err := topology.ParsePortRef(text[:i])
	if err != nil {
		return Capture{}, err
	}
	d, err := time.ParseDuration(text[i+1:])
	if err != nil || d <= 0 {
		return Capture{}, fmt.Errorf("duration %q of port %s: write it as 10s or 2m, above 0", text[i+1:], port)
	}
	return Capture{port, d}, nil
}

// CollectError is a part that could not be collected.
type CollectError struct {
	Part string // the file or folder that it would be
	Err  error
}

// Error is one line.
func (e *CollectError) Error() string { return e.Part + ": " + oneLine(e.Err.Error()) }

// Unwrap is why.
func (e *CollectError) Unwrap() error { return e.Err }

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// collectSource is what is asked of a lab. A *Lab is one.
type collectSource interface {
	Running() (bool, error)
	Status(ctx context.Context) (*Status, error)
	Configs(ctx context.Context) (*Configs, error)
	Metrics(ctx context.Context, node string) (string, error)
	Logs(ctx context.Context, args LogsArgs, tell func(LogLine)) error
	Exec(ctx context.Context, args ExecArgs, stdout, stderr io.Writer) (int, error)
	Files(ctx context.Context, node string, tell func(CollectedFile)) error
	clusterObjects(ctx context.Context) (*clusterObjects, error)
}

// Files tells the files of a short fixed list that an owner has, the cluster's control plane or, for "", the lab's kernel.
func (l *Lab) Files(ctx context.Context, node string, tell func(CollectedFile)) error {
	return l.call(ctx, opCollect, CollectArgs{node}, nil, onEvent(tell))
}

// Collect writes a tar file, compressed with gzip, of all that tells how a lab is and how it came to be so, for who looks for
// a fault: CollectLayout says what is where. What cannot be collected is a *CollectError among faults, is noted in errors.txt
// of the file, and is no reason to stop; err is. The data of secrets is never in it.
func (l *Lab) Collect(ctx context.Context, w io.Writer, o CollectOptions) (faults []*CollectError, err error) {
	return collectAll(ctx, l, l.Record, l.dir(), w, o)
}

// CollectLayout are the folders of what Collect writes and what is in them.
func CollectLayout() [][2]string {
	return [][2]string{
		{"lab/", "the lab's record, plan, status and PtpConfigs, and the logs of its kernel, of its gateway and of Docker"},
		{"nodes/NODE/", "of each worker, grandmaster and switch: log, metrics, links, time stamping of its ports, and run/ with the configuration files of ptp4l and phc2sys; of a node of a cluster, its journal"},
		{"cluster/", "of a cluster: nodes, events, all objects of ptp.openshift.io, workloads and pods"},
		{"cluster/logs/", "what the containers print in openshift-ptp, openshift-monitoring and kube-system, and what those printed that were started anew"},
		{"pcap/", "the captures of --pcap"},
		{"errors.txt", "what could not be collected, if anything"},
	}
}

// collection is a tar file that is being made.
type collection struct {
	lab    collectSource
	record Record
	dir    string // of the lab on this machine
	o      CollectOptions
	out    *tar.Writer
	top    string // folder of everything
	err    error  // of writing
	faults []*CollectError
}

// partLimit is how long one part may take, by the clock of this machine.
const partLimit = time.Minute

func collectAll(ctx context.Context, from collectSource, record Record, dir string, w io.Writer, o CollectOptions) ([]*CollectError, error) {
	packed := gzip.NewWriter(w)
	c := &collection{lab: from, record: record, dir: dir, o: o, out: tar.NewWriter(packed), top: "ptplab-" + record.Name}
	c.outside()
	running, err := from.Running()
	switch {
	case err != nil:
		c.fault("nodes", err)
	case !running:
		c.fault("nodes", errors.New("the lab's kernel does not run; only what is on this machine was collected"))
	default:
		c.inside(ctx)
	}
	if ctx.Err() != nil {
		return c.faults, context.Cause(ctx)
	}
	var notes bytes.Buffer
	for _, f := range c.faults {
		fmt.Fprintln(&notes, f)
	}
	if notes.Len() > 0 {
		c.put("errors.txt", notes.Bytes())
	}
	return c.faults, errors.Join(c.err, c.out.Close(), packed.Close())
}

// put adds a file.
func (c *collection) put(name string, text []byte) {
	if c.err != nil {
		return
	}
	c.err = c.out.WriteHeader(&tar.Header{Name: path.Join(c.top, name), Mode: 0o644, Size: int64(len(text)), ModTime: time.Now(), Typeflag: tar.TypeReg})
	if c.err == nil {
		_, c.err = c.out.Write(text)
	}
}

func (c *collection) fault(part string, err error) {
	c.faults = append(c.faults, &CollectError{part, err})
}

// try makes a part of the tar file. What it has put before it fails stays.
func (c *collection) try(ctx context.Context, part string, make func(ctx context.Context) error) {
	c.tryWithin(ctx, partLimit, part, make)
}

func (c *collection) tryWithin(ctx context.Context, limit time.Duration, part string, make func(ctx context.Context) error) {
	if ctx.Err() != nil || c.err != nil {
		return
	}
	if c.o.Tell != nil {
		c.o.Tell(part)
	}
	inner, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it took more than %s", limit))
	defer cancel()
	err := make(inner)
	if err != nil && ctx.Err() == nil {
		if cause := context.Cause(inner); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		c.fault(part, err)
	}
}

// putJSON adds a value as JSON.
func (c *collection) putJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	c.put(name, append(text, '\n'))
	return nil
}

// outside adds what is on this machine.
func (c *collection) outside() {
	ctx := context.Background() // these are files, and short
	plan := c.record.Plan
	record := c.record
	record.Plan = nil
	c.try(ctx, "lab/record.json", func(context.Context) error { return c.putJSON("lab/record.json", record) })
	c.try(ctx, "lab/plan.json", func(context.Context) error {
		if plan == nil {
			return errors.New("the lab's record has none")
		}
		return c.putJSON("lab/plan.json", plan)
	})
	logs := []string{"console.log"}
	if plan != nil && hasCluster(plan) {
		logs = append(logs, "gateway.log")
	}
	for _, name := range logs {
		c.try(ctx, "lab/"+name, func(context.Context) error { return c.putFile(fileEnd("lab/"+name, filepath.Join(c.dir, name))) })
	}
}

// putFile adds a file that has been read, and says if that is not all of it.
func (c *collection) putFile(f CollectedFile) error {
	if f.Fault == "" || len(f.Bytes) > 0 {
		c.put(f.Name, f.Bytes)
	}
	switch {
	case f.Fault != "":
		return errors.New(f.Fault)
	case f.Cut:
		return fmt.Errorf("it is longer than %d MiB; this is its end", collectBytes>>20)
	}
	return nil
}

// inside adds what the lab's kernel knows.
func (c *collection) inside(ctx context.Context) {
	c.try(ctx, "lab/status.json", func(ctx context.Context) error {
		s, err := c.lab.Status(ctx)
		if err != nil {
			return err
		}
		return c.putJSON("lab/status.json", s)
	})
	plan := c.record.Plan
	if plan == nil {
		return
	}
	if !hasCluster(plan) {
		c.try(ctx, "lab/ptpconfigs.yaml", func(ctx context.Context) error {
			configs, err := c.lab.Configs(ctx)
			if err != nil {
				return err
			}
			c.put("lab/ptpconfigs.yaml", configs.YAML)
			return nil
		})
	}
	c.files(ctx, "lab", "")
	if hasCluster(plan) {
		c.cluster(ctx)
	}
	for _, owner := range owners(plan) {
		c.node(ctx, plan, owner)
	}
	for i, capture := range c.o.Captures {
		c.capture(ctx, plan, i, capture)
	}
}

// files adds the files of the fixed list.
func (c *collection) files(ctx context.Context, folder, node string) {
	c.try(ctx, folder+"/", func(ctx context.Context) error {
		return c.lab.Files(ctx, node, func(f CollectedFile) {
			f.Name = path.Join(folder, f.Name)
			if err := c.putFile(f); err != nil {
				c.fault(f.Name, err)
			}
		})
	})
}

// captureSlack is how long a capture may take longer than it lasts: where the lab's time is not the host's, it may be slow.
const captureSlack = 5 * time.Minute

// capture adds what a port sent and received for a time.
func (c *collection) capture(ctx context.Context, plan *topology.Plan, number int, capture Capture) {
	name := fmt.Sprintf("pcap/%s-%s.pcap", capture.Port.Owner, capture.Port.Port)
	same := func(other Capture) bool { return other.Port == capture.Port }
	if slices.ContainsFunc(c.o.Captures[:number], same) {
		name = fmt.Sprintf("pcap/%s-%s-%d.pcap", capture.Port.Owner, capture.Port.Port, number+1)
	}
	c.tryWithin(ctx, 10*capture.Duration+captureSlack, name, func(ctx context.Context) error {
		if nic, _ := plan.PortByRef(capture.Port); nic == nil {
			return fmt.Errorf("there is no port %s in the lab", capture.Port)
		}
		seconds := fmt.Sprintf("%.3f", capture.Duration.Seconds())
		argv := []string{"timeout", "--preserve-status", "--signal=INT", seconds,
			"tcpdump", "-i", capture.Port.Port, "--time-stamp-precision=nano", "-U", "-w", "-"}
		if c.o.Filter != "" {
			argv = append(argv, c.o.Filter)
		}
		text, err := c.output(ctx, capture.Port.Owner, argv)
		if len(text) > 0 {
			c.put(name, text)
		}
		return err
	})
}

// output is what a command prints in a node.
func (c *collection) output(ctx context.Context, node string, argv []string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	status, err := c.lab.Exec(ctx, ExecArgs{Node: node, Command: argv}, &stdout, &stderr)
	if err == nil && status != 0 {
		err = fmt.Errorf("%s: exit status %d: %s", argv[0], status, strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), err
}
