package operator

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ptplab/ptplab/lab/kube/certificate"
)

// How long the certificates are valid, and how long before their end they are replaced.
const (
	authorityValid = 10 * 365 * 24 * time.Hour
	servingValid   = 90 * 24 * time.Hour
	renewBefore    = 30 * 24 * time.Hour
	issueTries     = 5 // of several operators that issue one at the same time, one wins
)

// The keys of the certificate's secret.
const (
	authorityCertificate = "ca.crt"
	authorityKey         = "ca.key"
)

// hosts are the names by which the API server calls the webhook.
func (o *Operator) hosts() []string {
	service := WebhookService + "." + o.options.Namespace
	return []string{service + ".svc", service + ".svc.cluster.local"}
}

// renewCertificates looks at the certificate whenever its secret may have changed, until ctx ends.
func (o *Operator) renewCertificates(ctx context.Context) {
	tick := time.NewTicker(certificateEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-o.serving.changed:
		}
		if err := o.renewCertificate(ctx); err != nil && ctx.Err() == nil {
			o.options.Log.Warn("the webhook's certificate stays as it is", "error", err)
		}
	}
}

// renewCertificate serves with the certificate of the secret, and issues a new one if that is missing, wrong or old.
func (o *Operator) renewCertificate(ctx context.Context) error {
	var err error
	for range issueTries {
		var data map[string][]byte
		if data, err = o.issue(ctx); err == nil {
			return o.serveWith(data)
		}
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			break
		}
	}
	return fmt.Errorf("secret %s: %w", certificateName, err)
}

func (o *Operator) serveWith(data map[string][]byte) error {
	pair, err := tls.X509KeyPair(data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return fmt.Errorf("certificate of secret %s: %w", certificateName, err)
	}
	o.serving.certificate.Store(&pair)
	return nil
}

// issue is the content of the secret, made new where it is not as it should be.
func (o *Operator) issue(ctx context.Context) (map[string][]byte, error) {
	secrets := o.kube.CoreV1().Secrets(o.options.Namespace)
	secret, err := secrets.Get(ctx, certificateName, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return nil, err
	}
	now := o.options.Now()
	if !missing && checkCertificate(secret.Data, o.hosts(), now) == nil {
		return secret.Data, nil
	}
	var old map[string][]byte
	if !missing {
		old = secret.Data
	}
	data, err := newCertificate(old, o.hosts(), now)
	if err != nil {
		return nil, err
	}
	if missing {
		_, err = secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: certificateName, Labels: managed()}, Type: corev1.SecretTypeTLS, Data: data,
		}, metav1.CreateOptions{FieldManager: fieldManager})
		return data, err
	}
	secret = secret.DeepCopy()
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	maps.Copy(secret.Data, data)
	_, err = secrets.Update(ctx, secret, metav1.UpdateOptions{FieldManager: fieldManager})
	return data, err
}

// checkCertificate says why a secret's certificate must be replaced, nil if it need not.
func checkCertificate(data map[string][]byte, hosts []string, now time.Time) error {
	pair := certificate.Pair{Certificate: data[corev1.TLSCertKey], Key: data[corev1.TLSPrivateKeyKey]}
	return pair.Check(data[authorityCertificate], hosts, now, renewBefore)
}

// newCertificate issues a certificate, by the old authority if that will do: then who trusts it need not learn another.
func newCertificate(old map[string][]byte, hosts []string, now time.Time) (map[string][]byte, error) {
	authority := certificate.Pair{Certificate: old[authorityCertificate], Key: old[authorityKey]}
	subject := certificate.Subject{Name: hosts[0], Hosts: hosts}
	serving, err := authority.Issue(subject, now, servingValid)
	if err != nil || serving.Check(authority.Certificate, hosts, now, servingValid) != nil {
		if authority, err = certificate.NewAuthority(Name+"-webhook", now, authorityValid); err != nil {
			return nil, err
		}
		if serving, err = authority.Issue(subject, now, servingValid); err != nil {
			return nil, err
		}
	}
	return map[string][]byte{
		corev1.TLSCertKey: serving.Certificate, corev1.TLSPrivateKeyKey: serving.Key,
		authorityCertificate: authority.Certificate, authorityKey: authority.Key,
	}, nil
}

// keepWebhook tells the API server which authority the webhook's certificate is of.
func (o *Operator) keepWebhook(ctx context.Context) error {
	configuration, err := o.webhooks.Get(WebhookName)
	if apierrors.IsNotFound(err) {
		return nil // nobody asks the webhook
	}
	if err != nil {
		return err
	}
	secret, err := o.secrets.Get(certificateName)
	if apierrors.IsNotFound(err) {
		return nil // it is being made, and a watch tells of it
	}
	if err != nil {
		return err
	}
	authority := secret.Data[authorityCertificate]
	var patches []map[string]any
	for _, webhook := range configuration.Webhooks {
		if !bytes.Equal(webhook.ClientConfig.CABundle, authority) {
			patches = append(patches, map[string]any{"name": webhook.Name, "clientConfig": map[string]any{"caBundle": authority}})
		}
	}
	if len(patches) == 0 {
		return nil
	}
	text, err := json.Marshal(map[string]any{"webhooks": patches})
	if err != nil {
		return err
	}
	_, err = o.kube.AdmissionregistrationV1().ValidatingWebhookConfigurations().Patch(ctx, WebhookName, types.StrategicMergePatchType, text,
		metav1.PatchOptions{FieldManager: fieldManager})
	if err != nil {
		return fmt.Errorf("authority of the webhook: %w", err)
	}
	return nil
}
