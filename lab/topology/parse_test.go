package topology

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestSmallIsGood(t *testing.T) { parse(t, small()) }

// Each case makes one change in a good topology, and lists the faults that must follow, and no others.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		// Keys and types.
		{"unknown key", "seed: 7", "sede: 7", []string{"4:1: unknown key sede"}},
		{"unknown key deep down", "drift:", "drfit:", []string{"6:46: unknown key drfit"}},
		{"unknown and missing key", "workers:", "nodes:", []string{"1:1: workers is missing", "5:1: unknown key nodes"}},
		{"misspelled key is not missing, too", "workers:", "worker:", []string{"5:1: unknown key worker"}},
		{"wrong apiVersion", "ptplab/v1alpha1", "ptplab/v2", []string{"1:13: apiVersion is ptplab/v2; this ptplab reads ptplab/v1alpha1"}},
		{"wrong kind", "kind: Topology", "kind: Pod", []string{"2:7: kind is Pod; this ptplab reads Topology"}},
		{"text for number", "ports: 2,", "ports: two,", []string{"6:29: ports is the text two, but must be a whole number"}},
		{"quoted number", "ports: 2,", `ports: "2",`, []string{"6:29: ports is the text 2, but must be a whole number"}},
		{"decimal number", "ports: 2,", "ports: 1.5,", []string{"6:29: ports is the number 1.5, but must be a whole number"}},
		{"octal number", "ports: 2,", "ports: 0x2,", []string{"6:29: ports is 0x2, but must be a whole number in its range"}},
		{"number for text", "name: small", "name: 12", []string{"3:7: name is the number 12, but must be text"}},
		{"text for list", "receive: [w1/ens1f0]", "receive: w1/ens1f0", []string{"18:34: receive is the text w1/ens1f0, but must be a list"}},
		{"list for mapping", "cluster: {nodes: plain}", "cluster: [plain]", []string{"19:10: cluster is a list, but must be a mapping (key: value)"}},
		{"mapping for text", "profile: g8275.1", "profile: {a: b}", []string{"9:18: profile is a mapping, but must be text"}},
		{"yes for true", "systemClock: true", "systemClock: yes", []string{"18:60: systemClock is the text yes, but must be true or false"}},
		{"empty value", "ports: 2,", "ports: ,", []string{"6:22: ports is empty"}},
		{"duplicate key", "seed: 7", "name: again", []string{`4:1: name appears twice in the topology`}},
		{"duplicate worker", "  w2: {", "  w1: {nics: {ens9: {}}}\n  w2: {", []string{"7:3: w1 appears twice in workers"}},
		{"tag", "seed: 7", "seed: !!int 7", []string{`4:7: YAML tag !!int is not understood here`}},
		{"merge key", "{ports: 2, offset", "{<<: {ports: 2}, offset", []string{`6:22: unknown key <<`}},
		{"list as key", "seed: 7", "? [a]\n: 7", []string{"4:3: a key must be plain text"}},
		{"negative seed", "seed: 7", "seed: -7", []string{"4:7: seed is -7, but must be a whole number in its range"}},

		// Names.
		{"lab name with capitals", "name: small", "name: My Lab", []string{`3:7: lab name "My Lab" has the character M`}},
		{"lab name too long", "name: small", "name: " + strings.Repeat("a", 21), []string{"3:7: lab name " + strings.Repeat("a", 21) + " is too long: 21 bytes, at most 20"}},
		{"lab name as path", "name: small", "name: ../../etc", []string{"3:7: lab name ../../etc has the character ."}},
		{"lab name ends with hyphen", "name: small", "name: small-", []string{"3:7: lab name small- begins or ends with a hyphen"}},
		{"worker name", "  w2: {", "  w_3: {nics: {ens1: {}}}\n  w2: {", []string{"7:3: worker name w_3 has the character _"}},
		{"NIC name", "{ens2: {ports: 2}}", "{ens2: {ports: 2}, 'eth 0': {}}", []string{`7:33: NIC name "eth 0" cannot name an interface: it has the character " " at place 4`}},
		{"NIC name too long", "{ens2: {ports: 2}}", "{ens2: {ports: 2}, enp130s0np1234: {}}", []string{"7:33: NIC name enp130s0np1234 is too long: 14 bytes, at most 13, for its interface enp130s0np1234f0 may have 15"}},
		{"grandmaster with a worker's name", "gm1: {", "w1: {", []string{"16:3: grandmaster w1 has the name of a worker"}},
		{"worker with the switch's name", "  w2: {", "  sw1: {nics: {ens1: {}}}\n  w2: {", []string{"9:1: switch sw1 has the name of a worker"}},
		{"switch name too long", "switch:\n  ptp: {profile: g8275.1, domain: 24}\n  vlans:\n    1500: [w1/ens1f0, w2/ens2f0]", "switches:\n  backbone1: {vlans: {1500: [w1/ens1f0, w2/ens2f0]}}", []string{"9:3: switch name backbone1 is too long: 9 bytes, at most 8"}},

		// NICs and quantities.
		{"nine ports", "{ens2: {ports: 2}}", "{ens2: {ports: 9}}", []string{"7:29: ports 9 is outside 1-8"}},
		{"offset without unit", "offset: 20us", "offset: 20", []string{"6:40: 20 has no unit"}},
		{"offset too fine", "offset: 20us", "offset: 0.5ns", []string{"6:40: 0.5ns is finer than 1 ns"}},
		{"offset too large", "offset: 20us", "offset: 100000s", []string{"6:40: offset 100000s is outside -86400s to 86400s"}},
		{"offset beyond numbers", "offset: 20us", "offset: 999999999999999999s", []string{"6:40: 999999999999999999s is far too large for a time"}},
		{"offset not a number", "offset: 20us", "offset: soon", []string{"6:40: soon is not a time"}},
		{"drift with a unit of time", "drift: 12ppb", "drift: 12ns", []string{"6:53: ns is not a unit of a frequency error"}},
		{"drift too large", "drift: 12ppb", "drift: -501ppm", []string{"6:53: drift -501ppm is outside -500ppm to 500ppm"}},
		{"negative wander", "wander: 0.5ppb", "wander: -1ppb", []string{"6:68: wander -1ppb is outside 0ppt to 1ppm"}},
		{"no NIC", "{nics: {ens2: {ports: 2}}}", "{nics: {}}", []string{"7:8: worker w2 has no NIC"}},

		// The switch.
		{"port twice in a VLAN", "w2/ens2f0]", "w2/ens2f0, w2/ens2f0]", []string{"11:34: w2/ens2f0 is listed twice in VLAN 1500 of sw1"}},
		{"port in two VLANs", "w2/ens2f0]", "w2/ens2f0]\n    1501: [w2/ens2f0]", []string{"12:12: w2/ens2f0 is in two VLANs"}},
		{"VLAN 0", "1500: [", "0: [w2/ens2f0]\n    1500: [w1/ens1f0] #", []string{"11:5: VLAN 0 is outside 1-4094"}},
		{"VLAN 4095", "w2/ens2f0]", "w2/ens2f0]\n    4095: [w2/ens2f1]", []string{"12:5: VLAN 4095 is outside 1-4094", "15:27: w2/ens2f1 is plugged in twice"}},
		{"VLAN not a number", "w2/ens2f0]", "w2/ens2f0]\n    blue: [w2/ens2f1]", []string{"12:5: blue is not a VLAN number", "15:27: w2/ens2f1 is plugged in twice"}},
		{"empty VLAN", "w2/ens2f0]", "w2/ens2f0]\n    1501: []", []string{"12:11: VLAN 1501 has no port"}},
		{"empty switch", "vlans:\n    1500: [w1/ens1f0, w2/ens2f0]", "vlans: {}", []string{"10:3: switch sw1 has no VLAN"}},
		{"no such worker", "w2/ens2f0]", "w3/ens2f0]", []string{"11:23: there is no worker w3"}},
		{"no such port", "w2/ens2f0]", "w2/ens2f7]", []string{"11:23: worker w2 has no port ens2f7"}},
		{"NIC in place of a port", "w2/ens2f0]", "w2/ens2]", []string{"11:23: worker w2 has no port ens2"}},
		{"port without worker", "w2/ens2f0]", "ens2f0]", []string{"11:23: ens2f0 is not a port"}},
		{"switch in place of a worker", "w2/ens2f0]", "sw1/p1]", []string{"11:23: sw1 is a switch, and a port is worker/interface"}},
		{"grandmaster in place of a worker", "w2/ens2f0]", "gm1/eth0]", []string{"11:23: gm1 is a grandmaster, and a port is worker/interface"}},
		{"profile", "g8275.1", "g8275.2", []string{"9:18: profile g8275.2 is not known"}},
		{"domain", "domain: 24", "domain: 128", []string{"9:35: domain 128 is outside 0-127"}},
		{"both switch and switches", "cables:", "switches: {a: {vlans: {1: [w2/ens2f1]}}}\ncables:", []string{"12:1: switch and switches exclude each other", "15:27: w2/ens2f1 is plugged in twice"}},

		// Cables.
		{"cable to itself", "w2/ens2f1], delay: 0ns", "w1/ens1f1], delay: 0ns", []string{"14:27: a cable from w1/ens1f1 to itself"}},
		{"cable to a port in a VLAN", "w2/ens2f1], delay: 0ns", "w2/ens2f0], delay: 0ns", []string{"14:27: w2/ens2f0 is plugged in twice"}},
		{"cable with one end", "between: [w1/ens1f1, w2/ens2f1]", "between: [w1/ens1f1]", []string{"14:15: a cable has two ends, this one has 1"}},
		{"cable of nothing", "port: w1/ens1f0, ", "", []string{"13:5: this cable has neither between nor port"}},
		{"properties of a port without cable", "{port: w1/ens1f0,", "{port: w2/ens2f1,", []string{"13:12: w2/ens2f1 has no cable: it is in no VLAN"}},
		{"properties twice", "  - {between", "  - {port: w1/ens1f0, delay: 1ns}\n  - {between", []string{"14:12: the cable of w1/ens1f0 is described twice"}},
		{"negative delay", "delay: 1.5us", "delay: -1ns", []string{"13:30: delay -1ns is outside 0ns to 1s"}},
		{"asymmetry beyond delay", "asymmetry: -100ns", "asymmetry: 4us", []string{"13:48: an asymmetry of 4us needs more delay than 1500ns"}},
		{"loss beyond all", "loss: 0.1%", "loss: 101%", []string{"13:75: loss 101% is outside 0ppm to 100%"}},

		// Grandmasters.
		{"grandmaster in no VLAN", "gm1: {vlan: 1500,", "gm1: {vlan: 1600,", []string{"16:15: the switch has no VLAN 1600"}},
		{"grandmaster without VLAN", "gm1: {vlan: 1500,", "gm1: {", []string{"16:3: gm1 has no vlan"}},
		{"grandmaster on no switch", "gm1: {vlan: 1500,", "gm1: {vlan: 1500, switch: sw2,", []string{"16:29: there is no switch sw2"}},
		{"clock class", "clockClass: 7", "clockClass: 256", []string{"16:33: clockClass 256 is outside 0-255"}},

		// Clocks.
		{"type of clock", "type: ordinary", "type: slave", []string{"18:15: slave is not a type of clock"}},
		{"clock without ports", "receive: [w1/ens1f0], ", "", []string{"18:3: ordinary clock oc1 has no port to receive on"}},
		{"boundary clock without transmit", "type: ordinary", "type: boundary", []string{"18:3: boundary clock oc1 has no port to transmit on"}},
		{"grandmaster that receives", "type: ordinary", "type: grandmaster, transmit: [w1/ens1f1]", []string{"18:51: grandmaster oc1 receives time"}},
		{"ordinary clock that transmits", "type: ordinary", "type: ordinary, transmit: [w1/ens1f1]", []string{"18:25: ordinary clock oc1 transmits time"}},
		{"clock on two workers", "receive: [w1/ens1f0]", "receive: [w1/ens1f0, w2/ens2f0]", []string{"18:46: clock oc1 is on w1/ens1f0 and on w2/ens2f0"}},
		{"clock on a port without cable", "[w1/ens1f1, w2/ens2f1], delay: 0ns", "[w2/ens2f1, w1/ens1f1], delay: 0ns}\n  - {", []string{"15:5: this cable has neither between nor port"}},
		{"clock port in no VLAN", "[w1/ens1f0, w2/ens2f0]", "[w2/ens2f0]", []string{"13:12: w1/ens1f0 has no cable: it is in no VLAN", "18:35: w1/ens1f0 is plugged into nothing: it is in no VLAN and has no cable"}},
		{"port of two clocks", "cluster:", "  oc2: {type: grandmaster, transmit: [w1/ens1f0]}\ncluster:", []string{"19:39: clock oc1 uses w1/ens1f0 already"}},
		{"port twice in a clock", "receive: [w1/ens1f0]", "receive: [w1/ens1f0, w1/ens1f0]", []string{"18:46: w1/ens1f0 is listed twice in clock oc1"}},
		{"two clocks steer a NIC", "cluster:", "  oc2: {type: ordinary, receive: [w1/ens1f1]}\ncluster:", []string{"19:35: clocks oc1 and oc2 would both steer the hardware clock of w1/ens1"}},
		{"group of one", "systemClock: true", "highAvailability: ha1", []string{"18:65: group ha1 has one clock only"}},
		{"clock domain", "type: ordinary", "type: ordinary, domain: 255", []string{"18:33: domain 255 is outside 0-127"}},
		{"kind of node", "nodes: plain", "nodes: docker", []string{"19:18: docker is not a kind of node"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(small(), c.old, c.new, 1)
			if text == small() {
				t.Fatal("the case changes nothing")
			}
			_, err := Parse("t.yaml", []byte(text))
			var got []string
			for _, f := range faultsOf(t, err) {
				got = append(got, fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.Message))
				checkFault(t, f)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("faults, -want +got:\n%s\n%v", diff, err)
			}
		})
	}
}

