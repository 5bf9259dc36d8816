package ovs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"github.com/go-logr/logr"
	"github.com/ovn-kubernetes/libovsdb/client"
	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// The rows of the Open_vSwitch database, with the few columns that are read or written here
// (ovs-vswitchd.conf.db(5)).
type (
	rootRow struct {
		UUID        string            `ovsdb:"_uuid"`
		Bridges     []string          `ovsdb:"bridges"`
		NextCfg     int               `ovsdb:"next_cfg"`
		CurCfg      int               `ovsdb:"cur_cfg"`
		OtherConfig map[string]string `ovsdb:"other_config"`
		ExternalIDs map[string]string `ovsdb:"external_ids"`
	}
	bridgeRow struct {
		UUID         string            `ovsdb:"_uuid"`
		Name         string            `ovsdb:"name"`
		Ports        []string          `ovsdb:"ports"`
		DatapathType string            `ovsdb:"datapath_type"`
		FailMode     *string           `ovsdb:"fail_mode"`
		ExternalIDs  map[string]string `ovsdb:"external_ids"`
	}
	portRow struct {
		UUID        string            `ovsdb:"_uuid"`
		Name        string            `ovsdb:"name"`
		Interfaces  []string          `ovsdb:"interfaces"`
		Tag         *int              `ovsdb:"tag"`
		ExternalIDs map[string]string `ovsdb:"external_ids"`
	}
	interfaceRow struct {
		UUID        string            `ovsdb:"_uuid"`
		Name        string            `ovsdb:"name"`
		Type        string            `ovsdb:"type"`
		OFPort      *int              `ovsdb:"ofport"`
		Error       *string           `ovsdb:"error"`
		ExternalIDs map[string]string `ovsdb:"external_ids"`
	}
)

// markKey is the external_ids key that says which lab a row belongs to.
const markKey = "ptplab"

// quiet is the other_config of the Open_vSwitch row that keeps the daemons from waking up for nothing. Each wake-up
// costs as much as a PTP message in virtual time. Defaults: statistics every 5 s, revalidation every 0.5 s with a
// thread per core.
func quiet() map[string]string {
	return map[string]string{
		"stats-update-interval": "86400000", // ms
		"max-revalidator":       "60000",    // ms; flow changes wake the revalidator at once all the same
		"max-idle":              "60000",    // ms; the revalidator's period is the lesser of the two
		"n-revalidator-threads": "1",
		"n-handler-threads":     "1", // not used where the kernel has one upcall socket per CPU (5.15 and later)
	}
}

// createDatabase makes an empty database, in one step: a killed run leaves none or a whole one.
func (s *Switch) createDatabase(ctx context.Context) error {
	file, temporary := s.path("conf.db"), s.path("conf.db.new")
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("create database: %w", err)
	}
	out, err := exec.CommandContext(ctx, "ovsdb-tool", "create", temporary, s.cfg.Schema).CombinedOutput()
	if err != nil {
		return fmt.Errorf("create database: ovsdb-tool create %s %s: %w: %s", temporary, s.cfg.Schema, err, out)
	}
	if err := os.Rename(temporary, file); err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	return nil
}

// database is a connection to the switch's ovsdb-server with a replica of its rows.
type database struct {
	client.Client
	changed chan struct{} // holds one token when a row has changed since it was last emptied
}

// connect opens a connection and waits until the replica is complete.
func (s *Switch) connect(ctx context.Context) (*database, error) {
	tables, err := model.NewClientDBModel("Open_vSwitch", map[string]model.Model{
		"Open_vSwitch": &rootRow{}, "Bridge": &bridgeRow{}, "Port": &portRow{}, "Interface": &interfaceRow{},
	})
	if err != nil {
		return nil, fmt.Errorf("open vswitch database model: %w", err)
	}
	logger := logr.FromSlogHandler(s.log.Handler())
	c, err := client.NewOVSDBClient(tables, client.WithEndpoint("unix:"+s.path("db.sock")), client.WithLogger(&logger))
	if err != nil {
		return nil, fmt.Errorf("open vswitch database client: %w", err)
	}
	if err := c.Connect(ctx); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", s.path("db.sock"), err)
	}
	db := &database{Client: c, changed: make(chan struct{}, 1)}
	c.Cache().AddEventHandler(db)
	if _, err := c.Monitor(ctx, monitorColumns(c)); err != nil {
		c.Close()
		return nil, fmt.Errorf("monitor %s: %w", s.path("db.sock"), err)
	}
	return db, nil
}

