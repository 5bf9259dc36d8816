package daemon

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/ptplab/ptplab/lab/node"
)

// wanted is what the cluster asks of the node.
type wanted struct {
	configs []node.PtpConfig // without fault, and that recommend anything for it
	labels  map[string]string
	steers  bool   // it may steer CLOCK_REALTIME
	secrets string // stands for the content of the mounted secrets
}

// follow lets the node run what the cluster wants, until ctx ends. Changes that come close together are applied
// together. What could not be done is tried again at the next look, which is never far.
func (d *daemon) follow(ctx context.Context) {
	d.o.Log.Info("wait for the API server", "node", d.o.Node)
	if !d.cluster.run(ctx) {
		return
	}
	look := time.NewTicker(d.o.LookEvery)
	defer look.Stop()
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		case <-d.cluster.changed:
			if !first {
				d.settle(ctx)
			}
		}
		err := errors.Join(d.apply(ctx), d.tellDevices(ctx))
		if ctx.Err() == nil {
			d.tell(err)
		}
	}
}

// settle waits until nothing has changed for a while, but not forever.
func (d *daemon) settle(ctx context.Context) {
	const most = 10 // times Settle
	timer := time.NewTimer(d.o.Settle)
	defer timer.Stop()
	for end := time.Now().Add(most * d.o.Settle); time.Now().Before(end); timer.Reset(d.o.Settle) {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-d.cluster.changed:
		}
	}
}

// tell logs what went wrong, once.
func (d *daemon) tell(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != d.trouble && text != "" {
		d.o.Log.Error("not done, and will be tried again", "node", d.o.Node, "error", text)
	}
	d.trouble = text
}

// apply makes the node run what is wanted, if that has changed.
func (d *daemon) apply(ctx context.Context) error {
	want, err := d.want()
	if err != nil {
		return err
	}
	if d.applied != nil && reflect.DeepEqual(*d.applied, want) {
		return nil
	}
	d.applied = nil
	d.node.SetLabels(want.labels)
	d.node.SetSystemClock(want.steers)
	if err := d.node.Apply(ctx, want.configs); err != nil {
		return fmt.Errorf("apply the PtpConfigs: %w", err)
	}
	d.applied = &want
	d.o.Log.Info("applied", "node", d.o.Node, "objects", names(want.configs), "steersSystemClock", want.steers)
	return nil
}

func names(configs []node.PtpConfig) []string {
	var all []string
	for _, c := range configs {
		all = append(all, c.Metadata.Name)
	}
	return all
}

// want is what the copies of the cluster's objects say. Who steers the system clock follows from all objects, also from
// those for other nodes: each daemon finds the same.
func (d *daemon) want() (wanted, error) {
	configs, bad := d.cluster.ptpConfigs()
	d.refuse(bad)
	labels := d.cluster.labels()
	want := wanted{configs: node.Recommended(configs, d.o.Node, labels[d.o.Node]), labels: labels[d.o.Node], steers: !d.o.SharedClock}
	if d.o.SharedClock {
		workers, err := d.cluster.workers(labels)
		if err != nil {
			return want, err
		}
		want.steers = node.SystemClockNode(configs, workers, labels) == d.o.Node
	}
	var err error
	want.secrets, err = fingerprint(d.o.SecretDir)
	return want, err
}

// refuse tells, once, which objects are not applied.
func (d *daemon) refuse(bad map[string]string) {
	for name, why := range bad {
		if d.refused[name] != why {
			d.o.Log.Error("PtpConfig refused", "name", name, "error", why)
		}
	}
	d.refused = bad
}

// fingerprint stands for the content of all secrets below a directory, <secret>/<key>.
func fingerprint(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil { // it goes, or is no key
			continue
		}
		fmt.Fprintf(sum, "%q %q\n", file, text)
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}
