package specs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/ptplab/ptplab/conformance/events"
	"github.com/ptplab/ptplab/conformance/sut"
)

const (
	subscriptionsPath = "/api/ocloudNotifications/v2/subscriptions"
	noSubscription    = "00000000-0000-4000-8000-000000000000"
	maxAnswer         = 1 << 20
)

// apiCall is a request to the API and the answer that is due.
type apiCall struct {
	what   string
	method string
	path   string // below subscriptionsPath
	body   string
	want   int
}

func subscriptionBody(endpoint, resource string) string {
	text, err := json.Marshal(map[string]string{"EndpointUri": endpoint, "ResourceAddress": resource})
	if err != nil {
		panic(err) // of strings
	}
	return string(text)
}

// checkSubscriptions makes a subscription, tries what the API must refuse, and deletes it.
func checkSubscriptions(ctx context.Context, t *Test) error {
	if err := t.needSync(t.Subject); err != nil {
		return err
	}
	if t.Settings.EventAPI == events.V1 {
		return Skipped("the system is to have version 1.0 of the notification API")
	}
	box, err := t.eventMailbox(ctx)
	if err != nil {
		return err
	}
	if err := t.lockedNow(ctx); err != nil {
		return err
	}
	lock := events.Address(t.Subject.Node, events.LockState)
	good := subscriptionBody(box.Endpoint()+"/event/one", lock)
	made, err := askAPI(ctx, box, apiCall{"a subscription", http.MethodPost, "", good, http.StatusCreated})
	if err != nil {
		return err
	}
	var created struct{ SubscriptionId, ResourceAddress, EndpointUri string }
	if err := json.Unmarshal(made, &created); err != nil || created.SubscriptionId == "" {
		return fmt.Errorf("the answer to a subscription has no SubscriptionId: %.200s", made)
	}
	id := "/" + created.SubscriptionId
	t.Cleanup("delete a subscription to "+lock, func(ctx context.Context) error {
		_, _, err := sendAPI(ctx, box, http.MethodDelete, id, "")
		return err
	})
	for _, a := range []apiCall{
		{"the same endpoint and resource again", http.MethodPost, "", good, http.StatusConflict},
		{"an unknown resource", http.MethodPost, "", subscriptionBody(box.Endpoint()+"/event/one", lock+"-of-nothing"), http.StatusNotFound},
		{"an endpoint at which nobody listens", http.MethodPost, "", subscriptionBody("http://127.0.0.1:9/event", lock), http.StatusBadRequest},
		{"a body that is no JSON", http.MethodPost, "", `{"EndpointUri":`, http.StatusBadRequest},
		{"an unknown subscription", http.MethodGet, "/" + noSubscription, "", http.StatusNotFound},
		{"an unknown subscription's deletion", http.MethodDelete, "/" + noSubscription, "", http.StatusNotFound},
		{"the subscription", http.MethodGet, id, "", http.StatusOK},
	} {
		if _, err := askAPI(ctx, box, a); err != nil {
			return err
		}
	}
	if err := subscriptionListed(ctx, box, created.SubscriptionId, true); err != nil {
		return err
	}
	for _, a := range []apiCall{
		{"the subscription's deletion", http.MethodDelete, id, "", http.StatusNoContent},
		{"the deleted subscription", http.MethodGet, id, "", http.StatusNotFound},
	} {
		if _, err := askAPI(ctx, box, a); err != nil {
			return err
		}
	}
	return subscriptionListed(ctx, box, created.SubscriptionId, false)
}

// subscriptionListed wants a subscription in the list of all, or not in it.
func subscriptionListed(ctx context.Context, box sut.Mailbox, id string, want bool) error {
	list, err := askAPI(ctx, box, apiCall{"the list of subscriptions", http.MethodGet, "", "", http.StatusOK})
	if err != nil {
		return err
	}
	switch got := strings.Contains(string(list), id); {
	case got && !want:
		return fmt.Errorf("the deleted subscription %s is still in the list of subscriptions", id)
	case want && !got:
		return fmt.Errorf("the subscription %s is not in the list of subscriptions: %.200s", id, list)
	}
	return nil
}

// askAPI sends a request and wants the status that is due.
func askAPI(ctx context.Context, box sut.Mailbox, a apiCall) ([]byte, error) {
	status, body, err := sendAPI(ctx, box, a.method, a.path, a.body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.what, err)
	}
	if status != a.want {
		return nil, fmt.Errorf("%s: %s %s%s is answered %d %s, expected %d: %.200s",
			a.what, a.method, subscriptionsPath, a.path, status, http.StatusText(status), a.want, bytes.TrimSpace(body))
	}
	return body, nil
}

// sendAPI sends a request to the API and gives the answer.
func sendAPI(ctx context.Context, box sut.Mailbox, method, path, body string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(box.API(), "/")+subscriptionsPath+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := box.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	return answer.StatusCode, text, err
}
