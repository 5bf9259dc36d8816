package talk

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

const (
	defaultWidth = 80 // columns
	nameWidth    = 22 // of the step's name, where there is more to say
)

func widthOf(f *os.File) int {
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 20 {
		return defaultWidth
	}
	return width
}

// line is "  name  text        spent", at most width columns where the name allows.
func line(name, text, spent string, width int) string {
	const indent, gap = 2, 2
	room := width - indent - gap - utf8.RuneCountInString(spent)
	left := name
	if text != "" {
		left = pad(name, nameWidth) + " " + text
	}
	return strings.Repeat(" ", indent) + pad(cut(left, room), room) + strings.Repeat(" ", gap) + spent
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// cut shortens s to width columns and leaves no control character in it.
func cut(s string, width int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	const dots = "..."
	if width <= len(dots) {
		return string([]rune(s)[:max(0, width)])
	}
	return string([]rune(s)[:width-len(dots)]) + dots
}

// elapsed is a time as a person reads it: "3.2 s", "2 min 05 s".
func elapsed(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Truncate(100*time.Millisecond).Seconds())
	}
	d = d.Truncate(time.Second)
	return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
}

// words are how far a step is: "120 of 3000, about 4 min left, CC drivers/ptp/ptp_clock.o".
func (s *step) words(spent time.Duration) string {
	var parts []string
	if s.total > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d", s.done, s.total))
	}
	if left := s.left(spent); left != "" {
		parts = append(parts, left)
	}
	if s.text != "" {
		parts = append(parts, s.text)
	}
	return strings.Join(parts, ", ")
}

// left is an estimate, once there is enough to make one from.
func (s *step) left(spent time.Duration) string {
	if s.total <= 0 || s.done <= 0 || s.done >= s.total || spent < patience || s.done*50 < s.total {
		return ""
	}
	rest := time.Duration(float64(spent) * float64(s.total-s.done) / float64(s.done))
	if rest < time.Minute {
		return fmt.Sprintf("about %d s left", max(1, int(rest.Seconds())))
	}
	return fmt.Sprintf("about %d min left", int(rest.Round(time.Minute).Minutes()))
}
