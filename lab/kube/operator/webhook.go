package operator

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	admission "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ptplab/ptplab/lab/node"
)

// serving is the state of the webhook.
type serving struct {
	up          atomic.Bool
	certificate atomic.Pointer[tls.Certificate]
	changed     chan struct{} // has an element when the secret may have changed
}

// change tells that the secret may have changed.
func (s *serving) change() {
	select {
	case s.changed <- struct{}{}:
	default: // it is known already
	}
}

// certificateEvery is how often the certificate is looked at when no watch tells of it.
const certificateEvery = 10 * time.Minute

// serveWebhook answers the API server until ctx ends, whether this operator leads or not.
func (o *Operator) serveWebhook(ctx context.Context) error {
	if err := o.renewCertificate(ctx); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.options.Webhook)
	if err != nil {
		return err
	}
	listener = tls.NewListener(listener, &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return o.serving.certificate.Load(), nil },
	})
	renewing := make(chan struct{})
	go func() { defer close(renewing); o.renewCertificates(ctx) }()
	defer func() { <-renewing }()
	o.serving.up.Store(true)
	defer o.serving.up.Store(false)
	return o.serve(ctx, o.webhook(), listener)
}

// webhook is upstream's paths.
func (o *Operator) webhook() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /validate-ptp-openshift-io-v1-ptpconfig", review(o.validateConfig))
	mux.Handle("POST /validate-ptp-openshift-io-v1-ptpoperatorconfig", review(validateOperatorConfig))
	return mux
}

// maxReview bounds a request, in bytes; the API server's own limit for an object is smaller.
const maxReview = 8 << 20

// review answers requests for admission. An object for which validate has an error is turned down with it.
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
func review(validate func(context.Context, []byte) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReview))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		var asked admission.AdmissionReview
		if err := json.Unmarshal(text, &asked); err != nil || asked.Request == nil {
			http.Error(w, "this is no AdmissionReview with a request", http.StatusBadRequest)
			return
		}
		answer := &admission.AdmissionResponse{UID: asked.Request.UID, Allowed: true}
		if err := validate(r.Context(), asked.Request.Object.Raw); err != nil {
			answer.Allowed = false
			answer.Result = &metav1.Status{Status: metav1.StatusFailure, Message: err.Error(), Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden}
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(admission.AdmissionReview{TypeMeta: asked.TypeMeta, Response: answer}) // an error means that nobody waits for it
	})
}

// validateConfig turns down what upstream's webhook does, and texts that linuxptp cannot read.
func (o *Operator) validateConfig(ctx context.Context, text []byte) error {
	var c node.PtpConfig
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("read the PtpConfig: %w", err)
	}
	return errors.Join(c.Admit(), c.CheckKeys(func(secret string) (map[string][]byte, error) {
		// Not from the cache: the secret may have come a moment before the object.
		s, err := o.kube.CoreV1().Secrets(o.options.Namespace).Get(ctx, secret, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if s.Data == nil {
			return map[string][]byte{}, nil
		}
		return s.Data, nil
	}))
}

// validateOperatorConfig takes one object, with a version of the notification API that is served.
func validateOperatorConfig(_ context.Context, text []byte) error {
	var c struct {
		Metadata struct{ Name string }
		Spec     struct {
			PtpEventConfig struct{ APIVersion string }
		}
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("read the PtpOperatorConfig: %w", err)
	}
	if c.Metadata.Name != ConfigName {
		return fmt.Errorf("PtpOperatorConfig %q: there is only one, its name must be %q", c.Metadata.Name, ConfigName)
	}
	if why := node.RefuseAPIVersion(c.Spec.PtpEventConfig.APIVersion); why != "" {
		return errors.New(why)
	}
	return nil
}
