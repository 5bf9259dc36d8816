//go:build guest

package ptpconfig

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// opening is what ptp4l says when it has read its configuration and finds that the ports do not exist.
const opening = "ioctl SIOCETHTOOL failed: No such device"

// program is the ptp4l to ask: that of the variable PTP4L, else the system's if it is not too old for what the operator's
// users configure. A program that PTP4L names must do.
func program(t *testing.T) (path, version string) {
	t.Helper()
	path, chosen := os.LookupEnv("PTP4L")
	if !chosen {
		path = "ptp4l"
	}
	out, err := exec.Command(path, "-v").CombinedOutput()
	version = strings.TrimSpace(string(out))
	switch {
	case err != nil && chosen:
		t.Fatalf("%s -v: %v", path, err)
	case err != nil, !chosen && version < "4":
		t.Skipf("ptp4l is %q, %v; let the variable PTP4L name one of version 4 or later", version, err)
	}
	return path, version
}

// try lets ptp4l read a configuration, in a network namespace without any port.
func try(t *testing.T, path string, conf Conf, options string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ptp4l.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"-m", "-f", file}, strings.Fields(options)...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err == nil || !errors.As(err, new(*exec.ExitError)) {
		t.Fatalf("ptp4l: %v, but it must end for want of a port\n%s", err, &out)
	}
	return out.String()
}

// complaints are the lines of ptp4l's output that find fault with the configuration.
func complaints(output string) (lines []string) {
	for line := range strings.Lines(output) {
		known := strings.Contains(line, opening) || strings.Contains(line, "PTP device not specified") ||
			strings.Contains(line, "failed to create a clock") || strings.Contains(line, "is deprecated, please use")
		if !known {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestPtp4lTakesAll lets the real ptp4l read all that is generated.
func TestPtp4lTakesAll(t *testing.T) {
	path, version := program(t)
	knowsKeys := !strings.Contains(try(t, path, "[global]\nspp -1\n[ens1f0]\n", ""), "unknown option spp")
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			signed := v.options.Authentication
			if signed != nil && !knowsKeys {
				t.Skipf("ptp4l %s cannot sign", version)
			}
			for _, o := range generate(t, v).Objects {
				p := o.Spec.Profile[0]
				if !runs(p.Ptp4lOpts) {
					continue
				}
				conf := Conf(*p.Ptp4lConf)
				if signed != nil {
					conf = conf.Set(Global, "sa_file", keys(t, signed))
				}
				output := try(t, path, conf, *p.Ptp4lOpts)
				if wrong := complaints(output); len(wrong) > 0 || !strings.Contains(output, opening) {
					t.Errorf("%s: %q\n%s", p.Name, wrong, output)
				}
			}
		})
	}
}

// keys writes the content of the Secret to a file.
func keys(t *testing.T, a *Authentication) string {
	t.Helper()
	secret, err := a.NewSecret(nil)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), a.File)
	if err := os.WriteFile(file, []byte(secret.StringData[a.File]), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestPtp4lRefuses shows that the test above can fail.
func TestPtp4lRefuses(t *testing.T) {
	path, _ := program(t)
	good := BaseConf().Set("ens1f0", "masterOnly", "0")
	for _, bad := range []Conf{
		good.Set(Global, "domainNumbre", "24"),
		good.Set(Global, "domainNumber", "many"),
		good.Set("ens1f0", "announceReceiptTimeout", "-1"),
		good.Set(Global, "sa_file", "/nowhere").Set(Global, "spp", "-1"),
	} {
		if output := try(t, path, bad, ptp4lTransmit); len(complaints(output)) == 0 {
			t.Errorf("accepted:\n%s\n%s", bad, output)
		}
	}
}
