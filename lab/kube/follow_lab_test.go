//go:build lab

package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ptplab/ptplab/lab/kube/manifest"
	"github.com/ptplab/ptplab/lab/kube/operator"
)

const config = `
apiVersion: ptp.openshift.io/v1
kind: PtpConfig
metadata: {name: one}
spec:
  profile:
  - {name: bc, interface: ens1f0, ptp4lOpts: "-2", ptp4lConf: "[ens1f0]\nmasterOnly 0"}
  recommend:
  - {profile: bc, priority: 4, match: [{nodeName: w1}, {nodeLabel: ptp/bc}]}
---
apiVersion: ptp.openshift.io/v1
kind: PtpConfig
metadata: {name: two}
spec:
  profile:
  - {name: ha, ptp4lOpts: "", phc2sysOpts: "-a -r -n 24", ptpSettings: {haProfiles: "one_bc, gone"}}
  recommend:
  - {profile: ha, priority: 4, match: [{nodeName: w1}]}
`

// TestOperatorFollows changes what the operator goes by.
func TestOperatorFollows(t *testing.T) {
	s := newStack(t)
	if err := s.deploy(Options{}); err != nil {
		t.Fatal(err)
	}
	t.Run("status", func(t *testing.T) { s.followStatus() })
	t.Run("nodes", func(t *testing.T) { s.followNodes() })
	t.Run("secrets", func(t *testing.T) { s.followSecrets() })
	t.Run("settings", func(t *testing.T) { s.followSettings() })
	t.Run("monitor", func(t *testing.T) { s.followMonitor() })
	t.Run("authority", func(t *testing.T) { s.followAuthority() })
	t.Run("lease", func(t *testing.T) { s.followLease() })
}

func (s *stack) namespaced(plural string) source {
	return source{resource: resourceOfText("ptp.openshift.io/v1", plural), namespace: operator.DefaultNamespace}
}

// followStatus has the operator tell which nodes run which profiles.
func (s *stack) followStatus() {
	s.t.Helper()
	if err := PutConfigs(s.t.Context(), s.Config, []byte(config)); err != nil {
		s.t.Fatal(err)
	}
	have, want, err := ObserveConfigs(s.t.Context(), s.Config, []byte(config))
	if err != nil || have != 2 || want != 2 {
		s.t.Errorf("configs: %d of %d, %v", have, want, err)
	}
	s.statusIs("one", "[map[nodeName:w1 profile:bc]]", "True")
	s.statusIs("two", "[map[nodeName:w1 profile:ha]]", "False")
	label := []byte(`{"metadata":{"labels":{"ptp/bc":""}}}`)
	if _, err := s.kube.CoreV1().Nodes().Patch(s.t.Context(), "w2", types.MergePatchType, label, metav1.PatchOptions{}); err != nil {
		s.t.Fatal(err)
	}
	s.statusIs("one", "[map[nodeName:w1 profile:bc] map[nodeName:w2 profile:bc]]", "True")
}

func (s *stack) statusIs(name, matches, valid string) {
	s.t.Helper()
	s.eventually("the status of "+name, func(ctx context.Context) (bool, string, error) {
		object, err := s.dynamic.Resource(resourceOfText("ptp.openshift.io/v1", "ptpconfigs")).Namespace(operator.DefaultNamespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, "", err
		}
		list, _, _ := unstructured.NestedSlice(object.Object, "status", "matchList")
		conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
		seen := fmt.Sprint(list, conditions)
		good := len(conditions) == 1 && conditions[0].(map[string]any)["type"] == "ProfileReferenceValid" && conditions[0].(map[string]any)["status"] == valid
		return good && fmt.Sprint(list) == matches, seen, nil
	}, s.namespaced("ptpconfigs"))
}

