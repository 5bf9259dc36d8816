package ovs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"

	"github.com/ptplab/ptplab/lab/process"
)

// failSecure is the fail_mode in which a bridge without flows switches nothing.
const failSecure = "secure"

// Differences lists, a line each, what Apply would do; none if the switch is as wanted. It changes nothing.
func (s *Switch) Differences(ctx context.Context, want ...Bridge) ([]string, error) {
	if err := check(want); err != nil {
		return nil, err
	}
	st, err := s.Observe(ctx)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, program := range []string{ovsdbServer, vswitchd} {
		if !slices.ContainsFunc(st.Daemons, func(d Daemon) bool { return d.Program == program }) {
			lines = append(lines, "start "+program)
		}
	}
	changes, err := compare(st.Bridges, want, s.cfg.Lab)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		lines = append(lines, c.String())
	}
	for _, w := range want {
		i := slices.IndexFunc(st.Bridges, func(b BridgeState) bool { return b.Name == w.Name })
		if i < 0 || !slices.Equal(st.Bridges[i].Flows, wantedFlows()) {
			lines = append(lines, "set flows of bridge "+w.Name)
		}
		if i >= 0 {
			for _, p := range st.Bridges[i].Ports {
				if p.Error != "" {
					lines = append(lines, fmt.Sprintf("attach port %s of bridge %s: %s", p.Name, w.Name, p.Error))
				}
			}
		}
	}
	return lines, nil
}

// Apply brings the switch to the wanted bridges, and no others of this lab: it starts the daemons that do not run,
// changes the database in one transaction, waits until ovs-vswitchd has done it, and sets the flows. If there is
// nothing to do it changes nothing. The error names each interface that could not be attached.
func (s *Switch) Apply(ctx context.Context, want ...Bridge) error {
	if err := check(want); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	if err := s.start(ctx); err != nil {
		return err
	}
	ctx, cancel, err := s.watch(ctx, ovsdbServer, vswitchd)
	if err != nil {
		return err
	}
	defer cancel()
	return orCause(ctx, s.applyRunning(ctx, want))
}

// applyRunning is Apply with both daemons running.
func (s *Switch) applyRunning(ctx context.Context, want []Bridge) error {
	db, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := s.applyDatabase(ctx, db, want); err != nil {
		return err
	}
	for _, b := range want {
		have, err := s.dumpFlows(ctx, b.Name)
		if err != nil {
			return err
		}
		if slices.Equal(have, wantedFlows()) {
			continue
		}
		if err := s.replaceFlows(ctx, b.Name); err != nil {
			return err
		}
	}
	return nil
}

