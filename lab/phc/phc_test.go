package phc

import (
	"errors"
	"io/fs"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestStepRequest(t *testing.T) {
	for _, test := range []struct{ ns, sec, rest int64 }{
		{0, 0, 0}, {1, 0, 1}, {-1, -1, 999999999}, {1e9, 1, 0}, {-1e9, -1, 0}, {-1500000000, -2, 500000000},
		{37e9 + 5, 37, 5}, {math.MaxInt64, 9223372036, 854775807}, {math.MinInt64, -9223372037, 145224192},
	} {
		got := stepRequest(test.ns)
		if got.Modes != 0x2100 || int64(got.Time.Sec) != test.sec || int64(got.Time.Usec) != test.rest {
			t.Errorf("step by %d: mode %#x, %d s, %d ns, want 0x2100, %d s, %d ns", test.ns, got.Modes, got.Time.Sec, got.Time.Usec, test.sec, test.rest)
		}
	}
}

func TestFrequencyRequest(t *testing.T) {
	for _, test := range []struct {
		ppb  float64
		freq int64
	}{{0, 0}, {1000, 65536}, {-1000, -65536}, {1, 66}, {0.5, 33}, {100000, 6553600}, {-0.001, 0}} {
		got, err := frequencyRequest(test.ppb)
		if err != nil || got.Modes != adjFrequency || int64(got.Freq) != test.freq {
			t.Errorf("%v ppb: %+v, %v, want freq %d", test.ppb, got, err, test.freq)
		}
		if err == nil && math.Abs(ppb(int64(got.Freq))-test.ppb) > 0.5/scaledPPM+1e-12 {
			t.Errorf("%v ppb comes back as %v", test.ppb, ppb(int64(got.Freq)))
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), 1e9, -1e9} {
		if _, err := frequencyRequest(bad); !errors.Is(err, unix.ERANGE) {
			t.Errorf("%v ppb: %v, want ERANGE", bad, err)
		}
	}
}

func TestBrackets(t *testing.T) {
	offset := &unix.PtpSysOffsetExtended{Samples: 2}
	offset.Ts[0] = [3]unix.PtpClockTime{{Sec: 1, Nsec: 2}, {Sec: 38, Nsec: 3}, {Sec: 1, Nsec: 4}}
	offset.Ts[1] = [3]unix.PtpClockTime{{Sec: -1, Nsec: 999999999}, {}, {Nsec: 1}}
	want := []Bracket{{1000000002, 38000000003, 1000000004}, {-1, 0, 1}}
	if diff := cmp.Diff(want, brackets(offset)); diff != "" {
		t.Errorf("brackets (-want +got):\n%s", diff)
	}
	offset.Samples = 1000 // a driver that lies
	if got := len(brackets(offset)); got != MaxBrackets {
		t.Errorf("%d brackets, want %d", got, MaxBrackets)
	}
}

func TestTimestampingOf(t *testing.T) {
	for _, test := range []struct {
		flags    uint32
		index    int32
		hardware bool
	}{{0x1 | 0x4 | 0x40, 3, true}, {0x1 | 0x4 | 0x40, -1, false}, {0x4 | 0x40, 0, false}, {0x1 | 0x40, 0, false}, {0x1 | 0x4, 0, false}} {
		got := timestampingOf(&unix.EthtoolTsInfo{So_timestamping: test.flags, Phc_index: test.index})
		if got.Hardware() != test.hardware || got.Index != int(test.index) {
			t.Errorf("flags %#x index %d: %+v, hardware %v, want %v", test.flags, test.index, got, got.Hardware(), test.hardware)
		}
	}
}

func TestErrorsNameWhatWasAsked(t *testing.T) {
	if _, err := Open(987654); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open = %v, want ErrNotExist", err)
	}
	if _, err := Interface(nil, "nosuchif0"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("Interface = %v, want ENODEV", err)
	}
	if _, err := Index(nil, "lo"); err == nil {
		t.Error("the loopback interface has a hardware clock")
	}
	if _, err := Interface(nil, "a name that is too long"); err == nil {
		t.Error("a name of more than 15 bytes is accepted")
	}
}
