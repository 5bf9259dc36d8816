package events

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
)

// The versions of the API, as the variable EVENT_API_VERSION has them.
const (
	V1 = "1.0"
	V2 = "2.0"
)

// envelope is an event as JSON, with the keys of both versions.
type envelope struct {
	ID     string          `json:"id"`
	Type   string          `json:"type"`
	Source string          `json:"source"`
	Time   json.RawMessage `json:"time"`
	Data   struct {
		Version string     `json:"version"`
		Values  []rawValue `json:"values"`
	} `json:"data"`
}

type rawValue struct {
	Address2   string          `json:"ResourceAddress"`
	DataType2  string          `json:"data_type"`
	ValueType2 string          `json:"value_type"`
	Address1   string          `json:"resource"`
	DataType1  string          `json:"dataType"`
	ValueType1 string          `json:"valueType"`
	Value      json.RawMessage `json:"value"`
}

// decode reads an event of a resource and lists what is wrong with it. What can be read of a wrong event is in the
// result.
func decode(version, address string, body []byte) (Event, []string) {
	var raw envelope
	if err := json.Unmarshal(body, &raw); err != nil {
		return Event{}, []string{fmt.Sprintf("it is not an event in JSON: %v; it begins %.120q", err, body)}
	}
	faults := standard(version, body)
	e := Event{ID: raw.ID, Type: raw.Type, Source: raw.Source, Version: raw.Data.Version}
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if version == V1 && e.ID == "" {
		fault("it has no id")
	}
	if err := json.Unmarshal(raw.Time, &e.Time); err != nil {
		fault("its time is %.60q, want a time as of RFC 3339", raw.Time)
	}
	if want := typeOf(address); want != "" && e.Type != want {
		fault("its type is %q, want %q for %s", e.Type, want, address)
	}
	if suffix := suffixOf(address); !strings.HasSuffix(e.Source, suffix) {
		fault("its source is %q, want a resource that ends in %s", e.Source, suffix)
	}
	if e.Version == "" {
		fault("data.version is missing")
	}
	if len(raw.Data.Values) == 0 {
		fault("data.values is empty")
	}
	for i, r := range raw.Data.Values {
		v := r.value(version)
		e.Values = append(e.Values, v)
		for _, text := range v.faults(address) {
			fault("data.values[%d]: %s", i, text)
		}
	}
	return e, faults
}

// standard lets the CloudEvents SDK judge the event; events of version 1.0 are no CloudEvents.
func standard(version string, body []byte) []string {
	if version == V1 {
		return nil
	}
	var e cloudevents.Event
	err := json.Unmarshal(body, &e)
	if err == nil {
		err = e.Validate()
	}
	if err != nil {
		return []string{"it is not a CloudEvent 1.0: " + strings.TrimSpace(strings.ReplaceAll(err.Error(), "\n", "; "))}
	}
	if e.SpecVersion() != cloudevents.CloudEventsVersionV1 {
		return []string{fmt.Sprintf("its specversion is %q, want 1.0", e.SpecVersion())}
	}
	return nil
}

// value takes the keys of one version.
func (r rawValue) value(version string) Value {
	v := Value{Address: r.Address2, DataType: r.DataType2, ValueType: r.ValueType2, Text: string(r.Value)}
	if version == V1 {
		v.Address, v.DataType, v.ValueType = r.Address1, r.DataType1, r.ValueType1
	}
	var text string
	if json.Unmarshal(r.Value, &text) == nil {
		v.Text = text
	}
	return v
}

// faults lists what is wrong with a value of a resource.
func (v Value) faults(address string) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if !strings.HasPrefix(v.Address, "/") {
		fault("its resource address is %q, want a path", v.Address)
	}
	switch v.DataType + " " + v.ValueType {
	case Notification + " enumeration":
		if !isState(v.Text) {
			fault("its value %q is no state of the API", v.Text)
		}
	case Metric + " decimal64.3":
		number, err := strconv.ParseFloat(v.Text, 64)
		if err != nil {
			fault("its value %q is no number", v.Text)
		} else if class := isClass(address); class && (number < 0 || number > 255 || number != float64(int(number))) {
			fault("its value %q is no clockClass, want 0 to 255", v.Text)
		}
	default:
		fault("it is a %q of type %q, want a notification of type enumeration or a metric of type decimal64.3", v.DataType, v.ValueType)
	}
	return faults
}

func isState(text string) bool {
	states := []string{
		"ACQUIRING-SYNC", "ANTENNA-DISCONNECTED", "ANTENNA-SHORT-CIRCUIT", "BOOTING", FreeRun, Holdover, Locked, "SYNCHRONIZED", "UNLOCKED",
	}
	return slices.Contains(states, text) || strings.HasPrefix(text, "FAILURE-")
}

func isClass(address string) bool {
	return strings.HasSuffix(address, ClockClass) || strings.HasSuffix(address, V1ClockClass)
}

// typeOf is the type of a resource's events, empty for a resource that is not of this table.
func typeOf(address string) string {
	types := map[string]string{
		SyncState:                                "event.sync.sync-status.synchronization-state-change",
		OSClock:                                  "event.sync.sync-status.os-clock-sync-state-change",
		LockState:                                "event.sync.ptp-status.ptp-state-change",
		ClockClass:                               "event.sync.ptp-status.ptp-clock-class-change",
		V1ClockClass:                             "event.sync.ptp-status.ptp-clock-class-change",
		"/sync/gnss-status/gnss-sync-status":     "event.sync.gnss-status.gnss-state-change",
		"/sync/synce-status/lock-state":          "event.sync.synce-status.synce-state-change",
		"/sync/synce-status/lock-state-extended": "event.sync.synce-status.synce-state-change-extended",
		"/sync/synce-status/clock-quality":       "event.sync.synce-status.synce-clock-quality-change",
	}
	return types[suffixOf(address)]
}

// suffixOf is an address without its node: "/sync/ptp-status/lock-state".
func suffixOf(address string) string {
	if i := strings.Index(address, "/sync/"); i >= 0 {
		return address[i:]
	}
	return address
}

// at is a time of day as faults and histories show it.
func at(t time.Time) string { return t.UTC().Format("15:04:05.000") }
