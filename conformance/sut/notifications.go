package sut

import (
	"context"
	"net/http"
	"time"
)

// Notifications is implemented by a System whose nodes serve the O-RAN notification API (O-RAN.WG6.O-Cloud Notification
// API), as cloud-event-proxy does.
type Notifications interface {
	// OpenMailbox makes a place from which a node's API can be reached and to which its events can be sent.
	OpenMailbox(ctx context.Context, node string) (Mailbox, error)
	// CrashNotifier ends the node's notification service as SIGKILL does. Whoever supervises it starts it again.
	CrashNotifier(ctx context.Context, node string) error
}

// Mailbox is a place near a node: a listener in its network namespace, or a pod beside it.
type Mailbox interface {
	http.RoundTripper // carries requests to the API

	API() string      // base URL of the node's API server, as RoundTrip understands it: "http://localhost:9043"
	Endpoint() string // URL to which the node can send events; the mailbox answers each with 204 and keeps it
	// Take returns what arrived since the last call, oldest first.
	Take(ctx context.Context) ([]Mail, error)
	// Close gives the place back. Further mail is refused a connection.
	Close(ctx context.Context) error
}

// Mail is a request that arrived in a Mailbox.
type Mail struct {
	At     time.Time // in the system's time
	Path   string
	Header http.Header
	Body   []byte
}

// Operator is implemented by a System with an operator's settings: on a cluster, those of the PtpOperatorConfig "default".
type Operator interface {
	OperatorConfig(ctx context.Context) (OperatorConfig, error)
	// SetOperatorConfig changes the settings. Those that the validation turns down change nothing and are a *RefusedError.
	SetOperatorConfig(ctx context.Context, c OperatorConfig) error
}

// OperatorConfig is what the suite knows of a PtpOperatorConfig.
type OperatorConfig struct {
	EnableEventPublisher bool
	APIVersion           string // of the events' REST API: "2.0"; empty for the default
}
