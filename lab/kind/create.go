package kind

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/exec"
	"sigs.k8s.io/kind/pkg/log"

	"github.com/ptplab/ptplab/lab/run"
)

// CreateCommand is the command of ptplab in whose process kind makes a cluster: kind takes no context, and a process can be
// ended.
const CreateCommand = "kind-create"

// createLimit is how long kind may take.
const createLimit = 10 * time.Minute

// deleteLimit is how long it may take to take away what a failed one has made.
const deleteLimit = time.Minute

// phases is how many phases kind goes through.
const phases = 7

// Create makes a cluster and returns when kind is done with it. It tells each phase. What a failed one has made is taken
// away.
func Create(ctx context.Context, o Options, tell func(phase string, done, want int)) error {
	if err := o.writeCPUInfo(); err != nil {
		return fmt.Errorf("describe the processor: %w", err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, createLimit, fmt.Errorf("kind has not made the cluster within %s", createLimit))
	defer cancel()
	done := 0
	child := run.Command(ctx, "/proc/self/exe", CreateCommand)
	child.Stdin = bytes.NewReader(text)
	child.Line = func(line string) {
		if phase, ok := strings.CutPrefix(line, " • "); ok {
			tell(strings.TrimRight(plain(phase), " ."), done, phases)
			done++
		}
	}
	if err := child.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		undo, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), deleteLimit, fmt.Errorf("Docker has not done it within %s", deleteLimit))
		defer cancel()
		return errors.Join(fmt.Errorf("make the cluster: %w", err), Delete(undo, o.Name))
	}
	return nil
}

// plain is a text without kind's pictures.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7e {
			return -1
		}
		return r
	}, text)
}

// RunCreate is all that the process of CreateCommand does: it reads Options and makes the cluster.
func RunCreate(stdin io.Reader, stdout io.Writer) error {
	var o Options
	if err := json.NewDecoder(stdin).Decode(&o); err != nil {
		return fmt.Errorf("options of the cluster: %w", err)
	}
	provider := cluster.NewProvider(cluster.ProviderWithDocker(), cluster.ProviderWithLogger(logger{stdout}))
	err := provider.Create(o.Name,
		cluster.CreateWithV1Alpha4Config(o.config()),
		cluster.CreateWithKubeconfigPath(o.kubeconfig()),
		cluster.CreateWithRetain(true), // the parent takes it away, which also finds what a killed kind leaves
	)
	if failed := exec.RunErrorForError(err); failed != nil {
		return fmt.Errorf("%w\n%s", err, strings.TrimSpace(string(failed.Output)))
	}
	return err
}

func (o Options) kubeconfig() string { return filepath.Join(o.Dir, "kubeconfig") }

// Kubeconfig is what kind wrote for who is in the lab's own network namespace.
func (o Options) Kubeconfig() ([]byte, error) { return os.ReadFile(o.kubeconfig()) }

// logger takes what kind says.
type logger struct{ to io.Writer }

func (l logger) Warn(message string)               { fmt.Fprintln(l.to, message) }
func (l logger) Warnf(format string, args ...any)  { l.Warn(fmt.Sprintf(format, args...)) }
func (l logger) Error(message string)              { fmt.Fprintln(l.to, message) }
func (l logger) Errorf(format string, args ...any) { l.Error(fmt.Sprintf(format, args...)) }
func (l logger) V(level log.Level) log.InfoLogger  { return infoLogger{l.to, level} }

type infoLogger struct {
	to    io.Writer
	level log.Level
}

func (l infoLogger) Enabled() bool { return l.level == 0 }

func (l infoLogger) Info(message string) {
	if l.Enabled() {
		fmt.Fprintln(l.to, strings.TrimRight(message, "\n"))
	}
}

func (l infoLogger) Infof(format string, args ...any) { l.Info(fmt.Sprintf(format, args...)) }
