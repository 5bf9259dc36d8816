package certificate

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	make := func(p Pair, err error) Pair {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	authority := make(NewAuthority("one", now, 10*time.Hour))
	other := make(NewAuthority("other", now, 10*time.Hour))
	hosts := []string{"webhook.example.svc", "192.0.2.1"}
	server := make(authority.Issue(Subject{Name: "server", Hosts: hosts}, now, 5*time.Hour))
	if _, err := tls.X509KeyPair(server.Certificate, server.Key); err != nil {
		t.Errorf("TLS does not take the pair: %v", err)
	}
	user := make(authority.Issue(Subject{Name: "user", Group: "group"}, now, 5*time.Hour))
	if c, err := Parse(user.Certificate); err != nil || c.Subject.Organization[0] != "group" {
		t.Errorf("certificate of a user: %v, %v", c, err)
	}
	for name, test := range map[string]struct {
		pair      Pair
		authority Pair
		hosts     []string
		stays     time.Duration
		want      string // "" for none
	}{
		"good":            {server, authority, hosts, time.Hour, ""},
		"ends soon":       {server, authority, hosts, 6 * time.Hour, "expired"},
		"other authority": {server, other, hosts, time.Hour, "unknown authority"},
		"other host":      {server, authority, []string{"elsewhere"}, time.Hour, "elsewhere"},
		"of a user":       {user, authority, nil, time.Hour, "incompatible key usage"},
		"other key":       {Pair{server.Certificate, user.Key}, authority, hosts, time.Hour, "key is not that"},
		"empty":           {Pair{}, authority, hosts, time.Hour, "no PEM block"},
		"no authority":    {server, Pair{}, hosts, time.Hour, "no certificate"},
	} {
		err := test.pair.Check(test.authority.Certificate, test.hosts, now, test.stays)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := (Pair{}).Issue(Subject{Name: "x"}, now, time.Hour); err == nil {
		t.Error("an empty authority has issued a certificate")
	}
}
