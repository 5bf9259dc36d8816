//go:build lab

package suite

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// unpack lays the files of an image into a folder and returns how a container of it starts.
func unpack(t *testing.T, archive, root string) (argv, env []string) {
	t.Helper()
	image, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		t.Fatal(err)
	}
	files := mutate.Extract(image)
	defer files.Close()
	for r := tar.NewReader(files); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, header.Name)
		if header.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o755)
		} else {
			var data []byte
			if data, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, data, header.FileInfo().Mode())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return append(config.Config.Entrypoint, config.Config.Cmd...), config.Config.Env
}

// TestImageRuns makes the image of a real ptplab and starts it as a container engine would: without a kubeconfig, with one
// that is none, and with one of a cluster that is not there.
func TestImageRuns(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can change the root directory")
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "ptplab")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "../../../cmd/ptplab")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build ptplab: %v\n%s", err, out)
	}
	archive, root := filepath.Join(dir, "suite.tar"), filepath.Join(dir, "root")
	if _, err := Write(t.Context(), archive, Options{Program: binary}); err != nil {
		t.Fatal(err)
	}
	argv, env := unpack(t, archive, root)
	start := func(extra ...string) (string, int) {
		cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		cmd.Dir, cmd.Env = OutputDir, append(append([]string{}, env...), extra...)
		out, err := cmd.CombinedOutput()
		if err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	for _, c := range []struct{ name, kubeconfig, want string }{
		{"none", "", KubeconfigPath},
		{"not one", "{]", KubeconfigPath},
		{"nobody there", nobodyThere, "127.0.0.1:9"},
	} {
		if c.kubeconfig != "" {
			if err := os.WriteFile(filepath.Join(root, KubeconfigPath), []byte(c.kubeconfig), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out, code := start("PTP_TEST_MODE=OC", "ENABLE_TEST_CASE=reboot")
		if code == 0 || !strings.Contains(out, c.want) || strings.Contains(out, "panic") {
			t.Errorf("%s: exit status %d, printed %q, want %q in it", c.name, code, out, c.want)
		}
		t.Logf("%s: exit status %d: %s", c.name, code, strings.TrimSpace(out))
	}
	if out, code := start("PTP_TEST_MODE=Sundial"); code != 2 || !strings.Contains(out, "PTP_TEST_MODE") {
		t.Errorf("a mode that does not exist: exit status %d, printed %q", code, out)
	}
}

// nobodyThere is the kubeconfig of a cluster at a port where nobody listens.
const nobodyThere = `apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:9", insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: none}}]
`
