package l2

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		if i := slices.Index(pairs, name); i >= 0 {
			return pairs[i+1]
		}
		return ""
	}
}

func TestParseDaemon(t *testing.T) {
	d, err := parseDaemon(nil, environment("SKIP_INTERFACES", "eth0, w1/eth1", "L2DISCOVERY_ALLIFS", "true"), io.Discard)
	if err != nil || !d.all || !slices.Equal(d.skip, Skip{"eth0", "w1/eth1"}) || d.interval != time.Second || d.every != 5*time.Second ||
		d.node == "" || d.probes != 0 || d.deadline != 0 {
		t.Errorf("%+v, %v", d, err)
	}
	args := strings.Fields("-node w1 -interval 50ms -every 2s -probes 10 -deadline 1m -all-interfaces=false -skip eth9")
	d, err = parseDaemon(args, environment("SKIP_INTERFACES", "eth0", "L2DISCOVERY_ALLIFS", "true"), io.Discard)
	if err != nil || d.node != "w1" || d.interval != 50*time.Millisecond || d.every != 2*time.Second || d.probes != 10 ||
		d.deadline != time.Minute || d.all || !slices.Equal(d.skip, Skip{"eth9"}) {
		t.Errorf("%+v, %v", d, err)
	}
	for args, want := range map[string]string{
		"-interval 0s": "more than 0", "-probes -1": "negative", "-deadline -1s": "negative", "eth0": `"eth0"`, "-nope": "not defined",
	} {
		if _, err := parseDaemon(strings.Fields(args), environment(), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
	if _, err := parseDaemon(nil, environment("L2DISCOVERY_ALLIFS", "perhaps"), io.Discard); err == nil || !strings.Contains(err.Error(), "perhaps") {
		t.Errorf("L2DISCOVERY_ALLIFS=perhaps: %v", err)
	}
}

func TestMainHelp(t *testing.T) {
	var help bytes.Buffer
	if err := Main(context.Background(), []string{"-h"}, io.Discard, &help); err != nil || !strings.Contains(help.String(), "-skip") {
		t.Errorf("%v, %s", err, &help)
	}
	if err := Main(context.Background(), []string{"-x"}, io.Discard, io.Discard); err == nil || errors.Is(err, flag.ErrHelp) {
		t.Errorf("unknown flag: %v", err)
	}
}

func TestIsPort(t *testing.T) {
	attributes := func(change func(*netlink.LinkAttrs)) netlink.LinkAttrs {
		a := netlink.LinkAttrs{Name: "p", EncapType: "ether", HardwareAddr: []byte{0, 1, 2, 3, 4, 5}}
		if change != nil {
			change(&a)
		}
		return a
	}
	plain := attributes(nil)
	for name, c := range map[string]struct {
		link     netlink.Link
		all, one bool
	}{
		"physical": {&netlink.Device{LinkAttrs: plain}, true, true},
		"veth":     {&netlink.Veth{LinkAttrs: plain}, true, false},
		"VLAN":     {&netlink.Vlan{LinkAttrs: plain}, true, false},
		"bridge":   {&netlink.Bridge{LinkAttrs: plain}, true, false},
		"loopback": {&netlink.Device{LinkAttrs: attributes(func(a *netlink.LinkAttrs) { a.EncapType = "loopback" })}, false, false},
		"tunnel":   {&netlink.Device{LinkAttrs: attributes(func(a *netlink.LinkAttrs) { a.EncapType = "none" })}, false, false},
		"IPoIB":    {&netlink.Device{LinkAttrs: attributes(func(a *netlink.LinkAttrs) { a.HardwareAddr = make([]byte, 20) })}, false, false},
	} {
		if all, one := isPort(c.link, true), isPort(c.link, false); all != c.all || one != c.one {
			t.Errorf("%s: of all %v, looks physical %v", name, all, one)
		}
	}
}

func TestMachineClock(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	start := time.Now()
	if err := (MachineClock{}).Sleep(ctx, 20*time.Millisecond); err != nil || time.Since(start) < 20*time.Millisecond {
		t.Errorf("%v after %s", err, time.Since(start))
	}
	cancel()
	if err := (MachineClock{}).Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
