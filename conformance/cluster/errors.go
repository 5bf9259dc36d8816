package cluster

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/ptplab/ptplab/conformance/sut"
)

// ConfigError says that the kubeconfig, its context or its credentials are wrong: a mistake of whoever called.
type ConfigError struct {
	Text string
	Err  error // nil if Text says it all
}

// Error is one sentence.
func (e *ConfigError) Error() string { return sentence(e.Text, e.Err) }

// Unwrap is the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// NotReadyError says that the cluster cannot be tested as it is: it cannot be reached, or has no PTP operator.
type NotReadyError struct {
	Text string
	Err  error // nil if Text says it all
}

// Error is one sentence.
func (e *NotReadyError) Error() string { return sentence(e.Text, e.Err) }

// Unwrap is the cause.
func (e *NotReadyError) Unwrap() error { return e.Err }

// AccessError says that the user of the kubeconfig lacks rights in the cluster.
type AccessError struct {
	Missing []Right // what an access review has found; nil if the API server refused a request
	Err     error
}

// Error lists what is missing, one right a line.
func (e *AccessError) Error() string {
	if len(e.Missing) == 0 {
		return e.Err.Error() + "; ask an administrator of the cluster for this right"
	}
	var text strings.Builder
	text.WriteString("the user of the kubeconfig lacks rights that the suite needs; ask an administrator of the cluster for:")
	for _, r := range e.Missing {
		text.WriteString("\n  " + r.String())
	}
	return text.String()
}

// Unwrap is the cause.
func (e *AccessError) Unwrap() error { return e.Err }

func sentence(text string, err error) string {
	if err == nil {
		return text
	}
	return text + ": " + err.Error()
}

// explain adds to an error of the API what was being done, and gives it the type that tells whose it is to mend.
func (s *System) explain(err error, act string, args ...any) error {
	if err == nil {
		return nil
	}
	act = fmt.Sprintf(act, args...)
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case apierrors.IsUnauthorized(err):
		return &ConfigError{fmt.Sprintf("the API server %s does not accept the credentials of the kubeconfig; they may have expired: log in again", s.config.Host), err}
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid):
		return &ConfigError{fmt.Sprintf("the certificate of API server %s is not what the kubeconfig expects; take a fresh kubeconfig", s.config.Host), err}
	case strings.Contains(err.Error(), "getting credentials:"):
		return &ConfigError{"the program that the kubeconfig names for credentials", err}
	case apierrors.IsForbidden(err) && !denied(err):
		return &AccessError{Err: fmt.Errorf("%s: %w", act, err)}
	case unreachable(err):
		return &NotReadyError{fmt.Sprintf("the API server %s cannot be reached; see that it runs and that this machine has a way there", s.config.Host), err}
	}
	return fmt.Errorf("%s: %w", act, err)
}

// unreachable says whether no API server has answered.
func unreachable(err error) bool {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return false
	}
	var request *url.Error
	var network net.Error
	return errors.As(err, &request) || errors.As(err, &network)
}

// denied says whether an admission webhook turned the request down.
func denied(err error) bool { return strings.Contains(err.Error(), "denied the request") }

// refused is a *sut.RefusedError if the cluster's validation, by webhook or schema, turned an object down; else nil.
func refused(object string, err error) error {
	if !denied(err) && !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
		return nil
	}
	reason := err.Error()
	if _, after, ok := strings.Cut(reason, "denied the request: "); ok {
		reason = after
	}
	return &sut.RefusedError{Object: object, Reason: reason}
}
