// Package pmc asks a ptp4l for its data sets through linuxptp's pmc and reads the answers.
package pmc

import (
	"context"
	"fmt"
	"strings"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Runner runs a program on a node.
type Runner interface {
	Exec(ctx context.Context, node string, argv []string) (sut.Result, error)
}

// patience is how long pmc may take, in seconds of the node's time. It needs a tenth of one; but once the queue of a stopped
// ptp4l's socket is full, after ten messages, pmc waits for ever to send its own, and SIGTERM does not end it.
const patience = "5"

// exitKilled is the exit status of timeout(1) when the time was over and it sent SIGKILL.
const exitKilled = 128 + 9

// Get sends a GET for each of the named management TLVs, such as "PARENT_DATA_SET" (IEEE 1588-2019 table 59), to the
// instance through its local socket, in one run of pmc. It returns the answers by TLV: one for a data set of the
// clock, one per port for a data set of ports. A TLV without an answer is an error.
func Get(ctx context.Context, r Runner, i sut.Instance, tlvs ...string) (map[string][]Response, error) {
	argv := []string{"timeout", "-s", "KILL", patience, "pmc", "-u", "-b", "0", "-f", i.Config}
	for _, tlv := range tlvs {
		argv = append(argv, "GET "+tlv)
	}
	answers, err := get(ctx, r, i.Node, argv, tlvs)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its data sets: %w", i, err)
	}
	return answers, nil
}

func get(ctx context.Context, r Runner, node string, argv, tlvs []string) (map[string][]Response, error) {
	result, err := r.Exec(ctx, node, argv)
	if err != nil {
		return nil, err
	}
	if result.Exit == exitKilled {
		return nil, fmt.Errorf("pmc: no answer within %s s", patience)
	}
	if result.Exit != 0 {
		return nil, fmt.Errorf("pmc: exit status %d%s", result.Exit, detail(result.Stderr))
	}
	responses, err := Parse(result.Stdout)
	if err != nil {
		return nil, err
	}
	answers := map[string][]Response{}
	for _, response := range responses {
		if response.Action == "RESPONSE" {
			answers[response.TLV] = append(answers[response.TLV], response)
		}
	}
	for _, tlv := range tlvs {
		if len(answers[tlv]) == 0 {
			return nil, fmt.Errorf("no answer to GET %s%s", tlv, detail(result.Stderr))
		}
	}
	return answers, nil
}

func detail(stderr string) string {
	if stderr = strings.TrimSpace(stderr); stderr != "" {
		return ": " + stderr
	}
	return ""
}
