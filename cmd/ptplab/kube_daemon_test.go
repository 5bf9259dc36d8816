package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestDaemonCommandsRefuse wants the programs of a pod to say what is missing, and to end.
func TestDaemonCommandsRefuse(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for _, c := range []struct {
		name, node, namespace string
		args                  []string
		code                  int
		want                  string
	}{
		{"no variables", "", "", []string{"linuxptp-daemon"}, exitUsage, "NODE_NAME is not set\nptplab: NAME_SPACE is not set"},
		{"no cluster", "w1", "openshift-ptp", []string{"linuxptp-daemon"}, exitFailed, "find the API server"},
		{"no node", "", "openshift-ptp", []string{"cloud-event-proxy"}, exitUsage, "NODE_NAME is not set"},
		{"an old API", "w1", "openshift-ptp", []string{"cloud-event-proxy", "--api-version", "1.0"}, exitUsage, "only version 2 is served"},
		{"an API of the future", "w1", "openshift-ptp", []string{"cloud-event-proxy", "--api-version", "20"}, exitUsage, "only version 2 is served"},
		{"no port", "w1", "openshift-ptp", []string{"cloud-event-proxy", "--api-port", "70000"}, exitUsage, "api-port"},
		{"an argument too many", "w1", "openshift-ptp", []string{"linuxptp-daemon", "x"}, exitUsage, "x"},
	} {
		t.Setenv(nodeVariable, c.node)
		t.Setenv(namespaceVariable, c.namespace)
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), c.args, nil, &stdout, &stderr); code != c.code || !strings.Contains(stderr.String(), c.want) || stdout.Len() > 0 {
			t.Errorf("%s: exit status %d, want %d; %q, want %q; stdout %q", c.name, code, c.code, stderr.String(), c.want, stdout.String())
		}
	}
}