// Faults of clocks that share a worker, from a change in a topology that has several.
func TestFaultsOfSeveralClocks(t *testing.T) {
	for _, c := range []struct {
		name, file, old, new string
		want                 []string
	}{
		{"two clocks steer a system clock", "dnbc", "[w1/ens2f1]}", "[w1/ens2f1], systemClock: true}", []string{"clocks bc1 and bc2 would both steer the system clock of w1"}},
		{"a clock and a group", "dnbc-ha", "[w1/ens2f1], highAvailability: ha1}", "[w1/ens2f1], systemClock: true}", []string{"group ha1 has one clock only", "clocks bc1 and bc2 would both steer the system clock of w1"}},
		{"two groups", "dnbc-ha", "[w1/ens2f1], highAvailability: ha1}", "[w1/ens2f1], highAvailability: ha2}", []string{"group ha1 has one clock only", "clocks bc1 and bc2 would both steer the system clock of w1"}},
		{"clock in a group that steers, too", "dnbc-ha", "highAvailability: ha1}", "highAvailability: ha1, systemClock: true}", []string{"systemClock and highAvailability exclude each other"}},
		{"boundary clock over two NICs", "dnbc", "receive: [w1/ens2f0], transmit: [w1/ens2f1]", "receive: [w1/ens2f0], transmit: [w1/ens1f0]", []string{"boundary clock bc2 spans the NICs ens2, ens1, and each has a hardware clock of its own", "clock bc1 uses w1/ens1f0 already"}},
		{"grandmaster in a group", "dnbc", "transmit: [w2/ens3f0]}", "transmit: [w2/ens3f0], highAvailability: a}", []string{"a grandmaster has nothing to fail over to", "group a has one clock only"}},
		{"empty group name", "dnbc", "transmit: [w2/ens3f0]}", `transmit: [w2/ens3f0], highAvailability: ""}`, []string{"highAvailability is empty"}},
		{"clock name", "dnbc", "oc2:", "Oc2:", []string{"clock name Oc2 has the character O"}},
		{"grandmaster without a switch", "oc", "clocks:", "grandmasters: {g: {vlan: 1}}\nclocks:", []string{"grandmaster g has no switch to be plugged into"}},
		{"grandmaster and several switches", "oc", "clocks:", "switches: {a: {vlans: {1: [w1/ens1f0]}}, b: {vlans: {1: [w2/ens2f0]}}}\ngrandmasters: {g: {vlan: 1}}\nclocks:", []string{"w2/ens2f0 is plugged in twice", "w1/ens1f0 is plugged in twice", "grandmaster g does not say its switch"}},
		{"no switches", "oc", "clocks:", "switches: {}\nclocks:", []string{"switches is empty"}},
		{"no workers", "oc", "workers:\n  w1: {nics: {ens1: {ports: 1, offset: 50us, drift: 20ppb}}}\n  w2: {nics: {ens2: {ports: 1}}}\ncables:\n  - between: [w2/ens2f0, w1/ens1f0]\nclocks:\n  gm: {type: grandmaster, transmit: [w2/ens2f0]}\n  oc1: {type: ordinary, receive: [w1/ens1f0], systemClock: true}\n", "workers: {}\n", []string{"the lab has no worker"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			good, err := os.ReadFile(filepath.Join(topologies, c.file+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(string(good), c.old, c.new, 1)
			if text == string(good) {
				t.Fatal("the case changes nothing")
			}
			_, err = Parse("t.yaml", []byte(text))
			var got []string
			for _, f := range faultsOf(t, err) {
				got = append(got, f.Message)
				checkFault(t, f)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("faults, -want +got:\n%s\n%v", diff, err)
			}
		})
	}
}

func TestLimitsOfALab(t *testing.T) {
	_, err := Parse("t.yaml", Star(MaxWorkers+1))
	if fs := faultsOf(t, err); len(fs) != 1 || fs[0].Message != "1025 workers are too many" {
		t.Errorf("one worker too many: %v", err)
	}
	var nics strings.Builder
	for i := range MaxNICs {
		fmt.Fprintf(&nics, "ens%d: {}, ", i+10)
	}
	_, err = Parse("t.yaml", []byte(strings.Replace(small(), "ens2: {ports: 2}", nics.String()+"ens2: {ports: 2}", 1)))
	if fs := faultsOf(t, err); len(fs) != 1 || fs[0].Message != "4098 NICs are too many" {
		t.Errorf("two NICs too many: %v", err)
	}
}

// faultsOf is the faults of an error; the test fails if it is another error.
func faultsOf(t testing.TB, err error) Faults {
	t.Helper()
	var fs Faults
	if err != nil && !errors.As(err, &fs) {
		t.Fatalf("error %v is %T, want Faults", err, err)
	}
	return fs
}

// checkFault fails if a fault lacks something that each must have.
func checkFault(t testing.TB, f Fault) {
	t.Helper()
	lines := strings.Split(f.String(), "\n")
	if f.Message == "" || f.Hint == "" || len(lines) < 4 || !strings.Contains(lines[2], "^") {
		t.Errorf("a fault without message, caret or hint:\n%s", f)
	}
	if strings.ContainsFunc(f.Message+f.Hint+lines[1], func(r rune) bool { return r != '\t' && unicode.IsControl(r) }) || len(lines) != 5 {
		t.Errorf("a fault that would break out of its lines: %q", f.String())
	}
}

// Files in which much is wrong: all of it is said at once.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/bad: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse(filepath.Base(file), text)
		for _, f := range faultsOf(t, err) {
			checkFault(t, f)
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".txt", []byte(fmt.Sprintln(err)))
	}
}

