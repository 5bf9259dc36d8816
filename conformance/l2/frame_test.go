package l2

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// frameOf reads a frame that tcpdump captured from ptp4l on a veth pair.
func frameOf(t testing.TB, name string) []byte {
	t.Helper()
	frame, err := hex.DecodeString(strings.Join(strings.Fields(string(read(t, name))), ""))
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// tagged puts VLAN tags into a frame.
func tagged(frame []byte, tags ...byte) []byte {
	return slices.Insert(slices.Clone(frame), 12, tags...)
}

// What ptp4l was configured to be: priority1 101, priority2 102, domainNumber 24, clockClass 6, clockAccuracy 0x21,
// offsetScaledLogVariance 0x4e5d, timeSource 0x20.
var captured = Clock{
	Domain: 24, Priority1: 101, Class: 6, Accuracy: 0x21, Variance: 0x4e5d, Priority2: 102, Grandmaster: "020000.fffe.000a01",
	TimeSource: 0x20, Port: "020000.fffe.000a01-1",
}

func TestDecodeAnnounce(t *testing.T) {
	behind := captured
	behind.Steps, behind.Port = 1, "020000.fffe.000b01-2"
	grandmaster := frameOf(t, "announce-grandmaster.hex")
	for name, c := range map[string]struct {
		frame  []byte
		source string
		vlan   uint16
		want   Clock
	}{
		"grandmaster":    {grandmaster, "02:00:00:00:0A:01", 0, captured},
		"boundary clock": {frameOf(t, "announce-boundary.hex"), "02:00:00:00:0B:02", 0, behind},
		"VLAN tag":       {tagged(grandmaster, 0x81, 0x00, 0x60, 0x64), "02:00:00:00:0A:01", 100, captured},
		"priority tag":   {tagged(grandmaster, 0x81, 0x00, 0xE0, 0x00), "02:00:00:00:0A:01", 0, captured},
		"two tags":       {tagged(grandmaster, 0x88, 0xA8, 0x01, 0x2C, 0x81, 0x00, 0x00, 0x05), "02:00:00:00:0A:01", 300, captured},
		"padding":        {append(slices.Clone(grandmaster), 0, 0, 0, 0), "02:00:00:00:0A:01", 0, captured},
	} {
		f, err := ParseFrame(c.frame)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.EtherType != etherPTP || f.Source != c.source || f.VLAN != c.vlan || f.Destination != "01:1B:19:00:00:00" {
			t.Errorf("%s: frame %+v", name, f)
		}
		got, err := DecodeAnnounce(f.Payload)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestDecodeAnnounceRefuses(t *testing.T) {
	for _, name := range []string{"sync.hex", "follow-up.hex"} {
		if _, err := DecodeAnnounce(frameOf(t, name)[ethernetHeader:]); !errors.Is(err, ErrNotAnnounce) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := frameOf(t, "announce-grandmaster.hex")[ethernetHeader:]
	change := func(at int, to byte) []byte {
		b := slices.Clone(good)
		b[at] = to
		return b
	}
	for want, message := range map[string][]byte{
		"0 bytes": nil, "63 bytes": good[:63], "versionPTP 1": change(1, 1),
		"messageLength 63": change(3, 63), "messageLength 65 of 64": change(3, 65),
	} {
		if _, err := DecodeAnnounce(message); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := DecodeAnnounce(change(1, 0x12)); err != nil {
		t.Errorf("PTP version 2.1: %v", err)
	}
}

func TestParseFrameRefuses(t *testing.T) {
	header := make([]byte, 12)
	tag := []byte{0x81, 0, 0, 1}
	for want, b := range map[string][]byte{
		"13 bytes": make([]byte, 13),
		"cut off":  slices.Concat(header, []byte{0x81, 0, 0, 1, 8}),
		"two VLAN": slices.Concat(header, tag, tag, tag, []byte{0x88, 0xF7}),
	} {
		if f, err := ParseFrame(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v and %+v", want, err, f)
		}
	}
}

func TestProbeFrame(t *testing.T) {
	mac, _ := net.ParseMAC("00:11:22:33:01:02")
	want := []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x11, 0x22, 0x33, 1, 2, 0x88, 0xB5}
	if got := probeFrame(mac); !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
}

func FuzzParseFrame(f *testing.F) {
	for _, name := range []string{"announce-grandmaster.hex", "announce-boundary.hex", "sync.hex", "follow-up.hex"} {
		frame := frameOf(f, name)
		f.Add(frame)
		f.Add(tagged(frame, 0x81, 0x00, 0x60, 0x64))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := ParseFrame(b)
		if err != nil {
			return
		}
		if frame.VLAN > 4095 || frame.EtherType == etherVLAN || len(frame.Payload) > len(b)-ethernetHeader {
			t.Fatalf("% x became %+v", b, frame)
		}
		DecodeAnnounce(frame.Payload)
	})
}

func FuzzDecodeAnnounce(f *testing.F) {
	f.Add(frameOf(f, "announce-grandmaster.hex")[ethernetHeader:])
	f.Add(frameOf(f, "sync.hex")[ethernetHeader:])
	f.Fuzz(func(t *testing.T, message []byte) {
		clock, err := DecodeAnnounce(message)
		if (err == nil) != (clock.Grandmaster != "") {
			t.Fatalf("% x became %+v and %v", message, clock, err)
		}
	})
}
