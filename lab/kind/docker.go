// Package kind makes the Kubernetes nodes of a lab: it runs Docker in the lab's kernel and a kind cluster in Docker. It is
// for the inside of that kernel, as root.
package kind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/process"
	"github.com/ptplab/ptplab/lab/run"
)

// Docker is the Docker daemon of a lab.
type Docker struct {
	Dir string // for images and containers, on a disk
	Log string // file that takes what it prints

	mu    sync.Mutex
	ended chan struct{} // closed when the daemon has ended; nil if it was never started
	end   error
}

// startLimit is how long the daemon may take until it answers.
const startLimit = time.Minute

// Running says whether the daemon answers.
func (d *Docker) Running(ctx context.Context) bool {
	return d.alive() && docker(ctx, "version", "--format", "{{.Server.Version}}").Run() == nil
}

// alive says whether the daemon was started and has not ended.
func (d *Docker) alive() bool {
	d.mu.Lock()
	ended := d.ended
	d.mu.Unlock()
	if ended == nil {
		return false
	}
	select {
	case <-ended:
		return false
	default:
		return true
	}
}

// Start starts the daemon and returns when it answers.
func (d *Docker) Start(ctx context.Context) error {
	if d.Running(ctx) {
		return nil
	}
	if !d.alive() { // else an earlier Start has not seen it answer
		if err := d.begin(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("it has not answered within %s", startLimit))
	defer cancel()
	for !d.Running(ctx) {
		select {
		case <-d.ended:
			return fmt.Errorf("start Docker: %w%s", d.end, d.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("start Docker: %w%s", context.Cause(ctx), d.lastWords())
		case <-time.After(answerEvery):
		}
	}
	return nil
}

// begin makes all ready for the daemon and starts its process.
func (d *Docker) begin() error {
	if err := prepareKernel(); err != nil {
		return fmt.Errorf("prepare for Docker: %w", err)
	}
	if err := d.configure(); err != nil {
		return fmt.Errorf("configure Docker: %w", err)
	}
	if err := d.launch(); err != nil {
		return fmt.Errorf("start Docker: %w", err)
	}
	return nil
}

// answerEvery is how often a daemon that starts is asked whether it answers.
const answerEvery = 100 * time.Millisecond

func (d *Docker) lastWords() string {
	lines := process.Tail(d.Log, 10)
	if len(lines) == 0 {
		return ""
	}
	return "; its last lines:\n  " + strings.Join(lines, "\n  ")
}

// launch runs the daemon below an init of its own, which takes the processes that it leaves behind.
func (d *Docker) launch() error {
	output, err := os.OpenFile(d.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	cmd := exec.Command("tini", "-s", "--", "dockerd")
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	d.mu.Lock()
	d.ended = ended
	d.mu.Unlock()
	go func() {
		d.end = cmd.Wait()
		if d.end == nil {
			d.end = errors.New("it ended with exit status 0")
		}
		close(ended)
	}()
	return nil
}

// configure writes the daemon's configuration file.
func (d *Docker) configure() error {
	text, err := json.Marshal(map[string]any{
		"data-root":                d.Dir,
		"storage-driver":           "overlay2",
		"exec-opts":                []string{"native.cgroupdriver=cgroupfs"},
		"log-driver":               "local",
		"log-opts":                 map[string]string{"max-size": "4m", "max-file": "2", "compress": "false"},
		"log-level":                "warn",
		"live-restore":             false,
		"userland-proxy":           true,
		"max-concurrent-downloads": 1,
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll("/etc/docker", 0o755); err != nil {
		return err
	}
	return os.WriteFile("/etc/docker/daemon.json", text, 0o644)
}

// prepareKernel sets what Docker, kubelet and their containers ask of a kernel.
func prepareKernel() error {
	const groups = "/sys/fs/cgroup"
	var st unix.Statfs_t
	if err := unix.Statfs(groups, &st); err != nil {
		return err
	}
	if int64(st.Type) != unix.CGROUP2_SUPER_MAGIC {
		if err := unix.Mount("cgroup2", groups, "cgroup2", 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", groups, err)
		}
	}
	if err := os.MkdirAll("/lib/modules", 0o755); err != nil { // kind shows it to its nodes
		return err
	}
	for name, value := range map[string]string{
		"fs/inotify/max_user_instances": "8192", // each systemd and each container runtime takes some
		"fs/inotify/max_user_watches":   "1048576",
		"net/ipv4/ip_forward":           "1",
		"kernel/keys/maxkeys":           "20000", // each container takes one
		"kernel/keys/maxbytes":          "2000000",
	} {
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0); err != nil {
			return fmt.Errorf("set %s: %w", strings.ReplaceAll(name, "/", "."), err)
		}
	}
	return nil
}

// docker is Docker's own client, which kind uses as well.
func docker(ctx context.Context, args ...string) *run.Cmd { return run.Command(ctx, "docker", args...) }
