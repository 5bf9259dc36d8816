package events

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ptplab/ptplab/conformance/wait"
)

// Wanted says which event to wait for.
type Wanted struct {
	What  string              // in a few words, for the text of a failure: "HOLDOVER of ens1fx on w1"
	After int                 // only events that arrived after this Mark; 0: all
	Match func(Received) bool // whether it is this one
}

// State wants an event of a resource that tells a state of an address that ends in about; an empty about is any.
func State(resource, about, state string, after int) Wanted {
	return tells(Notification, resource, about, state, after)
}

// Class wants an event that tells a clockClass.
func Class(resource string, class, after int) Wanted {
	return tells(Metric, resource, "", fmt.Sprint(class), after)
}

func tells(dataType, resource, about, text string, after int) Wanted {
	what := text + " from " + resource
	if about != "" {
		what = text + " of " + about + " from " + resource
	}
	return Wanted{What: what, After: after, Match: func(r Received) bool {
		if r.Resource != resource {
			return false
		}
		for _, v := range r.Values {
			if v.DataType == dataType && v.Text == text && strings.HasSuffix(v.Address, about) {
				return true
			}
		}
		return false
	}}
}

// shown is how many events of the history the text of a failed wait has.
const shown = 5

// Await waits for an event until the deadline is over, in the system's time. The error is a *wait.Error that shows the
// last events that came instead.
func (c *Consumer) Await(ctx context.Context, w Wanted, deadline time.Duration) (Received, error) {
	var found Received
	_, err := wait.Until(ctx, c.o.Clock, "an event "+w.What, deadline, c.o.Interval, func(context.Context) (bool, string, error) {
		history := c.History(w.After)
		for _, r := range history {
			if w.Match(r) {
				found = r
				return true, r.String(), nil
			}
		}
		return false, show(history), nil
	})
	return found, err
}

// show is the end of a history in one line.
func show(history []Received) string {
	if len(history) == 0 {
		return "no event"
	}
	var lines []string
	for _, r := range history[max(0, len(history)-shown):] {
		lines = append(lines, r.String())
	}
	text := strings.Join(lines, "; ")
	if more := len(history) - len(lines); more > 0 {
		text = fmt.Sprintf("%d events, then %s", more, text)
	}
	return text
}