// followNodes has a node come and go.
func (s *stack) followNodes() {
	s.t.Helper()
	devices := func(want ...string) {
		s.t.Helper()
		s.eventually("NodePtpDevices of "+strings.Join(want, ", "), func(ctx context.Context) (bool, string, error) {
			list, err := s.dynamic.Resource(resourceOfText("ptp.openshift.io/v1", "nodeptpdevices")).Namespace(operator.DefaultNamespace).List(ctx, listAll())
			if err != nil {
				return false, "", err
			}
			var names []string
			for _, o := range list.Items {
				names = append(names, o.GetName())
			}
			return slices.Equal(names, want), fmt.Sprint(names), nil
		}, s.namespaced("nodeptpdevices"))
	}
	devices("w1", "w2")
	s.AddNode("w3.example.org", map[string]string{workerLabel: ""})
	devices("w1", "w2", "w3.example.org")
	label := func(value string) {
		s.t.Helper()
		text := []byte(`{"metadata":{"labels":{"` + workerLabel + `":` + value + `}}}`)
		if _, err := s.kube.CoreV1().Nodes().Patch(s.t.Context(), "w3.example.org", types.MergePatchType, text, metav1.PatchOptions{}); err != nil {
			s.t.Fatal(err)
		}
	}
	label("null")
	devices("w1", "w2")
	label(`""`)
	devices("w1", "w2", "w3.example.org")
	if err := s.kube.CoreV1().Nodes().Delete(s.t.Context(), "w3.example.org", metav1.DeleteOptions{}); err != nil {
		s.t.Fatal(err)
	}
	devices("w1", "w2")
}

const signed = `
apiVersion: ptp.openshift.io/v1
kind: PtpConfig
metadata: {name: signed}
spec:
  profile:
  - {name: signed, ptp4lOpts: "-2", ptp4lConf: "[global]\nsa_file /etc/ptp-secret-mount/keys/sa.conf\nspp -1\n[ens1f0]\nspp 1"}
  recommend: []
`

// followSecrets has a secret come, go and come again.
func (s *stack) followSecrets() {
	t := s.t
	t.Helper()
	secrets := s.kube.CoreV1().Secrets(operator.DefaultNamespace)
	create := func(text string) {
		t.Helper()
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "keys"}, StringData: map[string]string{"sa.conf": text}}
		if _, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	remove := func() {
		t.Helper()
		if err := secrets.Delete(t.Context(), "keys", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put := func() error { return PutConfigs(t.Context(), s.Config, []byte(signed)) }
	if err := put(); err == nil || !strings.Contains(err.Error(), "denied the request") || !strings.Contains(err.Error(), "secret keys, which does not exist") {
		t.Errorf("no secret: %v", err)
	}
	create("spp 2\n")
	if err := put(); err == nil || !strings.Contains(err.Error(), "has spp 2") {
		t.Errorf("other spp: %v", err)
	}
	remove()
	create("spp 1\n")
	if err := put(); err != nil {
		t.Fatal(err)
	}
	s.mounted(true)
	remove()
	s.mounted(false)
	create("spp 1\n")
	s.mounted(true)
	if err := s.dynamic.Resource(resourceOfText("ptp.openshift.io/v1", "ptpconfigs")).Namespace(operator.DefaultNamespace).Delete(t.Context(), "signed", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.mounted(false)
}

func (s *stack) mounted(want bool) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("mounted: %t", want), func(ctx context.Context) (bool, string, error) {
		set, err := s.kube.AppsV1().DaemonSets(operator.DefaultNamespace).Get(ctx, operator.DaemonName, metav1.GetOptions{})
		if err != nil {
			return false, "", err
		}
		pod := set.Spec.Template.Spec
		volume := slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool {
			return v.Name == "keys-tlv-auth" && v.Secret != nil && v.Secret.SecretName == "keys"
		})
		mount := slices.ContainsFunc(pod.Containers[0].VolumeMounts, func(m corev1.VolumeMount) bool {
			return m.Name == "keys-tlv-auth" && m.MountPath == "/etc/ptp-secret-mount/keys" && m.ReadOnly
		})
		return volume == want && mount == want, fmt.Sprint(pod.Volumes), nil
	})
}

