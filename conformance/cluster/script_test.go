package cluster

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLinkScript runs the script with an ip and a chroot that only say that they were called. The exit status of nmcli is in NMCLI,
// "none" for a host without it.
func TestLinkScript(t *testing.T) {
	bin := t.TempDir()
	for name, text := range map[string]string{
		"ip": `echo "ip $*"`,
		"chroot": `case "$2" in
sh) [ "$NMCLI" != none ] ;;
*) shift; echo "$*" >&2; exit "$NMCLI" ;;
esac`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		state, nmcli string
		want         string // calls, in order
		fails        bool
	}{
		{"down", "none", "ip link set dev ens1f0 down", false},
		{"up", "none", "ip link set dev ens1f0 up", false},
		{"down", "0", "nmcli device set ens1f0 managed no|ip link set dev ens1f0 down", false},
		{"up", "0", "ip link set dev ens1f0 up|nmcli device set ens1f0 managed yes", false},
		{"down", "8", "nmcli device set ens1f0 managed no|ip link set dev ens1f0 down", false},
		{"up", "10", "ip link set dev ens1f0 up|nmcli device set ens1f0 managed yes", false},
		{"down", "1", "nmcli device set ens1f0 managed no", true},
	} {
		cmd := exec.Command("sh", "-c", linkScript, "ptplab-link", "ens1f0", c.state)
		cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "NMCLI=" + c.nmcli}
		out, err := cmd.CombinedOutput()
		if got := strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "|"); got != c.want || (err != nil) != c.fails {
			t.Errorf("%s, nmcli %s: %q, %v; want %q", c.state, c.nmcli, got, err, c.want)
		}
	}
}

func TestPodMain(t *testing.T) {
	for _, args := range [][]string{nil, {"nothing"}, {"l2", "-interval", "0s"}} {
		if err := PodMain(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := serveMail(ctx, "localhost:0", "localhost:0"); err != nil {
		t.Errorf("a mailbox that ends: %v", err)
	}
	if err := serveMail(t.Context(), "localhost:0", "nowhere.invalid:0"); err == nil {
		t.Error("a mailbox without an address: no error")
	}
}
