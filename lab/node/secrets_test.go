package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// signed is an object whose ports sign with a security association.
func signed(file, spp string) PtpConfig {
	c := receiver("oc1", "ens4f0", false)
	p := &c.Spec.Profile[0]
	p.Ptp4lConf = "[global]\nsa_file " + file + "\nspp -1\n[ens4f0]\nspp " + spp + "\nactive_key_id 1\n"
	return c
}

// secret writes a key of a secret below a directory.
func secret(t *testing.T, dir, name, key, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name, key), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	secret(t, dir, "mine", "a.conf", "[security_association]\nspp 1\n1 AES128 HEX:00\n[security_association]\nspp\t7\n")
	for _, test := range []struct {
		file, spp    string
		syntax, want string // parts of the errors of Validate and of CheckSecrets
	}{
		{"/etc/ptp-secret-mount/mine/a.conf", "1", "", ""},
		{"/etc/ptp-secret-mount/mine/a.conf", "7", "", ""},
		{"/etc/ptp-secret-mount/mine/a.conf", "2", "", "has spp 1, 7"},
		{"/etc/ptp-secret-mount/mine/b.conf", "1", "", "has no such key"},
		{"/etc/ptp-secret-mount/other/a.conf", "1", "", "does not exist"},
		{"/etc/ptp-secret-mount/mine", "1", "is not /etc", "is not /etc"},
		{"/etc/ptp-secret-mount/mine/../a.conf", "1", "is not /etc", "is not /etc"},
		{"/etc/ptp-secret-mount/../mine/a.conf", "1", "is not /etc", "is not /etc"},
		{"/etc/passwd", "1", "is not /etc", "is not /etc"},
	} {
		c := signed(test.file, test.spp)
		for want, err := range map[string]error{"syntax " + test.syntax: c.Validate(), "secrets " + test.want: c.CheckSecrets(dir)} {
			_, want, _ = strings.Cut(want, " ")
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s with spp %s: %v, want %q", test.file, test.spp, err, want)
			}
		}
	}
}

func TestCheckSecret(t *testing.T) {
	for _, test := range []struct {
		name, key string
		good      bool
	}{{"a-1", "ptp-security.conf", true}, {"a-1", "..", false}, {"a-1", "", false}, {"a-1", "a/b", false}, {"../a", "b", false}, {"", "b", false}} {
		if err := CheckSecret(test.name, []string{"x", test.key}); (err == nil) != test.good {
			t.Errorf("%q %q: %v", test.name, test.key, err)
		}
	}
}

// TestSecretRestartsItsProgram changes a secret under a running ptp4l, and one that it does not read.
func TestSecretRestartsItsProgram(t *testing.T) {
	dir := t.TempDir()
	secret(t, dir, "mine", "a.conf", "spp 1\n")
	b := newBench(t, Options{SecretDir: dir})
	c := signed("/etc/ptp-secret-mount/mine/a.conf", "1")
	b.apply(c)
	pid := b.Status().Processes[0].PID
	secret(t, dir, "other", "a.conf", "spp 1\n")
	b.apply(c)
	if p := b.Status().Processes[0].PID; p != pid {
		t.Error("a secret that nobody reads restarted a program")
	}
	secret(t, dir, "mine", "a.conf", "spp 1\nspp 2\n")
	b.apply(c)
	if p := b.Status().Processes[0]; p.PID == pid || p.PID == 0 {
		t.Errorf("with a new secret, process %+v, before %d", p, pid)
	}
}
