package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ptplab/ptplab/lab/node"
)

// How the client asks.
const (
	answerWithin = 2 * time.Second        // how long one who wants to know now waits
	fresh        = 100 * time.Millisecond // one snapshot serves all who ask within it, so that their answers fit together
	lastWord     = 10 * time.Second       // how long the last snapshot counts when the daemon does not answer
)

// Client is a node as its daemon tells of it over the socket: the events.Node of another process. While the daemon is
// restarted its last word counts, for lastWord; then nothing is known of the node.
type Client struct {
	http http.Client
	log  *slog.Logger
	word time.Duration // lastWord

	mu    sync.Mutex
	now   snapshot
	at    time.Time // of now
	away  time.Time // of the first failure since the daemon last answered; zero: it answered
	count uint64    // of the snapshots that differed by their run or change
}

// NewClient makes a client of the daemon at a socket, which need not be there yet. A nil log is none.
func NewClient(socket string, log *slog.Logger) *Client {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var dialer net.Dialer
	return &Client{log: log, word: lastWord, http: http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
	}}}
}

// WaitChange waits until the daemon tells of a change, through its restarts. seen is what the last call gave, 0 at first;
// it gives the count to pass next. The error is that of ctx.
func (c *Client) WaitChange(ctx context.Context, seen uint64) (uint64, error) {
	for again := retry(); ; {
		count, run, change := c.seen()
		if count != seen {
			return count, nil
		}
		s, err := c.get(ctx, longPoll+answerWithin, url.Values{"run": {run}, "change": {strconv.FormatUint(change, 10)}})
		if ctx.Err() != nil {
			return seen, ctx.Err()
		}
		if err == nil {
			c.take(s)
			again = retry()
			continue
		}
		c.failed(err)
		if !pause(ctx, again.Step()) {
			return seen, ctx.Err()
		}
	}
}

// Status gives the node's state.
func (c *Client) Status() node.Status { return c.look().Status }

// Profiles gives the profiles that the node runs, in the order in which they start.
func (c *Client) Profiles() []node.Chosen { return slices.Clone(c.look().Profiles) }

// ClockClasses gives the clockClass of each ptp4l that has told one.
func (c *Client) ClockClasses() []node.ClockClass { return slices.Clone(c.look().Classes) }

// Aliases gives the names under which notifications know the node's ports.
func (c *Client) Aliases() map[string]string { return maps.Clone(c.look().Aliases) }

// look gives a snapshot that is fresh, or the last one if the daemon does not answer.
func (c *Client) look() snapshot {
	c.mu.Lock()
	now, at := c.now, c.at
	c.mu.Unlock()
	if !at.IsZero() && time.Since(at) < fresh {
		return now
	}
	s, err := c.get(context.Background(), answerWithin, nil)
	if err != nil {
		c.failed(err)
	} else {
		c.take(s)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// seen is the last snapshot in the words of both sides.
func (c *Client) seen() (count uint64, run string, change uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count, c.now.Run, c.now.Change
}

// get asks the daemon.
func (c *Client) get(ctx context.Context, within time.Duration, query url.Values) (snapshot, error) {
	var s snapshot
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://linuxptp-daemon"+statePath+"?"+query.Encode(), nil)
	if err != nil {
		return s, err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return s, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return s, fmt.Errorf("the daemon answers %s", answer.Status)
	}
	err = json.NewDecoder(answer.Body).Decode(&s)
	return s, err
}

// take notes what the daemon said. Two may ask at once: the older answer does not count.
func (c *Client) take(s snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.away.IsZero() {
		c.log.Info("the daemon answers again", "away", time.Since(c.away).Round(time.Millisecond))
		c.away = time.Time{}
	}
	if s.Run == c.now.Run && s.Change < c.now.Change {
		return
	}
	if s.Run != c.now.Run || s.Change != c.now.Change {
		c.count++
	}
	c.now, c.at = s, time.Now()
}

// failed notes that the daemon does not answer. What it said last counts for a while.
func (c *Client) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away.IsZero() {
		c.away = time.Now()
		c.log.Warn("the daemon does not answer", "error", err)
	}
	if c.now.Run != "" && time.Since(c.away) >= c.word {
		c.now, c.at = snapshot{}, time.Time{}
		c.count++
		c.log.Warn("nothing is known of the node any more")
	}
}
