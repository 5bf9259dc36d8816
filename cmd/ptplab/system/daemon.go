package system

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/lab"
)

// RestartDaemon starts all that a worker runs anew, with new counters and an empty log.
func (s *System) RestartDaemon(ctx context.Context, node string) error {
	if err := s.lab.Restart(ctx, node); err != nil {
		return fmt.Errorf("restart the daemon of %s: %w", node, err)
	}
	return nil
}

// Ready is what a worker's /ready says.
func (s *System) Ready(ctx context.Context, node string) (ready bool, why string, err error) {
	r, err := s.lab.Ready(ctx, node)
	return r.Ready, r.Why, err
}

// PutSecret creates a secret, or replaces the one of its name, on all workers.
func (s *System) PutSecret(ctx context.Context, secret ptpconfig.Secret) error {
	data := map[string][]byte{}
	for key, text := range secret.StringData {
		data[key] = []byte(text)
	}
	err := s.lab.PutSecret(ctx, lab.Secret{Name: secret.Name, Data: data})
	if refused, ok := errors.AsType[*lab.RefusedError](err); ok {
		return &sut.RefusedError{Object: "Secret " + secret.Name, Reason: refused.Reason}
	}
	if err != nil {
		return fmt.Errorf("put secret %s: %w", secret.Name, err)
	}
	return nil
}

// DeleteSecret deletes a secret.
func (s *System) DeleteSecret(ctx context.Context, name string) error {
	if err := s.lab.DeleteSecret(ctx, name); err != nil {
		return fmt.Errorf("delete secret %s: %w", name, err)
	}
	return nil
}

// unprivileged runs a program as the user and group nobody, without any way back.
func unprivileged() []string {
	return []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"}
}

// ExecUnprivileged runs a program on a node as an ordinary user.
func (s *System) ExecUnprivileged(ctx context.Context, node string, argv []string) (sut.Result, error) {
	return s.Exec(ctx, node, slices.Concat(unprivileged(), argv))
}

// Devices are the interfaces of a worker that can do PTP.
func (s *System) Devices(ctx context.Context, node string) ([]sut.Device, error) {
	found, err := s.lab.Devices(ctx, node)
	if err != nil {
		return nil, fmt.Errorf("list the devices of %s: %w", node, err)
	}
	var all []sut.Device
	for _, d := range found {
		all = append(all, sut.Device(d))
	}
	return all, nil
}

// Loads measures the CPU time that the programs of the workers use while a window passes.
func (s *System) Loads(ctx context.Context, window time.Duration) ([]sut.Load, error) {
	measured, err := s.lab.Loads(ctx, window)
	if unavailable, ok := errors.AsType[*lab.UnavailableError](err); ok {
		return nil, &sut.UnavailableError{Reason: unavailable.Reason}
	}
	if err != nil {
		return nil, fmt.Errorf("measure CPU use: %w", err)
	}
	var all []sut.Load
	for _, l := range measured {
		all = append(all, sut.Load{
			Node: l.Node, PodType: "linuxptp-daemon", Pod: "linuxptp-daemon-" + l.Node, Container: "linuxptp-daemon-container", Millicores: 1000 * l.CPU,
		})
	}
	return all, nil
}
