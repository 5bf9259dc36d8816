// Package ovs runs one Open vSwitch switch of a lab: an ovsdb-server and an ovs-vswitchd of its own, with a database,
// sockets and logs in a directory of its own, in whatever network namespace the caller puts them. Bridges and access
// ports are set through OVSDB (RFC 7047), flows through ovs-ofctl, since OVSDB knows no flows.
//
// Everything that a Switch says is read from the daemons; it keeps no state but the right to reap its children. So
// any process may observe or remove a switch that another one has started.
package ovs

import (
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// Config says where one switch runs. Lab and RunDir are required.
type Config struct {
	Lab    string // name of the lab, marks every row that is made: external_ids:ptplab=LAB
	RunDir string // absolute path of a directory that belongs to this switch alone; made by Start, deleted by Remove

	// Command makes the command that runs argv where the daemons belong, such as a network namespace. It must end up
	// in argv itself, with no process in between. Nil runs them in the caller's own namespace.
	Command func(argv []string) *exec.Cmd

	Schema   string        // the vswitch.ovsschema file; "" means where the distributions install it
	Patience time.Duration // longest wait for the daemons to do what was asked; 0 means 30 s
	Log      *slog.Logger  // nil discards
}

// Switch is one ovsdb-server with its ovs-vswitchd. Its methods may be called in any state, any number of times; it
// is safe for concurrent use.
type Switch struct {
	cfg Config
	log *slog.Logger

	mu   sync.Mutex // one change at a time
	exit exits
}

const (
	defaultSchema   = "/usr/share/openvswitch/vswitch.ovsschema"
	defaultPatience = 30 * time.Second
	// maxSocketPath is what sockaddr_un holds, less the closing zero byte (unix(7)).
	maxSocketPath = 107
)

var validBridge = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$`)

// New describes a switch; it starts and changes nothing.
func New(cfg Config) (*Switch, error) {
	if cfg.Lab == "" {
		return nil, errors.New("open vswitch: no lab name")
	}
	if !filepath.IsAbs(cfg.RunDir) || filepath.Clean(cfg.RunDir) == "/" {
		return nil, fmt.Errorf("open vswitch: run directory %q is not an absolute path below /", cfg.RunDir)
	}
	cfg.RunDir = filepath.Clean(cfg.RunDir)
	if longest := filepath.Join(cfg.RunDir, "ovsdb-server.ctl"); len(longest) > maxSocketPath {
		return nil, fmt.Errorf("open vswitch: socket path %s has %d bytes, at most %d fit", longest, len(longest), maxSocketPath)
	}
	if cfg.Command == nil {
		cfg.Command = func(argv []string) *exec.Cmd { return exec.Command(argv[0], argv[1:]...) }
	}
	if cfg.Schema == "" {
		cfg.Schema = defaultSchema
	}
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Switch{cfg: cfg, log: cfg.Log.With("switch", filepath.Base(cfg.RunDir)), exit: newExits()}, nil
}

// Done is closed when a daemon that this Switch started has ended without being asked to; Err then says how. An Apply
// that starts the daemon again opens a new channel.
func (s *Switch) Done() <-chan struct{} { return s.exit.channel() }

// Err is the death that closed Done, nil while there is none. It quotes the last lines of the daemon's log.
func (s *Switch) Err() error { return s.exit.get() }

func (s *Switch) path(name string) string { return filepath.Join(s.cfg.RunDir, name) }