// Data that is hardly a topology.
func TestHostileData(t *testing.T) {
	bomb := "apiVersion: ptplab/v1alpha1\nkind: Topology\nname: bomb\na: &a {ens1: {ports: 1}}\n"
	deep := "workers: &w\n"
	for i := range 40 {
		deep += fmt.Sprintf("  w%d: {nics: {", i)
		for j := range 10 {
			deep += fmt.Sprintf("ens%d: *w, ", j)
		}
		deep += "}}\n"
	}
	var many strings.Builder
	for i := range 300 {
		fmt.Fprintf(&many, "  w%d: &w%d {nics: {", i, i)
		for j := range 400 {
			fmt.Fprintf(&many, "n%d: {ports: 1}, ", j)
		}
		many.WriteString("}}\n")
		if i == 3 {
			break
		}
	}
	for i := 4; i < 1000; i++ {
		fmt.Fprintf(&many, "  w%d: *w0\n", i)
	}
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "1:1: the file holds no topology"},
		{"comment only", "# nothing\n", "1:1: the file holds no topology"},
		{"null", "null\n", "1:1: the file holds no topology"},
		{"10 MB", strings.Repeat("# padding\n", 1<<20), "1:1: the file is larger than 1 MiB"},
		{"10 MB of zeros", strings.Repeat("\x00", 10<<20), "1:1: the file is larger than 1 MiB"},
		{"ELF", "\x7fELF\x02\x01\x01\x00\x00", "1:1: byte 0x7f is not text"},
		{"Latin-1", "name: x\nkind: T\xf6pology\n", "2:8: byte 0xf6 is not text"},
		{"UTF-16", "\xff\xfea\x00p\x00", "1:1: byte 0xff is not text"},
		{"escape sequence", "name: \x1b[31m\n", "1:7: byte 0x1b is not text"},
		{"escape sequence in a name", strings.Replace(small(), "  w2: {", `  "w\e[31m": {nics: {ens2: {ports: 1}}}`+"\n  w2: {", 1), `7:3: worker name "w\x1b[31m" has the character "\x1b"`},
		{"escape sequence as hint", strings.Replace(small(), "[w1/ens1f0],", `"\e[31m\n",`, 1), `receive is the text "\x1b[31m\n", but must be a list`},
		{"escape sequence in a port", strings.Replace(small(), "w2: {nics: {ens2", `"w\e": {nics: {ens2`, 1), "there is no worker w2"},
		{"two documents", small() + "---\n" + small(), "20:1: a second YAML document begins here"},
		{"list", "- a\n- b\n", "1:1: the topology is a list, but must be a mapping (key: value)"},
		{"text", "hello", "1:1: the topology is the text hello, but must be a mapping (key: value)"},
		{"tab", "apiVersion: ptplab/v1alpha1\nworkers:\n\tw1: {}\n", "3:1: a tab in the indentation"},
		{"open bracket", "name: x\nswitch:\n  vlans:\n    1500: [a, b\n    1501: [c]\nkind: T\n", "4:11: not YAML: did not find expected ',' or ']'"},
		{"open brace", "name: x\nworkers:\n  w1: {nics: {ens1: {ports: 2}}\n  w2: {}\n", "3:7: not YAML: did not find expected ',' or '}'"},
		{"open quote", "kind: T\nname: \"abc\n", "2:7: not YAML: found unexpected end of stream"},
		{"second colon", "kind: T\nname: a: b\n", "2:8: not YAML: mapping values are not allowed in this context"},
		{"at sign", "kind: T\nname: @abc\n", "2:7: not YAML: found character that cannot start any token"},
		{"key without colon", "kind: T\nworkers\nname: x\n", "2:1: not YAML: could not find expected ':'"},
		{"dedent too far", "kind: T\nworkers:\n  w1: {}\n w2: {}\n", "4:2: not YAML: did not find expected key"},
		{"indent too far", "kind: T\nworkers:\n  w1: {}\n   w2: {}\n", "3:3: not YAML: did not find expected key"},
		{"closing without opening", "kind: T\nworkers: {w1: [}\n", "2:1: not YAML: did not find expected node content"},
		{"unknown alias", "name: x\nworkers: *nowhere\n", "2:10: alias *nowhere stands for nothing"},
		{"alias to itself", "workers: &a\n  w1: *a\n", "unknown key w1"},
		{"alias bomb", bomb, "4:1: unknown key a"},
		{"alias lattice", deep, "unknown key w"},
		{"aliases that multiply", "workers:\n" + many.String(), "this topology has more than 200000 values"},
		{"deep nesting", strings.Repeat("[", 100_000), "not YAML: exceeded max depth"},
		{"deep blocks", strings.Repeat("- ", 100_000), "not YAML: exceeded max depth"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("t.yaml", []byte(c.data))
			fs := faultsOf(t, err)
			if len(fs) == 0 {
				t.Fatal("accepted")
			}
			found := false
			for _, f := range fs {
				checkFault(t, f)
				found = found || strings.Contains(fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.Message), c.want)
			}
			if !found {
				t.Errorf("want %q, got:\n%v", c.want, err)
			}
		})
	}
}

