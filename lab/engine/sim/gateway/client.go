package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Forward is a port of the host that leads to one of the guest.
type Forward struct {
	Guest string `json:"guest"` // address within the guest's network, "192.168.127.2:6443"
	Local string `json:"local"` // of the host, "127.0.0.1:6443"; empty in a request lets the gateway choose a free port
}

// Client talks to a gateway.
type Client struct {
	Dial func(ctx context.Context) (net.Conn, error) // connects to the gateway's socket
}

// Forward asks for a forward and returns it with its local address. Asking again for the same guest address gives the one
// that there is.
func (c Client) Forward(ctx context.Context, f Forward) (Forward, error) {
	body, err := json.Marshal(f)
	if err != nil {
		return f, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gateway/forward", bytes.NewReader(body))
	if err != nil {
		return f, err
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return c.Dial(ctx) },
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return f, fmt.Errorf("ask the lab's gateway: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return f, fmt.Errorf("ask the lab's gateway: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return f, fmt.Errorf("the lab's gateway: %s", strings.TrimSpace(string(text)))
	}
	return f, json.Unmarshal(text, &f)
}
