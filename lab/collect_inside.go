package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/kind"
	"github.com/ptplab/ptplab/lab/run"
)

// opCollect is the operation: CollectArgs; CollectedFile...; nothing.
const opCollect = "collect"

// CollectArgs says of whom the files are wanted.
type CollectArgs struct {
	Node string `json:"node"` // an owner or, of a cluster, its control plane; "" for the lab's kernel itself
}

// CollectedFile is a file of a short fixed list, or why there is none.
type CollectedFile struct {
	Name  string `json:"name"` // slashes make folders
	Bytes []byte `json:"bytes,omitempty"`
	Cut   bool   `json:"cut,omitempty"` // only the end of it
	Fault string `json:"fault,omitempty"`
}

// Bounds of what one file may be, bytes, and how long a node may take to answer.
const (
	collectBytes = 16 << 20
	collectLimit = 20 * time.Second
)

// collect sends the files of one owner, or of the lab.
func (w *World) collect(ctx context.Context, req *agent.Request, args CollectArgs) (any, error) {
	send := func(f CollectedFile) error { return req.Event(f) }
	if args.Node == "" {
		return nil, w.collectLab(ctx, send)
	}
	plan, err := w.current()
	if err != nil {
		return nil, err
	}
	c := w.hasCluster()
	switch {
	case c != nil && (args.Node == kind.ControlPlane || slices.Contains(plan.Workers, args.Node)):
		return nil, w.collectContainer(ctx, c, args.Node, send)
	case isOwner(plan, args.Node):
		return nil, w.collectPlain(ctx, args.Node, send)
	}
	return nil, agent.Errorf("usage", "there is no node %s in lab %s; there is %s", args.Node, w.Lab, strings.Join(owners(plan), ", "))
}

// collectLab sends what belongs to no node: the kernel's messages and Docker's.
func (w *World) collectLab(ctx context.Context, send func(CollectedFile) error) error {
	text, err := kernelLog()
	if err := send(collected("kernel.log", text, err)); err != nil {
		return err
	}
	c := w.hasCluster()
	if c == nil {
		return nil
	}
	if err := send(fileEnd("docker.log", c.docker.Log)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, collectLimit)
	defer cancel()
	text, err = kind.Listing(ctx)
	return send(collected("containers.txt", text, err))
}

// collectPlain sends the files of a node that the lab itself looks after, and what a switch says of itself.
func (w *World) collectPlain(ctx context.Context, owner string, send func(CollectedFile) error) error {
	place := w.place(owner)
	if err := sendMatches(send, "run", place.runDir(), "*.config"); err != nil {
		return err
	}
	dir := filepath.Join(place.workDir(), "ovs")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := sendMatches(send, "ovs", dir, "*.log"); err != nil {
		return err
	}
	text, err := run.Command(ctx, "ovs-vsctl", "--db=unix:"+filepath.Join(dir, "db.sock"), "--timeout=10", "show").Output()
	return send(collected("ovs/show.txt", text, err))
}

// collectContainer sends the files of a node of the cluster: what its daemon has in its /var/run, what it says of itself, and
// the journal.
func (w *World) collectContainer(ctx context.Context, c *cluster, name string, send func(CollectedFile) error) error {
	ctx, cancel := context.WithTimeout(ctx, collectLimit)
	defer cancel()
	one, err := c.worker(ctx, name)
	if err != nil {
		return err
	}
	if name != kind.ControlPlane {
		// /var/run is a link to /run, which from here would be the lab's own.
		if err := sendMatches(send, "run", fmt.Sprintf("/proc/%d/root/run/ptp", one.PID), "*.config"); err != nil {
			return err
		}
		text, err := get(ctx, address(one.Address, readyPort, "/status"))
		if err := send(collected("daemon.json", text, err)); err != nil {
			return err
		}
		text, err = get(ctx, address(one.Address, metricsPort, "/metrics"))
		if err := send(collected("metrics.txt", text, err)); err != nil {
			return err
		}
	}
	text, err := kind.Journal(ctx, one)
	return send(collected("journal.log", text, err))
}

func address(host string, port int, path string) string {
	return "http://" + net.JoinHostPort(host, strconv.Itoa(port)) + path
}

// get is what a server of a node answers.
func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, collectBytes))
}

// collected is a text, or its end, with what went wrong.
func collected(name string, text []byte, err error) CollectedFile {
	f := CollectedFile{Name: name, Bytes: text}
	if over := len(text) - collectBytes; over > 0 {
		f.Bytes, f.Cut = text[over:], true
	}
	if err != nil {
		f.Fault = err.Error()
	}
	return f
}

// sendMatches sends the plain files of a directory that match a pattern, sorted. What leads out of the directory is left out:
// it may be a secret. A directory that is not there has no files.
func sendMatches(send func(CollectedFile) error, folder, dir, pattern string) error {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return send(collected(folder, nil, err))
	}
	defer root.Close()
	names, err := fs.Glob(root.FS(), pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		info, err := root.Lstat(name)
		if err == nil && !info.Mode().IsRegular() || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := send(fileEndIn(root, folder+"/"+name, name)); err != nil {
			return err
		}
	}
	return nil
}

func fileEndIn(root *os.Root, name, path string) CollectedFile {
	f, err := root.Open(path)
	if err != nil {
		return collected(name, nil, err)
	}
	defer f.Close()
	return endOf(name, f)
}

// fileEnd is a file as far as it is not too long, then its end.
func fileEnd(name, path string) CollectedFile {
	f, err := os.Open(path)
	if err != nil {
		return collected(name, nil, err)
	}
	defer f.Close()
	return endOf(name, f)
}

func endOf(name string, f *os.File) CollectedFile {
	info, err := f.Stat()
	if err != nil {
		return collected(name, nil, err)
	}
	from := max(0, info.Size()-collectBytes)
	text, err := io.ReadAll(io.NewSectionReader(f, from, collectBytes))
	file := collected(name, text, err)
	file.Cut = from > 0
	return file
}

// kernelLog is what the kernel has printed, syslog(2): SYSLOG_ACTION_READ_ALL and SYSLOG_ACTION_SIZE_BUFFER.
func kernelLog() ([]byte, error) {
	const readAll, sizeBuffer = 3, 10
	size, err := unix.Klogctl(sizeBuffer, nil)
	if err != nil {
		return nil, fmt.Errorf("size of the kernel's log: %w", err)
	}
	text := make([]byte, size)
	n, err := unix.Klogctl(readAll, text)
	if err != nil {
		return nil, fmt.Errorf("the kernel's log: %w", err)
	}
	return text[:n], nil
}
