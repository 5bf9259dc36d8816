package linuxptp

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const boundaryText = `
# a comment
[global]
	domainNumber   24
boundary_clock_jbod 1
message_tag [ptp4l.0.config:{level}]
[ens1f0]
masterOnly 0
[ens1f1]
masterOnly 1
[ens1f0]
masterOnly 1
`

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig(boundaryText)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ section, key, value string }{
		{Global, "domainNumber", "24"},
		{Global, "message_tag", "[ptp4l.0.config:{level}]"},
		{"ens1f0", "masterOnly", "1"}, // the last one counts
		{"ens1f1", "masterOnly", "1"},
	} {
		if !c.Is(want.section, want.key, want.value) {
			got, _ := c.Get(want.section, want.key)
			t.Errorf("[%s] %s is %q, want %q", want.section, want.key, got, want.value)
		}
	}
	if got, want := c.Interfaces(), []string{"ens1f0", "ens1f1"}; !slices.Equal(got, want) {
		t.Errorf("interfaces %q, want %q", got, want)
	}
	if c.Sections[1].Line != 7 || c.Sections[1].Options[0].Line != 8 {
		t.Errorf("ens1f0 at line %d, its option at %d; want 7 and 8", c.Sections[1].Line, c.Sections[1].Options[0].Line)
	}
}

func TestSet(t *testing.T) {
	c, err := ParseConfig(boundaryText)
	if err != nil {
		t.Fatal(err)
	}
	c.Set("ens1f0", "masterOnly", "0")
	c.Set(Global, "priority1", "128")
	c.Set("ens2f0", "masterOnly", "1")
	want := `[global]
domainNumber 24
boundary_clock_jbod 1
message_tag [ptp4l.0.config:{level}]
priority1 128
[ens1f0]
masterOnly 0
[ens1f1]
masterOnly 1
[ens1f0]
[ens2f0]
masterOnly 1
`
	if diff := cmp.Diff(want, c.String()); diff != "" {
		t.Error(diff)
	}
}

func TestParseConfigFaults(t *testing.T) {
	const text = "early 1\n[global\n[]\n[a b]\n[interface-too-long]\n[global]\n  lonely\nbell \x07\n"
	_, err := ParseConfig(text)
	var got Faults
	if !errors.As(err, &got) {
		t.Fatalf("error %v, want faults", err)
	}
	want := Faults{
		{1, 1, `option "early 1" before the first [section]`},
		{2, 1, "section without its closing bracket"},
		{3, 1, "section without a name"},
		{4, 1, `section name "a b" with a space or bracket in it`},
		{5, 1, `interface name "interface-too-long" longer than 15 bytes`},
		{7, 3, `option "lonely" without a value`},
		{8, 1, "control character 0x07"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add(boundaryText)
	f.Add("[<synce1>]\ninput_QL 1\n[unicast_master_table]\ntable_id 1\nUDPv4 1.2.3.4\n")
	f.Add("[global]\r\nx\v y\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseConfig(text)
		if err != nil {
			var faults Faults
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("error %v is not faults", err)
			}
			return
		}
		again, err := ParseConfig(c.String())
		if err != nil {
			t.Fatalf("what was written does not parse: %v\n%q", err, c.String())
		}
		if again.String() != c.String() {
			t.Fatalf("%q was read back as %q", c.String(), again.String())
		}
	})
}
