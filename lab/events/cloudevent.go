package events

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// cloudEvent is an event in the JSON format of CloudEvents 1.0.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"` // the resource address
	Type            string    `json:"type"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            data      `json:"data"`
}

// data is what an O-RAN event carries, O-RAN.WG6.O-Cloud Notification API clause 7.2.
type data struct {
	Version string      `json:"version"`
	Values  []dataValue `json:"values"`
}

type dataValue struct {
	ResourceAddress string `json:"ResourceAddress"`
	DataType        string `json:"data_type"`  // notification, metric
	ValueType       string `json:"value_type"` // enumeration, decimal64.3
	Value           string `json:"value"`      // numbers as text too, as upstream writes them
}

// encode makes an event of values.
func (r *resource) encode(values []value, at time.Time) []byte {
	e := cloudEvent{
		SpecVersion: "1.0", ID: uuid.NewString(), Source: r.address, Type: r.event, Time: at.UTC(), DataContentType: "application/json",
		Data: data{Version: "1.0"},
	}
	for _, v := range values {
		if v.state != "" {
			e.Data.Values = append(e.Data.Values, dataValue{v.address, "notification", "enumeration", v.state})
		}
		if v.metric != "" {
			e.Data.Values = append(e.Data.Values, dataValue{v.address, "metric", "decimal64.3", v.metric})
		}
	}
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // of strings and a time
	}
	return text
}
