package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/client-go/dynamic"

	"github.com/ptplab/ptplab/lab/node"
)

// Socket is where the daemon's container tells that of the notifications what it knows, in a volume that both mount.
const Socket = "/cloud-native/events.sock"

// Options say for which node a daemon works. Node, Namespace and Client are needed; the rest is upstream's if empty.
type Options struct {
	Node        string            // of Kubernetes
	Namespace   string            // of the PTP objects
	SharedClock bool              // the nodes share one CLOCK_REALTIME, which one of them may steer
	Client      dynamic.Interface // of the cluster
	Stdout      io.Writer         // takes the log of the programs; nil: nobody reads it
	Log         *slog.Logger      // the daemon's own; nil: none

	RunDir         string                        // "": /var/run
	SecretDir      string                        // "": node.SecretMount
	Sysfs          string                        // "": /sys
	Socket         string                        // "": Socket
	MetricsAddress string                        // "": :9091
	ReadyAddress   string                        // "": :8081
	Enter          func(argv []string) *exec.Cmd // nil: as they are, because the daemon is in the node
	ReadEvery      time.Duration                 // see node.Options
	Settle         time.Duration                 // for how long nothing must change before it is applied; 0: 200 ms
	LookEvery      time.Duration                 // how often devices and secrets are looked at; 0: 5 s
}

// stopWithin is how long the programs may take to end; the pod has 5 s.
const stopWithin = 4 * time.Second

func (o Options) withDefaults() (Options, error) {
	if o.Node == "" || o.Namespace == "" || o.Client == nil {
		return o, errors.New("daemon: Node, Namespace and Client are needed")
	}
	for text, standard := range map[*string]string{
		&o.RunDir: "/var/run", &o.SecretDir: node.SecretMount, &o.Sysfs: "/sys", &o.Socket: Socket, &o.MetricsAddress: ":9091", &o.ReadyAddress: ":8081",
	} {
		if *text == "" {
			*text = standard
		}
	}
	if o.Stdout == nil {
		o.Stdout = io.Discard
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Enter == nil {
		o.Enter = func(argv []string) *exec.Cmd { return exec.Command(argv[0], argv[1:]...) }
	}
	if o.Settle <= 0 {
		o.Settle = 200 * time.Millisecond
	}
	if o.LookEvery <= 0 {
		o.LookEvery = 5 * time.Second
	}
	return o, nil
}

// daemon is one that runs.
type daemon struct {
	o       Options
	node    *node.Node
	cluster *cluster
	applied *wanted           // what the node runs; nil: nothing of this daemon's
	refused map[string]string // why objects are not applied, by name, as last told
	trouble string            // what went wrong when the daemon last looked, as last told
}

// Run is the daemon until ctx ends. It ends all programs that it has started.
func Run(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	n, err := node.New(node.Options{
		Name: o.Node, Enter: o.Enter, RunDir: o.RunDir, SecretDir: o.SecretDir, Log: o.Log, PHC: node.HardwareClock,
		Renumber: true, SystemClock: !o.SharedClock, ReadEvery: o.ReadEvery, LogBytes: -1,
	})
	if err != nil {
		return err
	}
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	servers, err := serve(n, o, fail)
	if err != nil {
		return err
	}
	defer servers.close()
	if err := clean(o.RunDir); err != nil { // now that the ports are this daemon's, no other one works here
		return err
	}
	endLog := printLog(n, o.Stdout)
	defer endLog()
	d := &daemon{o: o, node: n, cluster: watch(o), refused: map[string]string{}}
	d.follow(running)
	servers.close() // before the clocks stop: nobody is to be told of that as of a fault
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if err = n.Stop(within); ctx.Err() == nil {
		err = errors.Join(context.Cause(running), err)
	}
	return err
}

// clean removes the files of an earlier daemon's programs: they would tell of profiles that nobody runs.
func clean(dir string) error {
	for _, program := range []string{"ptp4l", "phc2sys", "ts2phc", "pmc"} {
		files, err := filepath.Glob(filepath.Join(dir, program+".*"))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("clean up: %w", err)
			}
		}
	}
	return nil
}
