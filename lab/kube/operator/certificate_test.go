package operator

import (
	"bytes"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestNewCertificate(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	hosts := []string{"a.n.svc", "a.n.svc.cluster.local"}
	first, err := newCertificate(nil, hosts, now)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		after time.Duration
		hosts []string
		good  bool
	}{
		"at once":      {0, hosts, true},
		"after a time": {servingValid - renewBefore - time.Hour, hosts, true},
		"near its end": {servingValid - renewBefore + time.Hour, hosts, false},
		"other host":   {0, []string{"b.n.svc"}, false},
	} {
		if err := checkCertificate(first, test.hosts, now.Add(test.after)); (err == nil) != test.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	if checkCertificate(map[string][]byte{}, hosts, now) == nil {
		t.Error("no certificate is good")
	}
	for name, test := range map[string]struct {
		after time.Duration
		spoil string
		same  bool // authority
	}{
		"renewed":            {servingValid, "", true},
		"authority too old":  {authorityValid - time.Hour, "", false},
		"authority's key":    {0, authorityKey, false},
		"authority is gone":  {0, authorityCertificate, false},
		"certificate spoilt": {0, corev1.TLSCertKey, true},
	} {
		old := map[string][]byte{}
		for key, value := range first {
			old[key] = value
		}
		if test.spoil != "" {
			old[test.spoil] = []byte("x")
		}
		at := now.Add(test.after)
		next, err := newCertificate(old, hosts, at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := checkCertificate(next, hosts, at); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if bytes.Equal(next[authorityCertificate], first[authorityCertificate]) != test.same || bytes.Equal(next[corev1.TLSCertKey], first[corev1.TLSCertKey]) {
			t.Errorf("%s: authority the same is %t, or the certificate is", name, !test.same)
		}
	}
}
