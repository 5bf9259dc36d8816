package specs

import (
	"math"
	"strings"
	"testing"
)

// FuzzPrinted reads what programs of a node may print: processes, configuration files, ethtool, log lines.
func FuzzPrinted(f *testing.F) {
	f.Add("17 ptp4l 0 0 /usr/sbin/ptp4l -f /var/run/ptp4l.0.config -2\n")
	f.Add("==== ptp4l.0.config\n#profile: test-slave1_test-slave1\n[global]\n==== x\n")
	f.Add("==== ens1f0\n\thardware-transmit\n\thardware-receive\n\thardware-raw-clock\n")
	f.Add("ptp4l[1788394724.219]: [ptp4l.1.config:6] master offset summary: cnt=161, min=-12, max=10, avg=0.70, SD=4.48")
	f.Add("ptp4l[5196755.139]: [ptp4l.0.config] master offset -9 s2 freq -17 path delay 89")
	f.Add("ptp4l[74737942.906]: [ptp4l.0.config] rms 53 max 74 freq -16642 +/- 40 delay 1089 +/- 20")
	f.Fuzz(func(t *testing.T, text string) {
		processes, err := parseProcesses(text)
		for _, p := range processes {
			if p.PID < 0 || p.Program == "" || p.Config == "" || !strings.Contains(text, p.Config) {
				t.Fatalf("%+v, %v", p, err)
			}
		}
		length := 0
		for _, file := range parseConfigFiles(text) {
			length += len(file.Text)
		}
		if length > len(text) {
			t.Fatalf("%d bytes of configuration in %d", length, len(text))
		}
		for _, name := range parseEthtool(text) {
			if name == "" || !strings.Contains(text, name) {
				t.Fatalf("interface %q", name)
			}
		}
		if s, ok := parseSummary(text); ok && (s.count <= 0 || s.least > s.largest+0.02 || math.IsNaN(s.least)) {
			t.Fatalf("summary %+v", s)
		}
		if ns, ok := inFull(text); ok && math.IsNaN(ns) {
			t.Fatal("an offset that is no number")
		}
	})
}
