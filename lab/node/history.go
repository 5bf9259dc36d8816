package node

import (
	"encoding/binary"
	"slices"
	"time"
)

// The memory of a node's log: how long a line stays at least, and what all lines may take before the oldest go sooner.
const (
	defaultLogTime = 2 * time.Minute
	maxHistory     = 4 << 20 // bytes; a ptp4l that prints 16 lines a second takes a sixteenth of it in 2 min
	chunkSize      = 32 << 10
)

// history keeps the newest lines of a node. It takes what they take: who prints nothing has none, and memory is used
// again, so that a steady flow allocates nothing.
type history struct {
	keep   time.Duration // 0: defaultLogTime
	chunks []*chunk      // oldest first
	first  uint64        // number of the oldest line
	next   uint64        // number of the line to come
	size   int           // bytes of all chunks
	names  []string      // that records refer to
	more   chan struct{} // closed when lines came; nil while nobody waits
}

// chunk is lines one after the other, each with a header: when it was read, whose it is and how long it is.
type chunk struct {
	data   []byte
	lines  uint64
	newest time.Time
}

// header is the length of a line's header: 8 bytes of ns since 1970, 4 of the name's index, 4 of the text's length.
const header = 16

// add appends a line.
func (h *history) add(at time.Time, config string, text []byte) {
	c := h.room(at, header+len(text))
	name := slices.Index(h.names, config)
	if name < 0 {
		name = len(h.names)
		h.names = append(h.names, config)
	}
	c.data = binary.LittleEndian.AppendUint64(c.data, uint64(at.UnixNano()))
	c.data = binary.LittleEndian.AppendUint32(c.data, uint32(name))
	c.data = binary.LittleEndian.AppendUint32(c.data, uint32(len(text)))
	c.data = append(c.data, text...)
	c.lines++
	c.newest = at
	h.next++
}

// room gives a chunk in which so many bytes fit. Where the last one is full, chunks that are too old go, and one of them
// becomes the new one.
func (h *history) room(now time.Time, bytes int) *chunk {
	if len(h.chunks) > 0 {
		if c := h.chunks[len(h.chunks)-1]; len(c.data)+bytes <= cap(c.data) {
			return c
		}
	}
	keep := h.keep
	if keep == 0 {
		keep = defaultLogTime
	}
	want := max(chunkSize, bytes)
	var fresh *chunk
	for len(h.chunks) > 0 && (now.Sub(h.chunks[0].newest) > keep || h.size+want > maxHistory) {
		old := h.chunks[0]
		h.chunks = slices.Delete(h.chunks, 0, 1)
		h.first += old.lines
		h.size -= cap(old.data)
		if cap(old.data) == want {
			fresh = old
		}
	}
	if fresh == nil {
		fresh = &chunk{data: make([]byte, 0, want)}
	}
	fresh.data, fresh.lines = fresh.data[:0], 0
	h.size += cap(fresh.data)
	h.chunks = append(h.chunks, fresh)
	return fresh
}

// from copies the lines from number at on, or from the oldest that there is.
func (h *history) from(at uint64) []LogLine {
	var lines []LogLine
	number := h.first
	for _, c := range h.chunks {
		if number+c.lines <= at {
			number += c.lines
			continue
		}
		for rest := c.data; len(rest) > 0; number++ {
			stamp, name, length := binary.LittleEndian.Uint64(rest), binary.LittleEndian.Uint32(rest[8:]), binary.LittleEndian.Uint32(rest[12:])
			if number >= at {
				lines = append(lines, LogLine{At: time.Unix(0, int64(stamp)), Config: h.names[name], Text: string(rest[header : header+length])})
			}
			rest = rest[header+length:]
		}
	}
	return lines
}

// wake tells those who follow that lines came.
func (h *history) wake() {
	if h.more != nil {
		close(h.more)
		h.more = nil
	}
}