// orCause prefers the reason why ctx ended, such as a daemon's death, to its consequence.
func orCause(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if err != nil && cause != nil && !errors.Is(err, cause) && !errors.Is(cause, context.Canceled) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// applyDatabase makes the changes that are needed in one transaction and waits until ovs-vswitchd has done them.
func (s *Switch) applyDatabase(ctx context.Context, db *database, want []Bridge) error {
	r, err := db.read(ctx)
	if err != nil {
		return err
	}
	changes, err := compare(r.states(), want, s.cfg.Lab)
	if err != nil {
		return err
	}
	if len(changes) == 0 && len(r.unattached(want)) == 0 {
		return nil
	}
	for _, c := range changes {
		s.log.Debug(c.String())
	}
	target, err := s.transact(ctx, db, r, changes) // without changes it makes ovs-vswitchd try the interfaces again
	if err != nil {
		return err
	}
	err = db.await(ctx, "ovs-vswitchd has taken the configuration", func(now *rows) (bool, error) {
		r = now
		return r.root != nil && r.root.CurCfg >= target, nil
	})
	if err != nil {
		return err
	}
	if faults := r.unattached(want); len(faults) > 0 {
		return fmt.Errorf("attach ports: %s; last lines of %s:\n  %s", strings.Join(faults, "; "), vswitchd, strings.Join(process.Tail(s.logFile(vswitchd), 5), "\n  "))
	}
	return nil
}

// unattached says of each wanted port that has no OpenFlow port number why. ovs-vswitchd writes the number, or the
// error, in the transaction in which it sets cur_cfg.
func (r *rows) unattached(want []Bridge) []string {
	states := map[string]PortState{}
	for _, b := range r.states() {
		for _, p := range b.Ports {
			states[b.Name+"/"+p.Name] = p
		}
	}
	var faults []string
	for _, b := range want {
		for _, p := range b.Ports {
			state := states[b.Name+"/"+p.Name]
			switch {
			case state.Error != "":
				faults = append(faults, fmt.Sprintf("%s: %s", p.Name, state.Error))
			case state.OFPort == 0:
				faults = append(faults, fmt.Sprintf("%s: no OpenFlow port in bridge %s", p.Name, b.Name))
			}
		}
	}
	return faults
}

// start makes both daemons run. A database without daemons is what a killed run left; it is made anew.
func (s *Switch) start(ctx context.Context) error {
	serverPID, err := s.pid(ovsdbServer)
	if err != nil {
		return err
	}
	switchPID, err := s.pid(vswitchd)
	if err != nil {
		return err
	}
	if serverPID == 0 && switchPID == 0 {
		if err := s.removeFiles(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(s.cfg.RunDir, 0o700); err != nil {
		return fmt.Errorf("create run directory: %w", err)
	}
	if err := s.createDatabase(ctx); err != nil {
		return err
	}
	if serverPID == 0 {
		serverPID, err = s.launch(ovsdbServer, s.path("conf.db"), "--remote=punix:"+s.path("db.sock"))
		if err != nil {
			return err
		}
	}
	ctx, cancel, err := s.watchProcess(ctx, ovsdbServer, serverPID)
	if err != nil {
		return err
	}
	defer cancel()
	db, err := s.awaitSocket(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := s.configure(ctx, db); err != nil {
		return err
	}
	if switchPID != 0 {
		return nil
	}
	return s.launchSwitch(ctx, db)
}

// configure writes the Open_vSwitch row, if it is not as it should be. ovs-vswitchd reads it when it starts.
func (s *Switch) configure(ctx context.Context, db *database) error {
	r, err := db.read(ctx)
	if err != nil {
		return err
	}
	row := rootRow{OtherConfig: quiet(), ExternalIDs: map[string]string{markKey: s.cfg.Lab}}
	var ops []ovsdb.Operation
	switch {
	case r.root == nil:
		ops, err = db.Create(&row)
	case maps.Equal(r.root.OtherConfig, row.OtherConfig) && maps.Equal(r.root.ExternalIDs, row.ExternalIDs):
		return nil
	default:
		row.UUID = r.root.UUID
		ops, err = db.Where(&row).Update(&row, &row.OtherConfig, &row.ExternalIDs)
	}
	if err != nil {
		return fmt.Errorf("configure open vswitch: %w", err)
	}
	return db.commit(ctx, ops)
}

// launchSwitch starts ovs-vswitchd and waits until it has taken the configuration.
func (s *Switch) launchSwitch(ctx context.Context, db *database) error {
	pid, err := s.launch(vswitchd, "unix:"+s.path("db.sock"))
	if err != nil {
		return err
	}
	ctx, cancel, err := s.watchProcess(ctx, vswitchd, pid)
	if err != nil {
		return err
	}
	defer cancel()
	r, err := db.read(ctx)
	if err != nil {
		return err
	}
	target, err := s.transact(ctx, db, r, nil)
	if err != nil {
		return err
	}
	return db.await(ctx, "ovs-vswitchd has started", func(r *rows) (bool, error) {
		return r.root != nil && r.root.CurCfg >= target, nil
	})
}

// Remove deletes the lab's bridges, so that nothing stays in the kernel, stops both daemons and deletes their files.
// If ovs-vswitchd died before, its kernel datapath goes with the network namespace.
func (s *Switch) Remove(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	daemons, err := s.Daemons()
	if err != nil {
		return err
	}
	if len(daemons) == 2 {
		if err := s.removeBridges(ctx); err != nil {
			s.log.Warn("bridges not removed, stopping the daemons all the same", "err", err)
		}
	}
	const grace = 5 * time.Second
	for _, program := range []string{vswitchd, ovsdbServer} {
		if err := s.stop(ctx, program, grace); err != nil {
			return err
		}
	}
	if _, err := os.Stat(s.cfg.RunDir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return s.removeFiles()
}

func (s *Switch) removeBridges(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Patience)
	defer cancel()
	ctx, cancel, err := s.watch(ctx, ovsdbServer, vswitchd)
	if err != nil {
		return err
	}
	defer cancel()
	db, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	return orCause(ctx, s.applyDatabase(ctx, db, nil))
}

// transact turns changes into one transaction and returns the number under which ovs-vswitchd will report in cur_cfg
// that it has done it.
func (s *Switch) transact(ctx context.Context, db *database, r *rows, changes []change) (int, error) {
	if r.root == nil {
		return 0, errors.New("open vswitch database has no Open_vSwitch row")
	}
	t := transaction{db: db, rows: r, lab: s.cfg.Lab}
	for _, c := range changes {
		t.do(c)
	}
	t.finish()
	if t.err != nil {
		return 0, t.err
	}
	return r.root.NextCfg + 1, db.commit(ctx, t.ops)
}

// transaction collects operations; the first error sticks.
type transaction struct {
	db   *database
	rows *rows
	lab  string
	ops  []ovsdb.Operation
	err  error

	created []*bridgeRow // bridges of this transaction, still to be written
	added   map[string][]string
	n       int // makes row names unique
}

func (t *transaction) add(ops []ovsdb.Operation, err error) {
	t.ops = append(t.ops, ops...)
	if err != nil && t.err == nil {
		t.err = fmt.Errorf("open vswitch transaction: %w", err)
	}
}

func (t *transaction) mark() map[string]string { return map[string]string{markKey: t.lab} }

func (t *transaction) do(c change) {
	switch c.kind {
	case deletePort:
		b, p := t.bridge(c.bridge), t.port(c.bridge, c.port)
		t.add(t.db.Where(b).Mutate(b, model.Mutation{Field: &b.Ports, Mutator: ovsdb.MutateOperationDelete, Value: []string{p.UUID}}))
	case deleteBridge:
		root := t.rows.root
		t.add(t.db.Where(root).Mutate(root, model.Mutation{Field: &root.Bridges, Mutator: ovsdb.MutateOperationDelete, Value: []string{t.bridge(c.bridge).UUID}}))
	case setBridge:
		b, mode := t.bridge(c.bridge), failSecure
		b.DatapathType, b.FailMode = c.path, &mode
		t.add(t.db.Where(b).Update(b, &b.DatapathType, &b.FailMode))
	case setPort:
		p := t.port(c.bridge, c.port)
		p.Tag = &c.vlan
		t.add(t.db.Where(p).Update(p, &p.Tag))
	case addBridge:
		mode := failSecure
		row := &bridgeRow{UUID: t.name("bridge"), Name: c.bridge, DatapathType: c.path, FailMode: &mode, ExternalIDs: t.mark()}
		t.created = append(t.created, row)
		t.createPort(c.bridge, c.bridge, "internal", nil)
	case addPort:
		t.createPort(c.bridge, c.port, "", &c.vlan)
	}
}

// createPort makes a port with its interface; finish puts it into the bridge.
func (t *transaction) createPort(bridge, name, kind string, vlan *int) {
	i := &interfaceRow{UUID: t.name("interface"), Name: name, Type: kind, ExternalIDs: t.mark()}
	p := &portRow{UUID: t.name("port"), Name: name, Interfaces: []string{i.UUID}, Tag: vlan, ExternalIDs: t.mark()}
	t.add(t.db.Create(i))
	t.add(t.db.Create(p))
	if t.added == nil {
		t.added = map[string][]string{}
	}
	t.added[bridge] = append(t.added[bridge], p.UUID)
}

// finish writes the bridges with their ports and asks ovs-vswitchd to report when it has done all.
func (t *transaction) finish() {
	root := t.rows.root
	for _, b := range t.created {
		b.Ports = t.added[b.Name]
		delete(t.added, b.Name)
		t.add(t.db.Create(b))
		t.add(t.db.Where(root).Mutate(root, model.Mutation{Field: &root.Bridges, Mutator: ovsdb.MutateOperationInsert, Value: []string{b.UUID}}))
	}
	for _, name := range slices.Sorted(maps.Keys(t.added)) {
		b := t.bridge(name)
		t.add(t.db.Where(b).Mutate(b, model.Mutation{Field: &b.Ports, Mutator: ovsdb.MutateOperationInsert, Value: t.added[name]}))
	}
	t.add(t.db.Where(root).Mutate(root, model.Mutation{Field: &root.NextCfg, Mutator: ovsdb.MutateOperationAdd, Value: 1}))
}

func (t *transaction) name(kind string) string {
	t.n++
	return fmt.Sprintf("%s%d", kind, t.n)
}

// bridge finds a row of a bridge that compare has seen.
func (t *transaction) bridge(name string) *bridgeRow {
	for _, b := range t.rows.bridges {
		if b.Name == name {
			return &b
		}
	}
	t.add(nil, fmt.Errorf("no row of bridge %s", name))
	return &bridgeRow{}
}

func (t *transaction) port(bridge, name string) *portRow {
	for _, uuid := range t.bridge(bridge).Ports {
		if p := t.rows.ports[uuid]; p.Name == name {
			return &p
		}
	}
	t.add(nil, fmt.Errorf("no row of port %s of bridge %s", name, bridge))
	return &portRow{}
}
