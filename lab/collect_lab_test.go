//go:build lab

package lab_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCollectedLab collects from a lab, and again when its kernel has been killed.
func TestCollectedLab(t *testing.T) {
	b := newBench(t)
	b.must("up", topologyFile("bc"))
	path := filepath.Join(t.TempDir(), "bc.tar.gz")
	port := b.status().Ports[0]
	b.must("collect", path, "--pcap", port.Owner+"/"+port.Port+":3s")
	files := filesOf(t, path)
	for name, part := range map[string]string{
		"lab/plan.json": `"bc1"`, "lab/status.json": `"trueErrorNs"`, "lab/ptpconfigs.yaml": "kind: PtpConfig", "lab/console.log": "", "lab/kernel.log": "Linux version",
		"nodes/w1/log.txt": "ptp4l[", "nodes/w1/metrics.txt": "openshift_ptp_", "nodes/w1/run/ptp4l.0.config": "[global]", "nodes/w1/ip-link.txt": "RX:",
		"nodes/sw1/ovs/show.txt": "Bridge", "nodes/sw1/ovs/ovs-vswitchd.log": "",
	} {
		if text, ok := files[name]; !ok || !strings.Contains(text, part) {
			t.Errorf("%s (there: %t) does not have %q:\n%.300s", name, ok, part, text)
		}
	}
	// A capture in nanoseconds, https://www.tcpdump.org/manpages/pcap-savefile.5.html, with more than its header.
	if capture := files["pcap/"+port.Owner+"-"+port.Port+".pcap"]; !strings.HasPrefix(capture, "\x4d\x3c\xb2\xa1") || len(capture) < 1000 {
		t.Errorf("a capture of %d bytes", len(capture))
	}
	if r := b.ptplab("collect", path); r.code != 2 || !strings.Contains(r.stderr, "--force") {
		t.Errorf("a second time: %s", r)
	}
	for _, pid := range b.kernels() {
		kill(t, pid, syscall.SIGKILL)
	}
	if r := b.ptplab("collect", path, "--force"); r.code != 1 || !strings.Contains(r.stderr, "does not run") {
		t.Errorf("of a dead lab: %s", r)
	}
	if files := filesOf(t, path); files["lab/console.log"] == "" || !strings.Contains(files["errors.txt"], "does not run") {
		t.Errorf("of a dead lab: %d files, %q", len(files), files["errors.txt"])
	}
}

// filesOf are the files of a collection of lab bc.
func filesOf(t *testing.T, path string) map[string]string {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for in := tar.NewReader(unpacked); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(h.Name, "ptplab-bc/")] = string(text)
	}
}
