package ptpconfig

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// underTest gives what Classify is to see of a Set: the objects of the node that carries the label.
func underTest(objects []PtpConfig) []PtpConfig {
	return ForNode(objects, "", []string{LabelUnderTest})
}

// TestClassifyTellsWhatWasGenerated goes from a mode to objects and back.
func TestClassifyTellsWhatWasGenerated(t *testing.T) {
	for _, v := range variants() {
		if mode, err := Classify(underTest(generate(t, v).Objects)); mode != v.mode {
			t.Errorf("%s: %q, %v", v.name, mode, err)
		}
	}
}

func TestClassifyUser(t *testing.T) {
	o := user(t)
	if mode, err := Classify(underTest([]PtpConfig{o})); mode != BC {
		t.Errorf("%q, %v", mode, err)
	}
	if diff := cmp.Diff(user(t), o); diff != "" {
		t.Errorf("Classify changed the object:\n%s", diff)
	}
}

// profile is a profile in few words: "name; ptp4l options; ports, T transmits, R receives, - says nothing; rest".
func profile(text string) Profile {
	field := strings.Split(text, ";")
	p := Profile{Name: field[0]}
	if field[1] != "" {
		p.Ptp4lOpts = new(field[1])
	}
	conf := Conf("[global]\n")
	for i, port := range strings.Split(field[2], "") {
		name := "ens" + string(rune('0'+i))
		switch port {
		case "T":
			conf = conf.Set(name, "serverOnly", "1")
		case "R":
			conf = conf.Set(name, "masterOnly", "0")
		case "-":
			conf = conf.Section(name)
		}
	}
	p.Ptp4lConf = new(string(conf))
	for word := range strings.FieldsSeq(field[3]) {
		switch key, value, _ := strings.Cut(word, "="); key {
		case "phc2sys":
			p.Phc2sysOpts = new("-a -r")
		case "ts2phc":
			p.Ts2phcConf = new("[nmea]")
		case "interface":
			p.Interface = new(value)
		default:
			p.PtpSettings = map[string]string{key: value}
		}
	}
	return p
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		profiles []string
		want     Mode
		sentence string
	}{
		{[]string{"a;-2 -s;R;phc2sys"}, OC, ""},
		{[]string{"a;-2 -s;;interface=ens7"}, OC, ""},
		{[]string{"a;-2 -s;-;"}, OC, ""},
		{[]string{"a;-2 -s;R;", "chrony;;;"}, OC, ""},
		{[]string{"a;-2 -s;R;", "off;;RT;"}, OC, ""},
		{[]string{"a;-2;RR;"}, DualFollower, ""},
		{[]string{"a;-2;RT;"}, BC, ""},
		{[]string{"a;-2;RTTT;phc2sys"}, BC, ""},
		{[]string{"a;-2;RT;", "os;;;phc2sys haProfiles=a"}, BC, ""},
		{[]string{"a;-2;RT;phc2sys", "b;-2;RT;"}, DualNICBC, ""},
		{[]string{"a;-2;RT;", "b;-2;RTT;phc2sys"}, DualNICBC, ""},
		{[]string{"a;-2;RT;", "b;-2;RT;", "os;;;phc2sys haProfiles=a,b"}, DualNICBCHA, ""},
		{[]string{"tbc-tr;-2;R;phc2sys", "tbc-tt;-2;TT;"}, TBC, ""},
		{[]string{"x_tbc-tr;-2;R;phc2sys", "x_tbc-tt;-2;TT;"}, TBC, ""},
		{[]string{"a;-2;RT;clockType=T-BC"}, TBC, ""},
		{[]string{"a;-2;TT;ts2phc"}, TGM, ""},
		{nil, "", "no clock is configured on the node under test; label the node ptp/clock-under-test"},
		{[]string{"chrony;;;"}, "", "no clock is configured"},
		{[]string{"gm;-2;T;phc2sys"}, "", "from gm (receives on 0 ports, only transmits on 1, phc2sys); expected one clock that"},
		{[]string{"a;-2;TT;"}, "", "from a (receives on 0 ports, only transmits on 2)"},
		{[]string{"a;-2;RRR;"}, "", "from a (receives on 3 ports, only transmits on 0)"},
		{[]string{"a;-2;R;", "b;-2;R;"}, "", "from a (receives on 1 port, only transmits on 0), b (receives on 1 port,"},
		{[]string{"a;-2;RT;", "b;-2;R;"}, "", "expected one clock that"},
		{[]string{"a;-2;RT;", "b;-2;RT;"}, "", "expected of two boundary clocks exactly one with phc2sys, or none with it and one"},
		{[]string{"a;-2;RT;phc2sys", "b;-2;RT;", "c;-2;R;"}, "", "expected one clock that"},
		{[]string{"a;-2;RT;phc2sys", "b;-2;RT;phc2sys"}, "", "expected of two boundary clocks exactly one"},
		{[]string{"a;-2;RT;phc2sys", "b;-2;RT;", "os;;;phc2sys haProfiles=a,b"}, "", "os (haProfiles, phc2sys)"},
		{[]string{"a;-2;RT;", "b;-2;RT;", "c;-2;RT;"}, "", "expected one clock that"},
	} {
		var objects []PtpConfig
		for _, text := range c.profiles {
			objects = append(objects, PtpConfig{Spec: Spec{Profile: []Profile{profile(text)}}})
		}
		mode, err := Classify(objects)
		if mode != c.want || c.want == "" && (err == nil || !strings.Contains(err.Error(), c.sentence)) {
			t.Errorf("%q: %q, %v; want %q, %q", c.profiles, mode, err, c.want, c.sentence)
		}
	}
}

func TestForNode(t *testing.T) {
	object := func(name string, rules ...Recommend) PtpConfig {
		o := PtpConfig{Metadata: Metadata{Name: name}, Spec: Spec{Recommend: rules}}
		for _, r := range rules {
			o.Spec.Profile = append(o.Spec.Profile, Profile{Name: r.Profile})
		}
		return o
	}
	label := func(profile string, priority int64, label string) Recommend {
		return Recommend{Profile: profile, Priority: priority, Match: []Match{{NodeLabel: label}}}
	}
	objects := []PtpConfig{
		object("x", label("low", 9, "red"), label("a", 5, "red"), label("other", 1, "blue")),
		object("y", label("b", 5, "red")),
		object("z", Recommend{Profile: "nobody", Priority: 0}),
		object("n", Recommend{Profile: "named", Priority: 4, Match: []Match{{NodeName: "w7"}}}),
	}
	for _, c := range []struct {
		node   string
		labels []string
		want   string
	}{
		{"w1", []string{"red"}, "x/a y/b"},
		{"w1", []string{"red", "blue"}, "x/other"},
		{"w7", []string{"red"}, "n/named"},
		{"w1", nil, ""},
		{"", []string{""}, ""},
	} {
		var got []string
		for _, o := range ForNode(objects, c.node, c.labels) {
			for _, p := range o.Spec.Profile {
				got = append(got, o.Metadata.Name+"/"+p.Name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %v: %v, want %s", c.node, c.labels, got, c.want)
		}
	}
	if len(objects[0].Spec.Profile) != 3 {
		t.Error("ForNode changed its argument")
	}
}
