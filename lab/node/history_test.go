package node

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestHistoryKeepsWhatIsYoung(t *testing.T) {
	h := &history{keep: time.Minute}
	start := time.Unix(1000, 0)
	text := strings.Repeat("x", 100)
	for i := range 200 * 16 { // 16 lines a second, for 200 s
		h.add(start.Add(time.Duration(i)*time.Second/16), fmt.Sprintf("ptp4l.%d.config", i%2), []byte(fmt.Sprint(i, " ", text)))
	}
	lines := h.from(0)
	if n := len(lines); n < 60*16 || n > 60*16+2*chunkSize/(header+100) {
		t.Errorf("%d lines of the last minute, in which %d came", n, 60*16)
	}
	if h.next-h.first != uint64(len(lines)) || h.size != len(h.chunks)*chunkSize {
		t.Errorf("lines %d to %d, but %d of them; %d bytes in %d chunks", h.first, h.next, len(lines), h.size, len(h.chunks))
	}
	for i, l := range lines {
		n := int(h.first) + i
		if l.Config != fmt.Sprintf("ptp4l.%d.config", n%2) || !strings.HasPrefix(l.Text, fmt.Sprint(n, " ")) || !l.At.Equal(start.Add(time.Duration(n)*time.Second/16)) {
			t.Fatalf("line %d is %+v", n, l)
		}
	}
	if rest := h.from(h.next - 3); len(rest) != 3 || rest[2] != lines[len(lines)-1] {
		t.Errorf("the last three lines: %v", rest)
	}
	if rest := h.from(h.next); len(rest) != 0 {
		t.Errorf("after the last line: %v", rest)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := &history{}
	now := time.Unix(1000, 0)
	long := []byte(strings.Repeat("y", 2*chunkSize))
	for i := range 300 {
		h.add(now, "a", long)
		h.add(now, "b", []byte(fmt.Sprint(i)))
		if h.size > maxHistory {
			t.Fatalf("%d bytes after %d lines", h.size, h.next)
		}
	}
	lines := h.from(0)
	if last := lines[len(lines)-1]; last.Text != "299" || last.Config != "b" || len(lines[len(lines)-2].Text) != len(long) {
		t.Errorf("last line %+v", last)
	}
}

func TestSteadyHistoryAllocatesNothing(t *testing.T) {
	h := &history{keep: time.Second}
	now := time.Unix(1000, 0)
	text := []byte(strings.Repeat("z", 100))
	add := func() {
		for range 1000 {
			now = now.Add(time.Second / 64)
			h.add(now, "ptp4l.0.config", text)
		}
	}
	add()
	if n := testing.AllocsPerRun(10, add); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
