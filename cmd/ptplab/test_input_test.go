package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTestInput gives ptplab test and discover what they cannot work with. Each is told in a clear sentence, with the exit status
// that a script can act on.
func TestTestInput(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	kubeconfig := func(server string) string {
		return "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: \"" + server + "\"}}]\n" +
			"users: [{name: u, user: {token: abc}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0") // nobody answers there once it is closed
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		code int
		want string
	}{
		"no lab":            {[]string{"test"}, nil, exitUsage, "no lab"},
		"no such lab":       {[]string{"test", "--lab", "nix"}, nil, exitUsage, "nix"},
		"unknown mode":      {[]string{"test"}, map[string]string{"PTP_TEST_MODE": "BCX"}, exitUsage, `variable PTP_TEST_MODE: unknown mode "BCX"; modes are OC, DualFollower, BC, DualNICBC, DualNICBCHA and Discovery`},
		"unknown mode flag": {[]string{"test", "--mode", "BCX"}, nil, exitUsage, `unknown mode "BCX"`},
		"bad offset":        {[]string{"test"}, map[string]string{"MAX_OFFSET_IN_NS": "much"}, exitUsage, "variable MAX_OFFSET_IN_NS"},
		"configuration": {[]string{"test"}, map[string]string{"PTP_TEST_CONFIG_FILE": file("c.yaml", "global:\n maxoffset: 100\n enablecontinuous: true\n")}, exitUsage,
			"c.yaml:3:2"},
		"no configuration":  {[]string{"test", "--test-config", filepath.Join(dir, "none.yaml")}, nil, exitUsage, "none.yaml"},
		"no kubeconfig":     {[]string{"test", "--kubeconfig", filepath.Join(dir, "none")}, nil, exitUsage, "none"},
		"broken kubeconfig": {[]string{"test", "--kubeconfig", file("broken", "{")}, nil, exitUsage, "broken"},
		"unreachable":       {[]string{"discover", "--kubeconfig", file("unreachable", kubeconfig("http://"+closed.Addr().String()))}, nil, exitHost, "cannot be reached"},
		"variable":          {[]string{"test"}, map[string]string{"KUBECONFIG": file("v", kubeconfig("http://"+closed.Addr().String()))}, exitHost, "cannot be reached"},
		"both":              {[]string{"test", "--lab", "x", "--kubeconfig", file("k", kubeconfig("http://localhost"))}, nil, exitUsage, "--lab and --kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PTPLAB_HOME", filepath.Join(dir, "home"))
			for _, variable := range []string{"KUBECONFIG", "PTP_TEST_MODE", "PTP_TEST_CONFIG_FILE"} {
				t.Setenv(variable, "")
			}
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			var stdout, stderr bytes.Buffer
			code := run(context.Background(), c.args, strings.NewReader(""), &stdout, &stderr)
			if code != c.code || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("exit %d, want %d; it says %q, want %q", code, c.code, stderr.String(), c.want)
			}
			if lines := strings.Count(strings.TrimSpace(stderr.String()), "\n"); lines > 6 {
				t.Errorf("%d lines for one fault:\n%s", lines+1, stderr.String())
			}
		})
	}
}
