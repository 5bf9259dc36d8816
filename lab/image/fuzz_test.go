package image

import (
	"strings"
	"testing"
)

// FuzzFragment reads any text as a fragment of a kernel configuration; what is accepted is written again as it was meant.
func FuzzFragment(f *testing.F) {
	f.Add("# comment\nCONFIG_PTP=y\n# CONFIG_NET is not set\nCONFIG_X=\"a b\"\n")
	f.Add("CONFIG_=\n")
	f.Fuzz(func(t *testing.T, text string) {
		requests, err := parseFragment("f", []byte(text))
		for _, r := range requests {
			if err != nil || !strings.HasPrefix(r.symbol, "CONFIG_") || strings.Contains(r.value, "\n") {
				t.Fatalf("%+v, %v", r, err)
			}
		}
		for line := range strings.Lines(text) {
			symbol, _, ok := parseConfigLine(line)
			if ok && err == nil && !contains(requests, symbol) {
				t.Fatalf("%q sets %s, which is not among %+v", line, symbol, requests)
			}
		}
	})
}

func contains(requests []request, symbol string) bool {
	for _, r := range requests {
		if r.symbol == symbol {
			return true
		}
	}
	return false
}

// FuzzDebName reads file names that apt may give a package.
func FuzzDebName(f *testing.F) {
	f.Add("ethtool_1%3a6.14.2-1_amd64.deb")
	f.Add("a_b_c.deb")
	f.Fuzz(func(t *testing.T, file string) {
		name, version, ok := parseDebName(file)
		if ok && (name == "" || version == "" || !strings.HasPrefix(file, name+"_")) {
			t.Fatalf("%q is %q of %q", file, name, version)
		}
	})
}
