package pmc

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ptplab/ptplab/conformance/sut"
)

// The files of testdata are what pmc of linuxptp 4.2 printed for three instances cabled in a row: a
// grandmaster, a boundary clock and an ordinary clock, G.8275.1 rates, domain 24, software time stamps.

func TestParsePortDataSet(t *testing.T) {
	text, err := os.ReadFile("testdata/boundary.PORT_DATA_SET.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Fatalf("%d responses, want one per port", len(got))
	}
	for n, want := range []struct{ port, state string }{{"001122.fffe.330a02-1", "UNCALIBRATED"}, {"001122.fffe.330a02-2", "MASTER"}} {
		if got[n].Port != want.port || got[n].Fields["portState"] != want.state || got[n].TLV != "PORT_DATA_SET" {
			t.Errorf("response %d: %+v, want %+v", n, got[n], want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const header = "\t001122.fffe.330a01-0 seq 0 RESPONSE MANAGEMENT PARENT_DATA_SET \n"
	for _, text := range []string{header + "\t\tlonely\n", header + "\t\t  value without name\n", strings.Replace(header, "seq 0", "seq 70000", 1)} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q: no error, got %v", text, got)
		}
	}
}

// files answers as pmc did when the files of testdata were made.
type files struct{ instance string }

func (f files) Exec(_ context.Context, _ string, argv []string) (sut.Result, error) {
	var result sut.Result
	for _, arg := range argv {
		tlv, ok := strings.CutPrefix(arg, "GET ")
		if !ok {
			continue
		}
		text, err := os.ReadFile(filepath.Join("testdata", f.instance+"."+tlv+".txt"))
		if err != nil {
			return sut.Result{}, err
		}
		result.Stdout += string(text)
	}
	return result, nil
}

func TestReadState(t *testing.T) {
	for instance, want := range map[string]State{
		"grandmaster": {"001122.fffe.330a01", 24, 0, "001122.fffe.330a01", "001122.fffe.330a01", 6},
		"boundary":    {"001122.fffe.330a02", 24, 1, "001122.fffe.330a01", "001122.fffe.330a01", 6},
		"ordinary":    {"001122.fffe.330b02", 24, 2, "001122.fffe.330a02", "001122.fffe.330a01", 6},
	} {
		got, err := ReadState(context.Background(), files{instance}, sut.Instance{})
		if err != nil {
			t.Errorf("%s: %v", instance, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", instance, diff)
		}
	}
}

// answer is a pmc that always answers the same.
type answer sut.Result

func (a answer) Exec(context.Context, string, []string) (sut.Result, error) {
	return sut.Result(a), nil
}

func TestGetFails(t *testing.T) {
	for _, c := range []struct {
		name   string
		result sut.Result
		want   string
	}{
		// What pmc 4.2 does without a ptp4l behind the socket: exit status 0 and no response.
		{"dead ptp4l", sut.Result{Stdout: "sending: GET PARENT_DATA_SET\n"}, "no answer"},
		{"full queue", sut.Result{Exit: 137}, "no answer within 5 s"},
		{"no file", sut.Result{Exit: 255, Stderr: "failed to open configuration file x: No such file or directory\n"}, "exit status 255: failed to open"},
		{"bad command", sut.Result{Stderr: "bad command: GET NONSENSE\n"}, "no answer to GET PARENT_DATA_SET: bad command"},
	} {
		_, err := Get(context.Background(), answer(c.result), sut.Instance{Name: "bc1", Node: "w1"}, "PARENT_DATA_SET")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "bc1 on w1") {
			t.Errorf("%s: got %v, want %q and the instance", c.name, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.txt")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		responses, err := Parse(text)
		if err != nil && responses != nil {
			t.Error("both responses and an error")
		}
		for _, r := range responses {
			if r.Port == "" || r.TLV == "" || r.Fields == nil {
				t.Errorf("incomplete response %+v", r)
			}
			var s State
			_ = readDefault(r, &s)
			_ = readCurrent(r, &s)
			_ = readParent(r, &s)
		}
	})
}