// followSettings switches the publisher, is refused, and deletes the settings, which come again.
func (s *stack) followSettings() {
	t := s.t
	t.Helper()
	settings := s.dynamic.Resource(resourceOfText("ptp.openshift.io/v1", "ptpoperatorconfigs")).Namespace(operator.DefaultNamespace)
	patch := func(text string) error {
		_, err := settings.Patch(t.Context(), operator.ConfigName, types.MergePatchType, []byte(text), metav1.PatchOptions{})
		return err
	}
	for version, want := range map[string]string{"1.0": "no longer supported", "boo": "is not a valid version"} {
		if err := patch(`{"spec":{"ptpEventConfig":{"apiVersion":"` + version + `"}}}`); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "denied the request: ") {
			t.Errorf("version %s: %v", version, err)
		}
	}
	other := operatorConfig(s.options)
	other.SetName("other")
	if _, err := settings.Create(t.Context(), other, metav1.CreateOptions{}); err == nil || !strings.Contains(err.Error(), "denied the request") {
		t.Errorf("a second PtpOperatorConfig: %v", err)
	}
	services := func(want int, containers int) {
		t.Helper()
		s.eventually(fmt.Sprintf("%d services, %d containers", want, containers), func(ctx context.Context) (bool, string, error) {
			list, err := s.kube.CoreV1().Services(operator.DefaultNamespace).List(ctx, listAll())
			if err != nil {
				return false, "", err
			}
			count := 0
			for _, service := range list.Items {
				if strings.HasPrefix(service.Name, "ptp-event-publisher-service-w") && service.Spec.Ports[0].Port == 9043 {
					count++
				}
			}
			set, err := s.kube.AppsV1().DaemonSets(operator.DefaultNamespace).Get(ctx, operator.DaemonName, metav1.GetOptions{})
			if err != nil {
				return false, "", err
			}
			has := len(set.Spec.Template.Spec.Containers)
			return count == want && has == containers, fmt.Sprint(count, has), nil
		})
	}
	services(0, 1)
	if err := patch(`{"spec":{"ptpEventConfig":{"enableEventPublisher":true,"apiVersion":"2.0"}}}`); err != nil {
		t.Fatal(err)
	}
	services(2, 2)
	if err := patch(`{"spec":{"ptpEventConfig":{"enableEventPublisher":false}}}`); err != nil {
		t.Fatal(err)
	}
	services(0, 1)
	if err := settings.Delete(t.Context(), operator.ConfigName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.eventually("settings again", func(ctx context.Context) (bool, string, error) {
		_, err := settings.Get(ctx, operator.ConfigName, metav1.GetOptions{})
		return err == nil, "", err
	})
	s.eventually("daemon set of the new settings", func(ctx context.Context) (bool, string, error) {
		set, err := s.kube.AppsV1().DaemonSets(operator.DefaultNamespace).Get(ctx, operator.DaemonName, metav1.GetOptions{})
		return err == nil && set.DeletionTimestamp == nil && set.Status.NumberReady == 2, "", err
	})
}

const serviceMonitors = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: servicemonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: ServiceMonitor, listKind: ServiceMonitorList, plural: servicemonitors, singular: servicemonitor}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

// followMonitor has the kind of object come that Prometheus is told by.
func (s *stack) followMonitor() {
	s.t.Helper()
	objects, err := manifest.Decode([]byte(serviceMonitors))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.apply(s.t.Context(), objects[0]); err != nil {
		s.t.Fatal(err)
	}
	if err := s.established(s.t.Context(), objects[0]); err != nil {
		s.t.Fatal(err)
	}
	// The next change of the settings, or the resync, brings it.
	if err := s.apply(s.t.Context(), operatorConfig(Options{EventPublisher: true}.withDefaults())); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("ServiceMonitor", func(ctx context.Context) (bool, string, error) {
		_, err := s.dynamic.Resource(resourceOfText("monitoring.coreos.com/v1", "servicemonitors")).Namespace(operator.DefaultNamespace).Get(ctx, "monitor-ptp", metav1.GetOptions{})
		return err == nil, "", err
	})
}

