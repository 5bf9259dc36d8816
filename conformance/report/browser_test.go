//go:build browser

package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// chromium runs headless on a page and returns what it prints and what the page's console says.
func chromium(t *testing.T, page string, flags ...string) (stdout, console string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr", "--user-data-dir=" + t.TempDir(),
	}, flags...)
	cmd := exec.CommandContext(t.Context(), "chromium", append(args, "file://"+file)...)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, talk.String())
	}
	for line := range strings.Lines(talk.String()) {
		if strings.Contains(line, "CONSOLE") {
			console += line
		}
	}
	return out.String(), console
}

// layout is what the harness finds in a page that it shows in a frame.
type layout struct {
	Width            int // of all that there is to scroll to
	Specs, SVG, Logs int
	EmptyCurves      int // without extent
	Outside          int // texts that leave the page
	Dark             string
}

const harness = `<!DOCTYPE html><body><iframe id="frame" width="%d" height="3000" srcdoc="%s"></iframe><script>
addEventListener("load", () => {
	const d = frame.contentDocument, all = s => [...d.querySelectorAll(s)];
	document.title = JSON.stringify({
		Width: d.documentElement.scrollWidth,
		Specs: all("#specs tbody tr[id^=spec]").filter(e => e.getBoundingClientRect().height > 10).length,
		SVG: all("figure > svg").filter(e => e.getBoundingClientRect().width > 100).length,
		Logs: all("#logs details").length,
		EmptyCurves: all("path").filter(e => e.getBBox().width < 100).length,
		Outside: all("svg text, td, dd, h1").filter(e => { const r = e.getBoundingClientRect(); return r.left < -0.5 || r.right > %d + 0.5 }).length,
		Dark: getComputedStyle(d.body).backgroundColor,
	});
});
</script>`

func TestBrowserLaysThePageOut(t *testing.T) {
	page := html(t, canned())
	inFrame := regexp.MustCompile(`<meta http-equiv[^>]*>`).ReplaceAllString(page, "") // it would hold the harness too
	for _, width := range []int{360, 768, 1280} {
		dom, console := chromium(t, fmt.Sprintf(harness, width, template.HTMLEscapeString(inFrame), width), "--dump-dom", "--window-size=1400,3200")
		title := regexp.MustCompile(`<title>(\{.*?\})</title>`).FindStringSubmatch(dom)
		if title == nil {
			t.Fatalf("%d px: the harness found nothing\n%s", width, console)
		}
		var got layout
		if err := json.Unmarshal([]byte(title[1]), &got); err != nil {
			t.Fatal(err)
		}
		want := layout{Width: width, Specs: 4, SVG: 5, Logs: 2, Dark: "rgb(255, 255, 255)"}
		if got != want || console != "" {
			t.Errorf("%d px: got %+v, want %+v; console: %s", width, got, want, console)
		}
	}
}

func TestBrowserRendersThePage(t *testing.T) {
	page := html(t, canned())
	dom, console := chromium(t, page, "--dump-dom")
	for _, want := range []string{"1 of 4 specs failed", `id="spec-3"`, "oc1 on w2 is off by -5003 ns", "the last 2 lines", "Link of w1/ens1f0 down"} {
		if !strings.Contains(dom, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if console != "" {
		t.Errorf("console: %s", console)
	}
}

func TestBrowserPaintsTheColours(t *testing.T) {
	for _, c := range []struct {
		name, flag  string
		back, curve color.RGBA
	}{
		{"light", "--blink-settings=preferredColorScheme=1", color.RGBA{255, 255, 255, 255}, color.RGBA{0x1f, 0x62, 0xc9, 255}},
		{"dark", "--blink-settings=preferredColorScheme=0", color.RGBA{0x11, 0x15, 0x1a, 255}, color.RGBA{0x6b, 0xa6, 0xff, 255}},
	} {
		file := filepath.Join(t.TempDir(), "page.png")
		_, console := chromium(t, html(t, canned()), c.flag, "--screenshot="+file, "--window-size=1200,2400")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[color.RGBA]int{}
		for y := range picture.Bounds().Dy() {
			for x := range picture.Bounds().Dx() {
				r, g, b, _ := picture.At(x, y).RGBA()
				seen[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}]++
			}
		}
		if seen[c.back] < 1_000_000 || seen[c.curve] < 1000 || console != "" {
			t.Errorf("%s: %d pixels of the background, %d of the true error; console: %s", c.name, seen[c.back], seen[c.curve], console)
		}
	}
}

// TestBrowserIsHeard sees that the other tests would notice an error.
func TestBrowserIsHeard(t *testing.T) {
	page := strings.Replace(html(t, canned()), "<main>", `<main><img src="https://example.org/a.png"><script>1</script>`, 1)
	_, console := chromium(t, page, "--dump-dom")
	if n := strings.Count(console, "Content Security Policy"); n < 2 {
		t.Errorf("an image from elsewhere and a script: console says %q", console)
	}
}