// An editor on Windows, and one that begins its files with a byte order mark.
func TestLineEndingsAndMark(t *testing.T) {
	parse(t, "\uFEFF"+strings.ReplaceAll(small(), "\n", "\r\n"))
	_, err := Parse("t.yaml", []byte("\uFEFF"+strings.ReplaceAll(strings.Replace(small(), "seed", "sede", 1), "\n", "\r\n")))
	want := "t.yaml:4:1: unknown key sede\n    4 | sede: 7\n      | ^~~~\n        hint: did you mean seed?"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Aliases are good for NICs that are alike.
func TestAliases(t *testing.T) {
	text := strings.NewReplacer("{ports: 2, offset", "&nic {ports: 2, offset", "ens2: {ports: 2}", "ens2: *nic").Replace(small())
	top := parse(t, text)
	if got := top.Workers.Get("w2").NICs.Get("ens2"); got == nil || got.Offset != 20_000 || *got.Ports != 2 {
		t.Errorf("ens2 is %+v, want what ens1 is", got)
	}
}

func TestLoad(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that does not exist: %v", err)
	}
	if _, err := Load(t.TempDir()); err == nil || len(faultsOfAny(err)) > 0 {
		t.Errorf("a directory: %v", err)
	}
	file := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(file, bytes.Repeat([]byte("# big\n"), 10<<20/6), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); len(faultsOfAny(err)) != 1 {
		t.Errorf("a file of 10 MB: %v", err)
	}
}

