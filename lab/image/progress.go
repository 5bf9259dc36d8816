package image

import "fmt"

// Event is one piece of news about a build.
type Event struct {
	Image Kind   // what is being built
	Step  string // "fetch source", "compile", ...
	Done  int    // steps of Total that are done
	Total int    // 0: not known
	Note  string // what is going on, such as the file being compiled; may be empty
}

// Progress gets each event as it happens, from one goroutine at a time. It must not block for long.
type Progress func(Event)

// reporter is a Progress that knows whose news it tells and may be nobody.
type reporter struct {
	tell  Progress
	image Kind
}

func newReporter(progress Progress, image Kind) reporter {
	if progress == nil {
		progress = func(Event) {}
	}
	return reporter{tell: progress, image: image}
}

// step announces that a part of the build begins.
func (r reporter) step(name, format string, args ...any) {
	r.tell(Event{Image: r.image, Step: name, Note: fmt.Sprintf(format, args...)})
}

// count says how far a part of the build is. A total that turns out too small is not shown.
func (r reporter) count(name string, done, total int, note string) {
	if done > total {
		total = 0
	}
	r.tell(Event{Image: r.image, Step: name, Done: done, Total: total, Note: note})
}