// followAuthority has somebody take the webhook's authority away, and then its certificate.
func (s *stack) followAuthority() {
	t := s.t
	t.Helper()
	hooks := s.kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	bundle := func() string {
		t.Helper()
		hook, err := hooks.Get(t.Context(), operator.WebhookName, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return string(hook.Webhooks[0].ClientConfig.CABundle)
	}
	before := bundle()
	remove := []byte(`[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]`)
	if _, err := hooks.Patch(t.Context(), operator.WebhookName, types.JSONPatchType, remove, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	again := func(subject string, done func() bool) {
		t.Helper()
		s.eventually(subject, func(ctx context.Context) (bool, string, error) {
			if !done() {
				return false, "the authority is not there", nil
			}
			answers, err := s.webhookAnswers(ctx)
			return answers, "", err
		})
	}
	again("authority again", func() bool { return bundle() == before })
	secrets := s.kube.CoreV1().Secrets(operator.DefaultNamespace)
	spoil := []byte(`{"data":{"tls.crt":"bm9uZQ==","ca.key":"bm9uZQ=="}}`)
	if _, err := secrets.Patch(t.Context(), "ptp-operator-webhook-certificate", types.MergePatchType, spoil, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	again("new authority", func() bool { now := bundle(); return now != "" && now != before })
	before = bundle()
	if err := secrets.Delete(t.Context(), "ptp-operator-webhook-certificate", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	again("newer authority", func() bool { now := bundle(); return now != "" && now != before })
}

// followLease deletes the operator's pod: a new one leads soon.
func (s *stack) followLease() {
	t := s.t
	t.Helper()
	leases := s.kube.CoordinationV1().Leases(operator.DefaultNamespace)
	before, err := leases.Get(t.Context(), operator.LeaseName, metav1.GetOptions{})
	if err != nil || before.Spec.LeaseDurationSeconds == nil || *before.Spec.LeaseDurationSeconds != 137 {
		t.Fatalf("lease %+v, %v", before, err)
	}
	if err := s.kube.CoreV1().Pods(operator.DefaultNamespace).Delete(t.Context(), *before.Spec.HolderIdentity, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.eventually("another leader", func(ctx context.Context) (bool, string, error) {
		lease, err := leases.Get(ctx, operator.LeaseName, metav1.GetOptions{})
		if err != nil {
			return false, "", err
		}
		holder := *lease.Spec.HolderIdentity
		return holder != "" && holder != *before.Spec.HolderIdentity, holder, nil
	})
}

// TestPutConfigs wants errors of what is no PtpConfig, and of what the schema refuses.
func TestPutConfigs(t *testing.T) {
	s := newStack(t)
	if have, want, err := ObserveConfigs(t.Context(), s.Config, []byte(config)); err != nil || have != 0 || want != 2 {
		t.Errorf("of an empty cluster: %d of %d, %v", have, want, err)
	}
	if err := s.deploy(Options{}); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"kind: Pod": "no kind, apiVersion or name",
		strings.Replace(config, "kind: PtpConfig", "kind: PtpConfug", 1):                                                "this is no PtpConfig",
		strings.Replace(config, `ptp4lOpts: "-2"`, "ptpSchedulingPolicy: SCHED_RR", 1):                                  "Unsupported value",
		strings.Replace(config, `ptp4lOpts: "-2"`, "ptpSchedulingPriority: 66", 1):                                      "less than or equal to 65",
		strings.Replace(config, `interface: ens1f0`, "interface: ens9f9", 1):                                            "has no section",
		strings.Replace(config, `ptp4lOpts: "-2"`, "ptpSchedulingPolicy: SCHED_FIFO", 1):                                "needs a ptpSchedulingPriority",
		strings.Replace(config, `ptp4lOpts: "-2"`, "ptpClockThreshold: {processDowntimeThresholds: {ptp4l: 86401}}", 1): "less than or equal to 86400",
	} {
		err := PutConfigs(t.Context(), s.Config, []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if apierrors.IsTimeout(err) {
			t.Errorf("%q: waited", text)
		}
	}
}