func faultsOfAny(err error) Faults {
	var fs Faults
	errors.As(err, &fs)
	return fs
}

func TestManyFaultsAreCounted(t *testing.T) {
	text := strings.Replace(small(), "[w1/ens1f0, w2/ens2f0]", "["+strings.Repeat("w9/ens1f0, ", 80)+"w1/ens1f0]", 1)
	_, err := Parse("t.yaml", []byte(text))
	if got := len(faultsOf(t, err)); got != 80 {
		t.Errorf("%d faults, want 80", got)
	}
	if !strings.HasSuffix(err.Error(), "\nand 30 more faults") {
		t.Errorf("the end of the report is %q", err.Error()[len(err.Error())-60:])
	}
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("x", 200) + "HERE" + strings.Repeat("y", 200)
	for _, c := range []struct {
		name, line  string
		at          span
		text, caret string
	}{
		{"plain", "name: x", span{1, 7, 1}, "name: x", "      ^"},
		{"word", "name: abc", span{1, 7, 3}, "name: abc", "      ^~~"},
		{"tabs", "a\tb\tcd", span{1, 5, 2}, "a\tb\tcd", " \t \t^~"},
		{"wide", "日本: x", span{1, 5, 1}, "日本: x", "      ^"},
		{"wide word", "a: 日本", span{1, 4, 2}, "a: 日本", "   ^~~~"},
		{"combining", "e\u0301e\u0301: x", span{1, 7, 1}, "e\u0301e\u0301: x", "    ^"},
		{"umlaut", "ä: x", span{1, 4, 1}, "ä: x", "   ^"},
		{"behind the end", "ab", span{1, 3, 1}, "ab", "  ^"},
		{"far behind the end", "ab", span{1, 9, 4}, "ab", "  ^"},
		{"empty", "", span{1, 1, 1}, "", "^"},
		{"direction override", "a\u202eb", span{1, 3, 1}, "a\uFFFDb", "  ^"},
		{"long", long, span{1, 201, 4}, "..." + strings.Repeat("x", 60) + "HERE" + strings.Repeat("y", 46) + "...", strings.Repeat(" ", 63) + "^~~~"},
	} {
		text, caret := excerpt(c.line, c.at)
		if text != c.text || caret != c.caret {
			t.Errorf("%s:\n%q\n%q, want\n%q\n%q", c.name, text, caret, c.text, c.caret)
		}
	}
}

