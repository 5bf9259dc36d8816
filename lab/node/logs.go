package node

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// LogLine is one line of the node's log.
type LogLine struct {
	At     time.Time `json:"at"`     // when it was read
	Config string    `json:"config"` // which process wrote it, "ptp4l.0.config"; "" is the node itself
	Text   string    `json:"text"`
}

// Logs gives the lines that the node still has, and, when follow is set, those that come, until ctx ends. Who reads
// slower than lines come loses the oldest, and is told so by a line of the node.
func (n *Node) Logs(ctx context.Context, follow bool) iter.Seq[LogLine] {
	return func(yield func(LogLine) bool) {
		var at uint64
		for first := true; ; first = false {
			lines, lost, next, more := n.logsFrom(at, follow)
			if lost > 0 && !first {
				lines = append([]LogLine{{At: time.Now(), Text: fmt.Sprintf("%d lines were lost by a slow reader", lost)}}, lines...)
			}
			at = next
			for _, l := range lines {
				if ctx.Err() != nil || !yield(l) {
					return
				}
			}
			if !follow {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-more:
			}
		}
	}
}

// logsFrom copies the lines from number at on.
func (n *Node) logsFrom(at uint64, follow bool) (lines []LogLine, lost, next uint64, more <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.look()
	h := &n.history
	if at < h.first {
		at, lost = h.first, h.first-at
	}
	if follow && h.more == nil {
		h.more = make(chan struct{})
	}
	return h.from(at), lost, h.next, h.more
}

// logFile is a process's log on disk: the newest lines up to a bound in NAME, as many older ones in NAME.1.
type logFile struct {
	path  string
	limit int64
	size  int64
	file  *os.File
}

// write appends whole lines. Where they do not fit the file is renamed first.
func (f *logFile) write(b []byte) error {
	if f.file != nil && f.size+int64(len(b)) > f.limit && f.size > 0 {
		if err := f.close(); err != nil {
			return err
		}
		if err := os.Rename(f.path, f.path+".1"); err != nil {
			return err
		}
	}
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	written, err := f.file.Write(b)
	f.size += int64(written)
	return err
}

// open continues the file where an earlier process of the same name left it.
func (f *logFile) open() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return err
	}
	f.file, f.size = file, info.Size()
	return nil
}

func (f *logFile) close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}
