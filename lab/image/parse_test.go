package image

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ptplab/ptplab/lab/run"
)

func TestPatchedPaths(t *testing.T) {
	for _, c := range []struct {
		name, patch string
		want        []string
		fault       string
	}{
		{"changed, removed, added", onePatch, []string{"net/core.c", "net/fresh.c", "net/gone.c"}, ""},
		{"diff -u with times", "--- old/a.c\t2026-01-01 00:00:00\n+++ new/a.c\t2026-01-02 00:00:00\n@@ -1 +1 @@\n-a\n+b\n", []string{"a.c"}, ""},
		{"git rename", "diff --git a/x.c b/y.c\nsimilarity index 100%\nrename from x.c\nrename to y.c\n", []string{"x.c", "y.c"}, ""},
		{"removed line like a header", "--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1 @@\n--- comment/x\n y\n", []string{"q.sql"}, ""},
		{"text only", "no patch\n", nil, "no file is changed"},
		{"climbs out", "--- a/../../etc/passwd\n+++ b/../../etc/passwd\n", nil, "line 1"},
		{"absolute", "--- /etc/passwd\n+++ /etc//passwd\n", nil, "line 1"},
		{"nothing to strip", "--- passwd\n+++ passwd\n", nil, "line 1"},
	} {
		got, err := patchedPaths([]byte(c.patch))
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.fault)
			}
			continue
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func FuzzPatchedPaths(f *testing.F) {
	f.Add([]byte(onePatch))
	f.Add([]byte("--- a/x\n+++ b/../y\n"))
	f.Add([]byte("rename to /etc/passwd\n"))
	f.Fuzz(func(t *testing.T, patch []byte) {
		paths, err := patchedPaths(patch)
		if err != nil {
			return
		}
		for _, p := range paths {
			if !fs.ValidPath(p) || p == "." {
				t.Errorf("path %q leaves the source", p)
			}
		}
	})
}

func TestReadFragmentsLaterWins(t *testing.T) {
	got, err := readFragments(fstest.MapFS{
		"config/10-a.config":     {Data: []byte("CONFIG_A=y\n\n# a comment\n# CONFIG_B is not set\nCONFIG_S=\"text # no comment\"\n")},
		"config/20-b.config":     {Data: []byte("CONFIG_B=y\nCONFIG_N=16\n")},
		"config/README":          {Data: []byte("not a fragment")},
		"series/6.12/old.config": {Data: []byte("# CONFIG_A is not set\n")},
		"series/7.3/new.config":  {Data: []byte("CONFIG_N=32\n")},
	}, "6.12")
	if err != nil {
		t.Fatal(err)
	}
	want := []request{
		{"CONFIG_A", "n", "series/6.12/old.config:1"}, {"CONFIG_B", "y", "config/20-b.config:1"},
		{"CONFIG_S", `"text # no comment"`, "config/10-a.config:5"}, {"CONFIG_N", "16", "config/20-b.config:2"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestMergeConfigReplacesLines(t *testing.T) {
	base := "# head\nCONFIG_64BIT=y\n# CONFIG_A is not set\nCONFIG_B=y\n"
	got := string(mergeConfig([]byte(base), []request{{"CONFIG_A", "y", ""}, {"CONFIG_B", "n", ""}}))
	want := "# head\nCONFIG_64BIT=y\nCONFIG_A=y\n# CONFIG_B is not set\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCheckConfigListsAllRefused(t *testing.T) {
	final := "CONFIG_A=y\nCONFIG_HZ=100\n# CONFIG_OFF is not set\nCONFIG_SELECTED=y\n"
	err := checkConfig([]byte(final), []request{
		{"CONFIG_A", "y", "f:1"}, {"CONFIG_OFF", "y", "f:2"}, {"CONFIG_GONE", "y", "f:3"}, {"CONFIG_HZ", "1000", "f:4"},
		{"CONFIG_SELECTED", "n", "f:5"}, {"CONFIG_ABSENT", "n", "f:6"},
	})
	var refused *ConfigError
	if !errors.As(err, &refused) {
		t.Fatalf("error %v, want *ConfigError", err)
	}
	want := []string{
		"f:2 asks CONFIG_OFF=y, got n", "f:3 asks CONFIG_GONE=y, got n", "f:4 asks CONFIG_HZ=1000, got 100", "f:5 asks CONFIG_SELECTED=n, got y",
	}
	if !slices.Equal(refused.Refused, want) {
		t.Errorf("refused %q, want %q", refused.Refused, want)
	}
}

func TestParseDebName(t *testing.T) {
	for file, want := range map[string][2]string{
		"linux-source-7.3_7.3.4-1~bpo13+1_all.deb":  {"linux-source-7.3", "7.3.4-1~bpo13+1"},
		"ethtool_1%3a6.14.2-1_amd64.deb":            {"ethtool", "1:6.14.2-1"},
		"libevent-2.1-7t64_2.1.13-stable-1_all.deb": {"libevent-2.1-7t64", "2.1.13-stable-1"},
		"partial": {}, "lock": {}, "a_b.deb": {}, "__.deb": {},
	} {
		name, version, ok := parseDebName(file)
		if name != want[0] || version != want[1] || ok != (want[0] != "") {
			t.Errorf("%s: %q %q %t, want %q", file, name, version, ok, want)
		}
	}
}

// Output of mmdebstrap 1.3.5 with apt 2.6.1, mirror names replaced.
func TestDiagnose(t *testing.T) {
	for _, c := range []struct {
		output string
		want   Reason
		detail string
	}{
		{"Ign:1 http://m.example/debian nosuch InRelease\nErr:2 http://m.example/debian nosuch Release\n  404  Not Found [IP: 192.0.2.1 80]\nReading package lists...\n" +
			"E: The repository 'http://m.example/debian nosuch Release' does not have a Release file.\nE: mmdebstrap failed to run",
			ReasonNoSuite, "The repository 'http://m.example/debian nosuch Release' does not have a Release file."},
		{"E: Release file for http://m.example/debian/dists/sid/InRelease is expired (invalid since 16d 7h 32min 6s). Updates for this repository will not be applied.",
			ReasonExpired, "Release file for http://m.example/debian/dists/sid/InRelease is expired (invalid since 16d 7h 32min 6s). Updates for this repository will not be applied."},
		{"E: Failed to fetch http://127.0.0.1:9/debian/dists/trixie/InRelease  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)",
			ReasonUnreachable, "Failed to fetch http://127.0.0.1:9/debian/dists/trixie/InRelease  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)"},
		{"Err:1 http://nosuch.invalid/debian trixie InRelease\n  Could not resolve 'nosuch.invalid'", ReasonUnreachable, "Could not resolve 'nosuch.invalid'"},
		{"Reading package lists...\nBuilding dependency tree...\nE: Unable to locate package nosuchpkg", ReasonNoPackage, "Unable to locate package nosuchpkg"},
		{"E: something else", "", ""},
	} {
		err := diagnose("s", &run.Error{Argv: []string{"mmdebstrap"}, Output: c.output, Err: errors.New("exit status 1")})
		var fetch *FetchError
		if !errors.As(err, &fetch) {
			if c.want != "" {
				t.Errorf("%q: not diagnosed: %v", c.output, err)
			} else if !strings.Contains(err.Error(), "something else") {
				t.Errorf("undiagnosed error hides the output: %v", err)
			}
			continue
		}
		if fetch.Reason != c.want || fetch.Detail != c.detail {
			t.Errorf("%q: %q %q, want %q %q", c.output, fetch.Reason, fetch.Detail, c.want, c.detail)
		}
	}
}
