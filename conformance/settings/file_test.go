package settings

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

func TestBadFile(t *testing.T) {
	data, err := os.ReadFile("testdata/bad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = parseFile("bad.yaml", data)
	if err == nil {
		t.Fatal("no fault")
	}
	golden(t, "bad.txt", err.Error()+"\n")
}

// TestFileFaults holds the place and the first words of single faults.
func TestFileFaults(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "f:1:1: the file holds no settings"},
		{"# nothing\n", "f:1:1: the file holds no settings"},
		{"[]", "f:1:1: the file must be a mapping"},
		{"global:\n  maxoffset: 1\n---\nglobal: {}\n", "f:3:1: a second YAML document"},
		{"global:\n  maxoffset: 1\n minoffset: 2\n", "f:3:2: not YAML: did not find expected key"},
		{"global: {maxoffset: 1", "f:1:1: not YAML: did not find expected"},
		{"global:\n\tmaxoffset: 1\n", "f:2:2: not YAML: found character that cannot start any token"},
		{"global: *nobody", "f:1:1: not YAML: unknown anchor"},
		{"global:\n", "f:1:1: global is empty"},
		{"global:\n  maxoffset:\n", "f:2:3: global.maxoffset is empty"},
		{"global: 3", "f:1:1: global must be a mapping"},
		{"global: {<<: {}}", "f:1:10: a key must be plain text"},
		{"global: {[a]: 1}", "f:1:10: a key must be plain text"},
		{"global: {maxoffset: 1.5}", `f:1:21: global.maxoffset: "1.5" is not a whole number`},
		{"global: {maxoffset: [1]}", "f:1:21: global.maxoffset must be a single value"},
		{"global: {DisableAllSlaveRTUpdate: 1}", `f:1:35: global.DisableAllSlaveRTUpdate: "1" is neither`},
		{"soaktest: {cpu_utilization: {spec: {custom_params: {pod: 3}}}}", "f:1:53: soaktest.cpu_utilization.spec.custom_params.pod must be a list"},
		{"soaktest: {cpu_utilization: {spec: {custom_params: {pod: [3]}}}}", "f:1:59: an item of soaktest"},
		{"global: {maxoffset: 1}\n\x00", "f:1:1: not YAML: control characters are not allowed"},
		{"\xff\xfe", "f:1:1: "},
		{"global: {\"a\\e[2Jb\": 1}", "f:1:10: unknown key global.a\uFFFD[2Jb"},
		{"soaktest: {cpu_utilization: {spec: {custom_params: {pod: [" + strings.Repeat("1, ", 101) + "]}}}}", "f:1:53: soaktest.cpu_utilization.spec.custom_params.pod has 101 items"},
		{strings.Repeat("#", maxFile+1), "f:1:1: the file is larger"},
	} {
		f, err := parseFile("f", []byte(c.text))
		var faults Faults
		if !errors.As(err, &faults) || len(faults) != 1 || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.60q: got %v, want %s", c.text, err, c.want)
		}
		if f == nil {
			t.Errorf("%.60q: no file", c.text)
		}
	}
}

// TestUsersFiles reads what people have: the file of the operator's own test runs, and variants of YAML.
func TestUsersFiles(t *testing.T) {
	for _, c := range []struct{ text, key, want string }{
		{"global: {maxoffset: 0100}", "global.maxoffset", "0100"},
		{"global: {DisableAllSlaveRTUpdate: Yes}", "global.DisableAllSlaveRTUpdate", "true"},
		{"global: &a {maxoffset: &b 5, minoffset: -5, holdover_timeout: *b}", "global.holdover_timeout", "5"},
		{"soaktest: {slave_clock_sync: {spec: {}}}", "soaktest.slave_clock_sync.spec.enable", "true"},
		{"soaktest: {slave_clock_sync: {spec: {enable: off}}}", "soaktest.slave_clock_sync.spec.enable", "false"},
		{"soaktest: {slave_clock_sync: {desc: x}}", "soaktest.slave_clock_sync.spec.enable", ""},
		{"\uFEFFglobal: {maxoffset: 5}", "global.maxoffset", "5"},
		{"global:\r\n  maxoffset: 5\r\n", "global.maxoffset", "5"},
		{`{"global": {"maxoffset": 5}}`, "global.maxoffset", "5"},
	} {
		f, err := parseFile("f", []byte(c.text))
		if err != nil || f.entries[c.key].text != c.want {
			t.Errorf("%s: %v, %v", c.text, f.entries, err)
		}
	}
}

func FuzzFile(f *testing.F) {
	for _, name := range []string{"ci", "soak", "bad"} {
		data, err := os.ReadFile("testdata/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := parseFile("f", data)
		var faults Faults
		if err != nil && (!errors.As(err, &faults) || len(faults) == 0) {
			t.Fatalf("%T: %v", err, err)
		}
		for _, fault := range faults {
			if fault.Line < 1 || fault.Line > len(read.lines) || fault.Column < 1 || fault.Message == "" {
				t.Errorf("%+v", fault)
			}
			for _, r := range strings.ReplaceAll(fault.String(), "\n", "") {
				if unicode.IsControl(r) {
					t.Errorf("control character in %q", fault)
				}
			}
		}
		if err == nil { // then it must also be good for Resolve, but for contradictions of settings
			lookup := func(name string) (string, bool) { return "f", name == "PTP_TEST_CONFIG_FILE" }
			_, err := Resolve(Input{nil, lookup, func(string) ([]byte, error) { return data, nil }})
			if err != nil && !strings.Contains(err.Error(), "there is no limit") {
				t.Error(err)
			}
		}
	})
}

// TestFaultsAreCounted bounds the work on a file in which everything is wrong.
func TestFaultsAreCounted(t *testing.T) {
	var b strings.Builder
	for i := range 50_000 {
		b.WriteString("k" + strconv.Itoa(i) + ": {}\n")
	}
	_, err := parseFile("f", []byte(b.String()))
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != maxFaults {
		t.Errorf("%d faults", len(faults))
	}
}
