package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/ptplab/ptplab/lab/events"
)

// ProxyOptions say for which node a notification service works. Node is needed; the rest is upstream's if empty.
type ProxyOptions struct {
	Node    string       // of Kubernetes, as in resource addresses
	Socket  string       // of the daemon; "": Socket
	Store   string       // directory that keeps the subscriptions; "": /store
	Address string       // where the API is; "": :9043
	Log     *slog.Logger // nil: none
}

// How long the end of a notification service may take; its pod has 5 s.
const (
	answersWithin   = time.Second     // of requests
	deliveredWithin = 3 * time.Second // of notifications
)

func (o ProxyOptions) withDefaults() (ProxyOptions, error) {
	if o.Node == "" {
		return o, errors.New("notifications: Node is needed")
	}
	for text, standard := range map[*string]string{&o.Socket: Socket, &o.Store: "/store", &o.Address: ":9043"} {
		if *text == "" {
			*text = standard
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// RunProxy is the notification service of a node until ctx ends: the API of cloud-event-proxy for what the node's daemon
// tells. At the end it answers the requests that it has, and delivers what waits.
func RunProxy(ctx context.Context, o ProxyOptions) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Store, 0o755); err != nil {
		return fmt.Errorf("subscriptions: %w", err)
	}
	server, err := events.New(events.Options{
		Name: o.Node, Node: NewClient(o.Socket, o.Log), Store: filepath.Join(o.Store, "subscriptions.json"), Log: o.Log,
		Transport: &http.Transport{DisableKeepAlives: true}, // an idle connection would outlive its consumer
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.Address)
	if err != nil {
		return fmt.Errorf("notifications: %w", err)
	}
	if err := server.Start(); err != nil {
		return errors.Join(err, listener.Close())
	}
	api := &http.Server{Handler: server, ReadHeaderTimeout: headerTimeout}
	ended := make(chan error, 1)
	go func() { ended <- api.Serve(listener) }()
	select {
	case err = <-ended:
		server.Crash()
		return fmt.Errorf("notifications at %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	return stopProxy(context.WithoutCancel(ctx), api, server)
}

// stopProxy ends first what asks and then what is told.
func stopProxy(ctx context.Context, api *http.Server, server *events.Server) error {
	answers, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	if api.Shutdown(answers) != nil {
		_ = api.Close() // who still asks is cut off
	}
	delivered, cancel := context.WithTimeout(ctx, deliveredWithin)
	defer cancel()
	server.Stop(delivered)
	return nil
}
