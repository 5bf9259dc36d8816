package pmc

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Response is one management message as pmc prints it.
type Response struct {
	Port   string            // portIdentity of the sender, "001122.fffe.330a01-0"
	Seq    uint16            // sequenceId
	Action string            // "RESPONSE" or "ACKNOWLEDGE"
	TLV    string            // "PARENT_DATA_SET"; of a management error status, "MANAGEMENT_ERROR_STATUS"
	Fields map[string]string // as printed
}

// headerLine matches the line that begins a response:
//
//	001122.fffe.330a02-2 seq 0 RESPONSE MANAGEMENT PORT_DATA_SET
var headerLine = regexp.MustCompile(`^\t([0-9a-f]{6}\.[0-9a-f]{4}\.[0-9a-f]{6}-[0-9]{1,5}) seq ([0-9]{1,5}) (\S+) (?:MANAGEMENT )?(\S+)\s*$`)

// Parse reads the output of pmc. Lines outside a response, such as "sending: GET ...", are passed over; a line inside one that is
// no field is an error.
func Parse(text string) ([]Response, error) {
	var responses []Response
	for n, line := range strings.Split(text, "\n") {
		if header := headerLine.FindStringSubmatch(line); header != nil {
			seq, err := strconv.ParseUint(header[2], 10, 16)
			if err != nil {
				return nil, fmt.Errorf("pmc line %d: sequence number: %w", n+1, err)
			}
			responses = append(responses, Response{
				Port: header[1], Seq: uint16(seq), Action: header[3], TLV: header[4], Fields: map[string]string{},
			})
			continue
		}
		field, ok := strings.CutPrefix(line, "\t\t")
		if !ok || len(responses) == 0 {
			continue
		}
		name, value, ok := strings.Cut(field, " ")
		if !ok || name == "" {
			return nil, fmt.Errorf("pmc line %d: %q is no field", n+1, line)
		}
		responses[len(responses)-1].Fields[name] = strings.TrimSpace(value)
	}
	return responses, nil
}

// text returns a field that must be there.
func (r Response) text(name string) (string, error) {
	value, ok := r.Fields[name]
	if !ok {
		return "", fmt.Errorf("%s without %s", r.TLV, name)
	}
	return value, nil
}

// number returns a field that must be a decimal number within 16 bits.
func (r Response) number(name string) (int, error) {
	value, err := r.text(name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%s: %s: %w", r.TLV, name, err)
	}
	return int(n), nil
}