func TestQuantities(t *testing.T) {
	for _, c := range []struct {
		m    measure
		text string
		want int64
		back string
	}{
		{durations(), "25ns", 25, "25ns"},
		{durations(), "1.5us", 1500, "1500ns"},
		{durations(), "-3 ms", -3e6, "-3ms"},
		{durations(), "+2µs", 2000, "2us"},
		{durations(), "0s", 0, "0ns"},
		{frequencies(), "0.5ppb", 500, "500ppt"},
		{frequencies(), "-4.6ppm", -4.6e6, "-4600ppb"},
		{ratios(), "0.1%", 1000, "1000ppm"},
		{ratios(), "100%", 1e6, "100%"},
	} {
		got, err := c.m.parse(c.text)
		if err != nil || got != c.want {
			t.Errorf("%s is %d, %v; want %d", c.text, got, err, c.want)
		}
		if back := c.m.format(got); back != c.back {
			t.Errorf("%s is written %s, want %s", c.text, back, c.back)
		}
	}
	for _, text := range []string{"", "ns", "5", "5 min", "1e3ns", "--1ns", "0x5ns", "1_000ns", "NaN", "inf s", "1.ns", ".5ns", "5ns ", "1,5us"} {
		if v, err := durations().parse(text); err == nil {
			t.Errorf("%q is taken for %d ns", text, v)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		wrote, want string
	}{
		{"worker", "workers"}, {"sede", "seed"}, {"Clocks", "clocks"}, {"clokcs", "clocks"}, {"zebra", ""}, {"", ""}, {strings.Repeat("x", 100), ""},
	} {
		if got := nearest(c.wrote, []string{"workers", "seed", "clocks"}); got != c.want {
			t.Errorf("nearest to %s is %q, want %q", c.wrote, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small()))
	f.Add(Star(3))
	for _, pattern := range []string{topologies + "/*.yaml", "testdata/bad/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds in %s", pattern)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		top, err := Parse("fuzz.yaml", data)
		for _, fault := range faultsOf(t, err) {
			checkFault(t, fault)
		}
		if err != nil {
			if len(faultsOf(t, err)) == 0 || err.Error() == "" {
				t.Error("an error without faults")
			}
			return
		}
		plan := Expand(top, Base{})
		checkPlan(t, plan)
		var out bytes.Buffer
		if err := errors.Join(Mermaid(&out, plan), DOT(&out, plan)); err != nil {
			t.Error(err)
		}
	})
}
