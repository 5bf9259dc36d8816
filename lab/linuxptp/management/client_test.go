package management

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/google/go-cmp/cmp"
)

// answers reads what a ptp4l 4.2 that follows a grandmaster of class 6 answered, by managementId.
func answers(t testing.TB) map[protocol.ManagementID][]byte {
	t.Helper()
	text, err := os.ReadFile("testdata/answers.hex")
	if err != nil {
		t.Fatal(err)
	}
	all := map[protocol.ManagementID][]byte{}
	for line := range strings.Lines(string(text)) {
		b, err := hex.DecodeString(strings.Fields(line)[1])
		if err != nil {
			t.Fatal(err)
		}
		id, err := hex.DecodeString(strings.Fields(line)[0])
		if err != nil {
			t.Fatal(err)
		}
		all[protocol.ManagementID(binary.BigEndian.Uint16(id))] = b
	}
	return all
}

// serve answers as ptp4l did, with the question's sequenceId, each answer after the datagrams of before.
func serve(t *testing.T, before ...[]byte) Address {
	t.Helper()
	dir, err := os.MkdirTemp("", "m") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	a := Address{Server: filepath.Join(dir, "server"), Local: filepath.Join(dir, "client"), Port: 3, Domain: 24}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: a.Server, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	all := answers(t)
	go func() {
		b := make([]byte, maxMessage)
		for {
			n, from, err := conn.ReadFromUnix(b)
			if err != nil {
				return
			}
			question, err := decode(b[:n])
			if err != nil || question.DomainNumber != 24 {
				continue // ptp4l is silent to another domain
			}
			for _, datagram := range before {
				_, _ = conn.WriteToUnix(datagram, from)
			}
			answer, known := all[question.ID]
			if question.ActionField == protocol.SET {
				answer, known = encode(protocol.RESPONSE, question.ID, 0, 0, 24, 0, question.TLV[6:]), true
			}
			if known {
				answer = bytes.Clone(answer)
				binary.BigEndian.PutUint16(answer[30:], question.SequenceID)
				_, _ = conn.WriteToUnix(answer, from)
			}
		}
	}()
	return a
}

func dial(t *testing.T, a Address) *Client {
	t.Helper()
	c, err := Dial(a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestDataSets(t *testing.T) {
	const me, grandmaster protocol.ClockIdentity = 0x92a1c7fffe8438a7, 0x26116efffe872902
	c := dial(t, serve(t))
	ctx := t.Context()
	def, err := c.DefaultDataSet(ctx)
	if err != nil || def.ClockIdentity != me || def.NumberPorts != 1 || def.ClockQuality.ClockClass != 255 || def.DomainNumber != 24 {
		t.Errorf("default %+v, %v", def, err)
	}
	current, err := c.CurrentDataSet(ctx)
	if err != nil || current.StepsRemoved != 1 || current.OffsetFromMaster.Nanoseconds() != -678 || current.MeanPathDelay.Nanoseconds() != 798 {
		t.Errorf("current %+v, %v", current, err)
	}
	parent, err := c.ParentDataSet(ctx)
	if err != nil || parent.ParentPortIdentity.String() != "26116e.fffe.872902-1" || parent.GrandmasterIdentity != grandmaster ||
		parent.GrandmasterClockQuality.ClockClass != 6 {
		t.Errorf("parent %+v, %v", parent, err)
	}
	properties, err := c.TimePropertiesDataSet(ctx)
	if err != nil || properties.CurrentUtcOffset != 37 || properties.Flags.Has(PtpTimescale) || properties.TimeSource != 0xa0 {
		t.Errorf("time properties %+v, %v", properties, err)
	}
	port, err := c.PortDataSet(ctx, 1)
	if err != nil || port.PortIdentity.ClockIdentity != me || port.PortState != protocol.PortStateSlave || port.LogSyncInterval != -4 || port.AnnounceReceiptTimeout != 6 {
		t.Errorf("port %+v, %v", port, err)
	}
	status, err := c.TimeStatusNP(ctx)
	if err != nil || status.MasterOffsetNS != -678 || status.GMPresent != 1 || status.GMIdentity != grandmaster {
		t.Errorf("time status %+v, %v", status, err)
	}
	settings, err := c.GrandmasterSettingsNP(ctx)
	if err != nil || settings.ClockQuality.ClockClass != 255 || settings.CurrentUtcOffset != 37 {
		t.Errorf("grandmaster settings %+v, %v", settings, err)
	}
	np, err := c.PortDataSetNP(ctx, 1)
	if err != nil || np.NeighborPropDelayThresh != 20000000 || np.AsCapable != 1 {
		t.Errorf("port NP %+v, %v", np, err)
	}
}

func TestErrorStatus(t *testing.T) {
	c := dial(t, serve(t))
	_, err := c.ask(t.Context(), protocol.GET, 0x2ff0, 0, nil)
	if !errors.Is(err, protocol.ErrorWrongValue) {
		t.Errorf("error %v, want WRONG_VALUE", err)
	}
}

func TestNotificationsDoNotReplaceAnswers(t *testing.T) {
	all := answers(t)
	c := dial(t, serve(t, all[protocol.IDTimeStatusNP], all[protocol.IDPortDataSet]))
	if err := c.Subscribe(t.Context(), PortStateEvents|TimeSyncEvents, time.Minute); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 2 {
		n, err := c.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		switch n := n.(type) {
		case *TimeStatusNP:
			got = append(got, "time status")
		case *PortDataSet:
			got = append(got, n.PortState.String())
		}
	}
	if diff := cmp.Diff([]string{"time status", "SLAVE"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSilenceEndsWithTheContext(t *testing.T) {
	a := serve(t)
	a.Domain = 25
	c := dial(t, a)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.ParentDataSet(ctx); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("error %v, want a deadline", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := c.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

func TestCloseRemovesOurEnd(t *testing.T) {
	a := serve(t)
	c := dial(t, a)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(a.Local); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", a.Local, err)
	}
	a.Server += "-nobody"
	if _, err := Dial(a); err == nil {
		t.Error("connected to nobody")
	}
	if _, err := os.Stat(a.Local); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s was left by a failed dial", a.Local)
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range answers(f) {
		f.Add(b)
	}
	f.Add(encode(protocol.SET, idSubscribeEventsNP, 1, 2, 24, 0, make([]byte, 66)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(b)
		var status protocol.ManagementErrorID
		if err != nil && !errors.Is(err, ErrMessage) && !errors.As(err, &status) {
			t.Fatalf("error %v is neither a bad message nor a status", err)
		}
		if err != nil {
			return
		}
		if len(m.TLV) > len(b) {
			t.Fatal("TLV longer than the message")
		}
		for _, read := range []func(*message) error{try[DefaultDataSet], try[CurrentDataSet], try[ParentDataSet], try[TimePropertiesDataSet],
			try[PortDataSet], try[TimeStatusNP], try[GrandmasterSettingsNP], try[PortDataSetNP]} {
			if err := read(m); err != nil && !errors.Is(err, ErrMessage) {
				t.Fatal(err)
			}
		}
	})
}

func try[T any](m *message) error {
	_, err := unpack[T](m)
	return err
}
