package lab

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/ptplab/ptplab/lab/topology"
)

// Record reads what is noted about a lab, without its lock: for completion and messages, not for decisions.
func (h Home) Record(name string) (*Record, error) {
	if err := topology.CheckLabName(name); err != nil {
		return nil, err
	}
	l := Lab{Record: Record{Name: name}, home: h}
	text, err := os.ReadFile(l.recordFile())
	if err == nil {
		err = json.Unmarshal(text, &l.Record)
	}
	l.Name = name
	if err != nil {
		return nil, fmt.Errorf("read the record of lab %s: %w", name, err)
	}
	return &l.Record, nil
}