// monitorColumns asks for the columns of the rows above and no others: the library drops an update that has a column
// it was given no field for.
func monitorColumns(c client.Client) *client.Monitor {
	root, bridge, port, iface := &rootRow{}, &bridgeRow{}, &portRow{}, &interfaceRow{}
	return c.NewMonitor(
		client.WithTable(root, &root.Bridges, &root.NextCfg, &root.CurCfg, &root.OtherConfig, &root.ExternalIDs),
		client.WithTable(bridge, &bridge.Name, &bridge.Ports, &bridge.DatapathType, &bridge.FailMode, &bridge.ExternalIDs),
		client.WithTable(port, &port.Name, &port.Interfaces, &port.Tag, &port.ExternalIDs),
		client.WithTable(iface, &iface.Name, &iface.Type, &iface.OFPort, &iface.Error, &iface.ExternalIDs))
}

// OnAdd, OnUpdate and OnDelete make database a cache.EventHandler.
func (db *database) OnAdd(string, model.Model) { db.notify() }

// OnUpdate is part of cache.EventHandler.
func (db *database) OnUpdate(string, model.Model, model.Model) { db.notify() }

// OnDelete is part of cache.EventHandler.
func (db *database) OnDelete(string, model.Model) { db.notify() }

func (db *database) notify() {
	select {
	case db.changed <- struct{}{}:
	default:
	}
}

// await waits until check says so or fails. It looks again whenever a row changes.
func (db *database) await(ctx context.Context, what string, check func(*rows) (bool, error)) error {
	for {
		r, err := db.read(ctx)
		if err != nil {
			return err
		}
		ok, err := check(r)
		if err != nil || ok {
			return err
		}
		select {
		case <-db.changed:
		case <-db.DisconnectNotify():
			return fmt.Errorf("wait until %s: the connection to ovsdb-server ended", what)
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, context.Cause(ctx))
		}
	}
}

// commit sends operations as one transaction.
func (db *database) commit(ctx context.Context, ops []ovsdb.Operation) error {
	results, err := db.Transact(ctx, ops...)
	if err != nil {
		return fmt.Errorf("open vswitch transaction: %w", err)
	}
	if failed, err := ovsdb.CheckOperationResults(results, ops); err != nil {
		return fmt.Errorf("open vswitch transaction: %w %v", err, failed)
	}
	return nil
}

// rows is everything in the replica at one time, by UUID where others refer to it.
type rows struct {
	root       *rootRow // nil before the first transaction
	bridges    []bridgeRow
	ports      map[string]portRow
	interfaces map[string]interfaceRow
}

func (db *database) read(ctx context.Context) (*rows, error) {
	var (
		roots      []rootRow
		ports      []portRow
		interfaces []interfaceRow
		r          rows
	)
	for _, list := range []any{&roots, &r.bridges, &ports, &interfaces} {
		if err := db.List(ctx, list); err != nil {
			return nil, fmt.Errorf("list rows: %w", err)
		}
	}
	if len(roots) > 0 {
		r.root = &roots[0]
	}
	r.ports = make(map[string]portRow, len(ports))
	for _, p := range ports {
		r.ports[p.UUID] = p
	}
	r.interfaces = make(map[string]interfaceRow, len(interfaces))
	for _, i := range interfaces {
		r.interfaces[i.UUID] = i
	}
	return &r, nil
}

// awaitSocket waits until ovsdb-server answers. It offers no event for that moment, so this asks it, ever more rarely.
func (s *Switch) awaitSocket(ctx context.Context) (*database, error) {
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		db, err := s.connect(ctx)
		if err == nil {
			return db, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for ovsdb-server: %w (last: %w)", context.Cause(ctx), err)
		}
	}
}
