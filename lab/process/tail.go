package process

import (
	"io"
	"os"
	"strings"
)

// tailBytes is how much of a log is read for its last lines: one that grows without end may be as large as the disk.
const tailBytes = 16 << 10

// Tail gives the last lines of a log file, at most n; none if it is empty or cannot be read. n 0 is as many as 16 KiB hold.
func Tail(path string, n int) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-tailBytes), tailBytes))
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	if n > 0 {
		lines = lines[max(0, len(lines)-n):]
	}
	return lines
}
