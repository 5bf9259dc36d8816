package sut

import (
	"context"
	"fmt"

	"github.com/ptplab/ptplab/conformance/ptpconfig"
)

// Configurer is implemented by a System whose clocks are configured by PtpConfig objects that the suite may change.
// What is running follows the objects soon after, not at once.
type Configurer interface {
	// Configs lists the objects of the PTP namespace, those of others too.
	Configs(ctx context.Context) ([]ptpconfig.PtpConfig, error)
	// PutConfig creates an object or replaces the one of its name. One that the system's validation (on a cluster, the webhook)
	// turns down changes nothing and is a *RefusedError.
	PutConfig(ctx context.Context, object ptpconfig.PtpConfig) error
	// DeleteConfig deletes an object; one that does not exist is no error.
	DeleteConfig(ctx context.Context, name string) error
	// Labels lists the keys of a node's labels.
	Labels(ctx context.Context, node string) ([]string, error)
	// SetLabel gives a node a label with an empty value, or takes it away.
	SetLabel(ctx context.Context, node, key string, present bool) error
}

// SecretKeeper is implemented by a System that mounts secrets into its nodes at /etc/ptp-secret-mount/<name>/<key>.
type SecretKeeper interface {
	// PutSecret creates a secret or replaces the one of its name.
	PutSecret(ctx context.Context, s ptpconfig.Secret) error
	// DeleteSecret deletes a secret; one that does not exist is no error.
	DeleteSecret(ctx context.Context, name string) error
}

// Daemon is implemented by a System that can start the PTP daemon of a node anew, with all its processes. On a cluster
// it deletes the pod.
type Daemon interface {
	// RestartDaemon returns when the old daemon is gone; the new one may still be starting.
	RestartDaemon(ctx context.Context, node string) error
	// Ready says whether the daemon has applied its configuration and its processes run: what /ready says (200, else the body).
	Ready(ctx context.Context, node string) (ready bool, why string, err error)
}

// RefusedError says that the validation of a system turned an object down.
type RefusedError struct {
	Object string // "PtpConfig test-slave1"
	Reason string // as the validation puts it
}

// Error is one sentence.
func (e *RefusedError) Error() string { return fmt.Sprintf("%s was refused: %s", e.Object, e.Reason) }

// UnavailableError says that a System has a method for something that it cannot do as it now is, such as measuring CPU
// use in virtual time. The spec that needs it is skipped with the reason.
type UnavailableError struct{ Reason string }

// Error is the reason.
func (e *UnavailableError) Error() string { return e.Reason }
