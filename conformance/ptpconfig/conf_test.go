package ptpconfig

import (
	"slices"
	"strings"
	"testing"
)

const conf Conf = `# of a user
[ Global ]
domainNumber	24
masterOnly 1
  gmCapable   0

# ports
[ens1f0]
masterOnly 0
masterOnly 1
[nmea]
ts2phc.master 1
[ens1f1]
[unicast_master_table]
table_id 1
[/dev/ptp0]
[ens1f1]`

func TestConfReads(t *testing.T) {
	for _, c := range []struct{ section, key, want string }{
		{Global, "domainNumber", "24"},
		{Global, "gmCapable", "0"},
		{"ens1f0", "masterOnly", "1"},
		{"nmea", "ts2phc.master", "1"},
	} {
		if got, found := conf.Get(c.section, c.key); !found || got != c.want {
			t.Errorf("%s %s: %q, %v", c.section, c.key, got, found)
		}
	}
	if got, found := conf.Get("ens1f1", "masterOnly"); found {
		t.Errorf("found %q where there is none", got)
	}
	if got, _ := conf.GetPort("ens1f1", "masterOnly"); got != "1" {
		t.Errorf("the port does not take after [global]: %q", got)
	}
	if got := conf.Interfaces(); !slices.Equal(got, []string{"ens1f0", "ens1f1"}) {
		t.Errorf("ports %v", got)
	}
}

func TestConfSetAndRemove(t *testing.T) {
	replace := func(old, new string) Conf {
		if strings.Count(string(conf), old) != 1 {
			t.Fatalf("%q is not there once", old)
		}
		return Conf(strings.Replace(string(conf), old, new, 1))
	}
	for _, c := range []struct {
		name      string
		got, want Conf
	}{
		{"replaced", conf.Set(Global, "gmCapable", "1"), replace("  gmCapable   0", "gmCapable 1")},
		{"added behind the last option", conf.Set(Global, "clockClass", "248"), replace("  gmCapable   0\n", "  gmCapable   0\nclockClass 248\n")},
		{"one of two is left", conf.Set("ens1f0", "masterOnly", "0"), replace("masterOnly 0\nmasterOnly 1\n", "masterOnly 0\n")},
		{"in an empty section", Conf("[a]\n\n[b]\n").Set("a", "spp", "1"), "[a]\nspp 1\n\n[b]\n"},
		{"in the last section of the name", conf.Set("ens1f1", "spp", "1"), conf + "\nspp 1"},
		{"in a new section", conf.Set("ens9", "spp", "1"), conf + "\n[ens9]\nspp 1\n"},
		{"in nothing", Conf("").Set("ens9", "spp", "1"), "[ens9]\nspp 1\n"},
		{"removed", conf.Remove("ens1f0", "masterOnly"), replace("masterOnly 0\nmasterOnly 1\n", "")},
		{"nothing to remove", conf.Remove("ens1f1", "masterOnly"), conf},
	} {
		if c.got != c.want {
			t.Errorf("%s:\n%s", c.name, c.got)
		}
	}
}

func FuzzConf(f *testing.F) {
	f.Add(string(conf), "ens1f0", "masterOnly", "1")
	f.Add("spp 1", Global, "spp", "-1")
	f.Add("0", "0", "0", "\u2009") // a blank to Unicode, not to ptp4l
	f.Fuzz(func(t *testing.T, text, section, key, value string) {
		if !isInterface(section) || !isInterface(key) || !isInterface(value) || strings.EqualFold(section, Global) {
			t.Skip()
		}
		set := Conf(text).Set(section, key, value)
		if got, found := set.Get(section, key); !found || got != value {
			t.Errorf("%q after Set of %q:\n%s", got, value, set)
		}
		if again := set.Set(section, key, value); again != set {
			t.Errorf("Set twice:\n%s\nthen:\n%s", set, again)
		}
		if _, found := set.Remove(section, key).Get(section, key); found {
			t.Errorf("still there after Remove:\n%s", set)
		}
	})
}
