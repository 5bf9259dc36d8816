package l2

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"
)

// A reply of Linux 6.18 for a virtio port, which has software time stamps only.
const softwareReply = "1a01000018000180080001000400000009000200657468300000000018000280040001000800020013000000080004001a000000"

func reply(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the reply is little endian")
	}
	return b
}

func TestParseTSInfo(t *testing.T) {
	software := reply(t, softwareReply)
	stamps := bytes.LastIndex(software, []byte{0x1a, 0, 0, 0})
	with := func(bits byte, attributes ...byte) []byte {
		b := bytes.Clone(software)
		b[stamps] = bits
		return append(b, attributes...)
	}
	clock3 := []byte{8, 0, 5, 0, 3, 0, 0, 0}
	for name, c := range map[string]struct {
		reply         []byte
		tx, rx, clock bool
		phc           int
	}{
		"software":          {software, false, false, false, -1},
		"all of a NIC":      {with(0x5F, clock3...), true, true, true, 3},
		"no transmit":       {with(0x44, clock3...), false, true, true, 3},
		"no receive":        {with(0x41, clock3...), true, false, true, 3},
		"no clock":          {with(0x05), true, true, false, -1},
		"no index":          {with(0x45, 8, 0, 5, 0, 0xFF, 0xFF, 0xFF, 0xFF), true, true, true, -1},
		"only generic head": {software[:4], false, false, false, -1},
	} {
		got, err := parseTSInfo(c.reply)
		if err != nil || got.HwTx != c.tx || got.HwRx != c.rx || got.HwRawClock != c.clock || got.PhcIndex != c.phc {
			t.Errorf("%s: %+v, clock %d, %v", name, got, got.PhcIndex, err)
		}
	}
	for name, b := range map[string][]byte{"empty": nil, "cut off": software[:len(software)-3], "short index": with(0x1a, 6, 0, 5, 0, 3, 0, 0, 0)} {
		if got, err := parseTSInfo(b); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzParseTSInfo(f *testing.F) {
	f.Add(reply(f, softwareReply))
	f.Fuzz(func(t *testing.T, b []byte) {
		if caps, err := parseTSInfo(b); err == nil && caps.ClockDetails == nil {
			t.Fatal("no clock details")
		}
	})
}
