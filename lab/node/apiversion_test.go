package node

import (
	"strings"
	"testing"
)

func TestRefuseAPIVersion(t *testing.T) {
	for version, want := range map[string]string{
		"": "", "2": "", "2.0": "", "2.0.1": "",
		"1.0": "v1 is no longer supported", "1": "v1 is no longer supported", "1.15.2": "v1 is no longer supported",
		"boo": "is not a valid version", "2.": "is not a valid version", "2.0.0.0": "is not a valid version", "v2": "is not a valid version",
		"3.0": "is not a valid version", "20": "is not a valid version", " 2.0": "is not a valid version", "-1": "is not a valid version",
		strings.Repeat("1", 1000): "is not a valid version",
	} {
		if got := RefuseAPIVersion(version); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%.20q: %.100q, want %q", version, got, want)
		}
	}
}
