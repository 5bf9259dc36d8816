package operator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	admission "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

const (
	configPath   = "/validate-ptp-openshift-io-v1-ptpconfig"
	settingsPath = "/validate-ptp-openshift-io-v1-ptpoperatorconfig"
)

func newWebhook() http.Handler {
	o := &Operator{options: Options{Namespace: "n"}, kube: fake.NewClientset(
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "keys"}, Data: map[string][]byte{"sa.conf": []byte("spp 1\n")}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "empty"}},
	)}
	return o.webhook()
}

// ask sends a body and gives the status and, of a review, whether it was allowed and why not.
func ask(h http.Handler, path, body string) (code int, allowed bool, why string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	var r admission.AdmissionReview
	if w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &r) != nil || r.Response == nil || r.Response.UID != "u" || r.Kind != "AdmissionReview" {
		return w.Code, false, w.Body.String()
	}
	if r.Response.Result != nil {
		why = r.Response.Result.Message
	}
	return w.Code, r.Response.Allowed, why
}

func reviewOf(object string) string {
	text, _ := json.Marshal(admission.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request:  &admission.AdmissionRequest{UID: "u", Object: runtime.RawExtension{Raw: []byte(object)}},
	})
	return string(text)
}

func ptpConfig(profile string) string {
	return `{"apiVersion":"ptp.openshift.io/v1","kind":"PtpConfig","metadata":{"name":"x","managedFields":[{}]},"status":{"matchList":[]},
		"spec":{"profile":[{"name":"p"` + profile + `}],"recommend":[{"profile":"p","priority":4,"match":[{"nodeName":"w1"}]}]}}`
}

func signedBy(secret, key string) string {
	return ptpConfig(`,"ptp4lConf":"[global]\nsa_file /etc/ptp-secret-mount/` + secret + `/` + key + `\nspp -1\n[ens1f0]\nspp 1"`)
}

func TestWebhook(t *testing.T) {
	h := newWebhook()
	for name, test := range map[string]struct{ path, object, want string }{
		"good":            {configPath, ptpConfig(`,"interface":"ens1f0","ptp4lOpts":"-2"`), ""},
		"no port":         {configPath, ptpConfig(`,"ptp4lOpts":"-2"`), ""},
		"unknown setting": {configPath, ptpConfig(`,"ptpSettings":{"x":"1"}`), "ptpSettings.x is not a known setting"},
		"filter":          {configPath, ptpConfig(`,"ptpSettings":{"stdoutFilter":"("}`), "stdoutFilter"},
		"wrong type":      {configPath, `{"spec":1}`, "read the PtpConfig"},
		"keys":            {configPath, signedBy("keys", "sa.conf"), ""},
		"no secret":       {configPath, signedBy("gone", "sa.conf"), "does not exist"},
		"no key":          {configPath, signedBy("keys", "other"), "no such key"},
		"empty secret":    {configPath, signedBy("empty", "sa.conf"), "no such key"},
		"not mounted":     {configPath, ptpConfig(`,"ptp4lConf":"[global]\nsa_file /etc/keys"`), "is not /etc/ptp-secret-mount"},
		"default":         {settingsPath, `{"metadata":{"name":"default"},"spec":{"ptpEventConfig":{"apiVersion":"2.0"}}}`, ""},
		"no version":      {settingsPath, `{"metadata":{"name":"default"}}`, ""},
		"other name":      {settingsPath, `{"metadata":{"name":"mine"}}`, "must be \"default\""},
		"version 1":       {settingsPath, `{"metadata":{"name":"default"},"spec":{"ptpEventConfig":{"apiVersion":"1.0"}}}`, "no longer supported"},
		"no such version": {settingsPath, `{"metadata":{"name":"default"},"spec":{"ptpEventConfig":{"apiVersion":"boo"}}}`, "is not a valid version"},
	} {
		code, allowed, why := ask(h, test.path, reviewOf(test.object))
		if code != http.StatusOK || allowed != (test.want == "") || !strings.Contains(why, test.want) {
			t.Errorf("%s: %d, %t, %q, want %q", name, code, allowed, why, test.want)
		}
	}
	for name, body := range map[string]string{"empty": "", "no JSON": "{", "no request": "{}", "wrong type": `{"request":1}`} {
		if code, allowed, why := ask(h, configPath, body); code != http.StatusBadRequest || allowed {
			t.Errorf("%s: %d, %q", name, code, why)
		}
	}
	if code, _, _ := ask(h, configPath, strings.Repeat(" ", maxReview+1)); code != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d", code)
	}
}

func FuzzWebhook(f *testing.F) {
	f.Add(ptpConfig(`,"ptpSettings":{"haProfiles":"a,b"}`))
	f.Add(signedBy("keys", "sa.conf"))
	f.Add(`{"metadata":{"name":"default"},"spec":{"ptpEventConfig":{"apiVersion":"2.0"}}}`)
	h := newWebhook()
	f.Fuzz(func(t *testing.T, object string) {
		if !json.Valid([]byte(object)) {
			return
		}
		for _, path := range []string{configPath, settingsPath} {
			code, allowed, why := ask(h, path, reviewOf(object))
			if code != http.StatusOK || allowed != (why == "") {
				t.Errorf("%s: %d, %t, %q", path, code, allowed, why)
			}
		}
	})
}
