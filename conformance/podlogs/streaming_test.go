package podlogs

import (
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadLines(t *testing.T) {
	const text = "2026-01-01T12:00:00.5Z ptp4l[1.000]: port 1: link up\n2026-01-01T12:00:01+01:00 \nno time\n\n2026-01-01T12:00:02Z unfinis"
	whole := []Line{
		{At: began.Add(500 * time.Millisecond), Text: "ptp4l[1.000]: port 1: link up"},
		{At: began.Add(time.Second - time.Hour), Text: ""},
		{At: began.Add(time.Second - time.Hour), Text: "no time"},
		{At: began.Add(time.Second - time.Hour), Text: ""},
	}
	for follow, want := range map[bool][]Line{true: whole, false: append(whole[:4:4], Line{At: began.Add(2 * time.Second), Text: "unfinis"})} {
		var got []Line
		if err := readLines(iotest.OneByteReader(strings.NewReader(text)), follow, func(l Line) { got = append(got, key(l)) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("follow %v:\n%s", follow, diff)
		}
	}
	if err := readLines(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(text))), false, func(l Line) { t.Errorf("told %v", l) }); err == nil {
		t.Error("the reader's error is lost")
	}
}

func TestLongLine(t *testing.T) {
	var sum, lines int
	text := "2026-01-01T12:00:00Z " + strings.Repeat("x", 3*longest) + "\n2026-01-01T12:00:00Z y\n"
	if err := readLines(strings.NewReader(text), true, func(l Line) { sum += len(l.Text); lines++ }); err != nil {
		t.Fatal(err)
	}
	if sum != 3*longest+1 || lines < 4 {
		t.Errorf("%d bytes in %d lines", sum, lines)
	}
}

func FuzzReadLines(f *testing.F) {
	f.Add("2026-01-01T12:00:00.5Z ptp4l[1.000]: port 1: link up\nno time\n\n2026-01-01T12:00:02Z unfinished", true)
	f.Add("2026-01-01T12:00:00Z", false)
	f.Fuzz(func(t *testing.T, text string, follow bool) {
		lines, bytes := 0, 0
		if err := readLines(strings.NewReader(text), follow, func(l Line) { lines++; bytes += len(l.Text) }); err != nil {
			t.Fatal(err)
		}
		want := strings.Count(text, "\n")
		if !follow && text != "" && !strings.HasSuffix(text, "\n") {
			want++
		}
		if lines != want || bytes > len(text) {
			t.Fatalf("%d lines of %d bytes, want %d of at most %d", lines, bytes, want, len(text))
		}
	})
}
