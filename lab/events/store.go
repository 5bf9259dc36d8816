package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Subscription says which resource's events go where, with the names of the API.
type Subscription struct {
	ResourceAddress string
	EndpointUri     string
	SubscriptionId  string
	UriLocation     string // where the API serves it
}

// load reads the subscriptions of the last run; a file that does not exist has none.
func load(path string) ([]Subscription, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("subscriptions: %w", err)
	}
	var all []Subscription
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("subscriptions in %s: %w", path, err)
	}
	return all, nil
}

// save replaces the file at once: a crash leaves the old or the new one.
func save(path string, all []Subscription) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("subscriptions: %w", err)
	}
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("subscriptions: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("subscriptions: %w", err)
	}
	return nil
}
