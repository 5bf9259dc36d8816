package node

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves /metrics and /ready as linuxptp-daemon does.
func (n *Node) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.Gatherer(), promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := n.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "OK")
	})
	return mux
}

// notReady says in upstream's words why a node is not ready.
type notReady string

func (e notReady) Error() string { return string(e) }

// Ready tells whether a profile is applied, all its processes run and each has said something of its ports or clocks.
// A phc2sys that waits for its ptp4l does not count.
func (n *Node) Ready() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.look()
	if len(n.chosen) == 0 {
		return notReady("Config not applied")
	}
	if len(n.processes) == 0 {
		return notReady("No processes have started")
	}
	var stopped, silent []string
	for _, p := range n.processes {
		switch {
		case p.state == Dead:
			stopped = append(stopped, p.config)
		case p.state == Running && !p.clock.spoke():
			silent = append(silent, p.config)
		}
	}
	if len(stopped) > 0 {
		return notReady("Stopped process(es): " + strings.Join(stopped, ", "))
	}
	if len(silent) > 0 {
		return notReady("Process(es) have not yet collected metrics: " + strings.Join(silent, ", "))
	}
	return nil
}

// spoke tells whether the process has said anything that a metric shows.
func (c *clock) spoke() bool {
	if len(c.series) > 0 {
		return true
	}
	for _, q := range c.ports {
		if q.state != 0 {
			return true
		}
	}
	return false
}
