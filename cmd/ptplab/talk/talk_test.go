package talk

import (
	"strings"
	"testing"
	"time"
)

// fake is a Talk whose time the test moves and whose lines the test draws.
func fake(live bool) (*Talk, *strings.Builder, func(time.Duration)) {
	var out strings.Builder
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	t := &Talk{w: &out, live: live, width: func() int { return 80 }, now: func() time.Time { return now }}
	return t, &out, func(d time.Duration) {
		t.mu.Lock()
		defer t.mu.Unlock()
		now = now.Add(d)
		t.draw()
	}
}

func TestWithoutTerminal(t *testing.T) {
	talk, out, pass := fake(false)
	talk.Begin("namespaces", Kept)
	pass(time.Second)
	talk.End("4 of 4")
	talk.Begin("compile", Kept)
	talk.Update("CC a.o", 100, 1000)
	pass(time.Second)
	pass(9 * time.Second)
	pass(10 * time.Second)
	talk.Update("CC b.o", 500, 1000)
	pass(20 * time.Second)
	talk.Begin("compile", Kept)
	talk.End("")
	talk.Begin("link", Wait)
	pass(time.Second)
	talk.Begin("run 1h", Wait)
	pass(3 * time.Second)
	talk.End("")
	talk.Begin("sync: oc1 locks", Passing)
	talk.Close()
	talk.Begin("clocks", Kept)
	talk.Close()
	want := `
  namespaces             4 of 4                                            1.0 s
  compile                100 of 1000, about 2 min left, CC a.o            10.0 s
  compile                500 of 1000, about 40 s left, CC b.o             40.0 s
  compile                500 of 1000                                      40.0 s
  run 1h                 ...                                               3.0 s
  sync: oc1 locks                                                          0.0 s
  clocks                 failed                                            0.0 s
`
	if got := "\n" + out.String(); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	for l := range strings.Lines(out.String()) {
		if n := len(strings.TrimSuffix(l, "\n")); n != 80 {
			t.Errorf("%d columns: %q", n, l)
		}
	}
}

func TestOnTerminal(t *testing.T) {
	talk, out, pass := fake(true)
	talk.Begin("clocks", Kept)
	talk.Update("", 3, 8)
	pass(time.Second)
	first := out.String()
	if !strings.HasPrefix(first, "\r  clocks ") || !strings.HasSuffix(first, "1.0 s\x1b[K") || !strings.Contains(first, "3 of 8") {
		t.Errorf("live line: %q", first)
	}
	if n := len(strings.TrimSuffix(strings.TrimPrefix(first, "\r"), "\x1b[K")); n > 79 {
		t.Errorf("live line of %d columns would wrap", n)
	}
	talk.Printf("a word")
	if got := strings.TrimPrefix(out.String(), first); !strings.HasPrefix(got, "\r\x1b[Ka word\n\r  clocks") {
		t.Errorf("a line above the live one: %q", got)
	}
	talk.End("8 of 8")
	talk.Begin("sync: oc1 locks", Passing)
	pass(time.Second)
	before := out.Len()
	talk.End("")
	if got := out.String()[before:]; got != "\r\x1b[K" {
		t.Errorf("a passing step left %q", got)
	}
}

func TestSilence(t *testing.T) {
	var talk Talk
	talk.Printf("word")
	talk.Begin("step", Kept)
	talk.Update("text", 1, 2)
	talk.End("done")
	talk.Close()
}

func TestElapsed(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0 s", 1260 * time.Millisecond: "1.2 s", 59990 * time.Millisecond: "59.9 s",
		time.Minute: "1 min 00 s", 65 * time.Second: "1 min 05 s", time.Hour + 2*time.Second: "60 min 02 s",
	} {
		if got := elapsed(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{{"abc", 3, "abc"}, {"abcdef", 5, "ab..."}, {"abcdef", 2, "ab"}, {"a\x1b[2Jb\n", 9, "a [2Jb "}, {"µµµµµ", 4, "µ..."}} {
		if got := cut(c.in, c.width); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
		}
	}
}
