package daemon

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/ptplab/ptplab/lab/events"
	"github.com/ptplab/ptplab/lab/node"
)

// statePath is where the socket serves a snapshot. With a query "run" and "change" it waits for one of another run or
// change, for longPoll at most.
const (
	statePath = "/state"
	longPoll  = 30 * time.Second
)

// snapshot is what notifications need to know of a node.
type snapshot struct {
	Run      string            `json:"run"`    // of the daemon; changes of two runs cannot be compared
	Change   uint64            `json:"change"` // of the node's WaitChange
	Status   node.Status       `json:"status"`
	Profiles []node.Chosen     `json:"profiles"`
	Classes  []node.ClockClass `json:"classes"`
	Aliases  map[string]string `json:"aliases"`
}

// stateHandler serves the snapshots of one run.
func stateHandler(n events.Node) http.Handler {
	run := uuid.NewString()
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+statePath, func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		seen, err := strconv.ParseUint(query.Get("change"), 10, 64)
		if query.Get("run") != run || err != nil {
			seen = never
		}
		change, err := await(r.Context(), n, seen)
		if err != nil {
			return // the client is gone
		}
		writeJSON(w, snapshot{Run: run, Change: change, Status: n.Status(), Profiles: n.Profiles(), Classes: n.ClockClasses(), Aliases: n.Aliases()})
	})
	return mux
}

// never is a count of changes that no node reaches: to wait for a change since then is to ask for the count.
const never = math.MaxUint64

// await waits for another count of changes, for longPoll at most. The count is taken before the state is, so that no
// change is missed.
func await(ctx context.Context, n events.Node, seen uint64) (uint64, error) {
	within, cancel := context.WithTimeout(ctx, longPoll)
	defer cancel()
	change, err := n.WaitChange(within, seen)
	if err != nil && ctx.Err() == nil {
		return seen, nil
	}
	return change, err
}
