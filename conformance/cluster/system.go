package cluster

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/ptplab/ptplab/conformance/l2"
	"github.com/ptplab/ptplab/conformance/ptpconfig"
	"github.com/ptplab/ptplab/conformance/sut"
	"github.com/ptplab/ptplab/conformance/wait"
)

// Options say which cluster, and with what to work on it. The zero value is the cluster that kubectl would talk to.
type Options struct {
	Kubeconfig    string // a file, or a list of them as in KUBECONFIG; "" for KUBECONFIG, ~/.kube/config, or the pod's own account
	Context       string // of the kubeconfig; "" for its current one
	Namespace     string // of the PTP operator; "" for openshift-ptp
	NodesSelector string // a label selector: only these nodes are part of the system; "" for all
	Monitoring    string // namespace of the Prometheus server; "" for openshift-monitoring

	Image                  string // ptplab's own, for pods of the suite; "" for the daemon's where that is ptplab's, else none, and what needs one is unavailable
	DiscoveryImage         string // of an l2discovery daemon to use in place of Image
	PreconfiguredDiscovery bool   // somebody else runs the discovery's daemon set
	AllInterfaces          bool   // discover interfaces that do not look physical as well

	Rights []Right      // to check when the cluster is opened; nil for all that a run of the suite needs
	Clock  wait.Clock   // nil for the wall clock
	Log    *slog.Logger // takes retries and leftovers; nil for none
}

func (o Options) withDefaults() Options {
	o.Namespace = cmp.Or(o.Namespace, ptpconfig.Namespace)
	o.Monitoring = cmp.Or(o.Monitoring, "openshift-monitoring")
	if o.Clock == nil {
		o.Clock = wallClock{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Rights == nil {
		o.Rights = TestRights(o)
	}
	return o
}

// System is a cluster as the suite sees it. Its methods may be called from one goroutine at a time.
type System struct {
	options   Options
	namespace string
	config    *rest.Config
	kube      kubernetes.Interface
	dynamic   dynamic.Interface
	log       *slog.Logger

	forwards  *forwards
	pods      *http.Client // speaks to ports of pods, see podURL
	journal   *journal
	graph     *l2.Graph // as last discovered; nil before
	conflicts int       // updates that had to be made again
}

var (
	_ sut.System        = (*System)(nil)
	_ sut.Configurer    = (*System)(nil)
	_ sut.SecretKeeper  = (*System)(nil)
	_ sut.Daemon        = (*System)(nil)
	_ sut.Logs          = (*System)(nil)
	_ sut.Notifications = (*System)(nil)
	_ sut.Operator      = (*System)(nil)
	_ sut.Loads         = (*System)(nil)
	_ sut.Prometheus    = (*System)(nil)
	_ sut.Unprivileged  = (*System)(nil)
	_ sut.Devices       = (*System)(nil)
	_ sut.Rebooter      = (*System)(nil)
	_ sut.Cluster       = (*System)(nil)
	_ l2.Discoverer     = (*System)(nil)
)

// Open connects to a cluster and sees that a run of the suite can work there: the API server answers, the user has the rights, the
// PTP operator's kinds of object exist and its daemon runs somewhere. See ConfigError, AccessError and NotReadyError. It
// changes nothing.
func Open(ctx context.Context, o Options) (*System, error) {
	o = o.withDefaults()
	config, err := o.load()
	if err != nil {
		return nil, err
	}
	s, err := newSystem(config, o)
	if err != nil {
		return nil, err
	}
	if err := s.check(ctx); err != nil {
		s.Close()
		return nil, err
	}
	if s.options.Image == "" {
		if s.options.Image, err = s.ownImage(ctx); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

func newSystem(config *rest.Config, o Options) (*System, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1 // the API server itself sees to fairness
	config.UserAgent = "ptplab-suite"
	config.ContentType = "application/json" // for all kinds of object alike
	config.WarningHandler = rest.NoWarnings{}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, &ConfigError{Text: "the kubeconfig is not usable", Err: err}
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, &ConfigError{Text: "the kubeconfig is not usable", Err: err}
	}
	s := &System{options: o, namespace: o.Namespace, config: config, kube: kube, dynamic: objects, log: o.Log}
	s.forwards = newForwards(s)
	s.pods = s.forwards.client()
	s.journal = &journal{secrets: kube.CoreV1().Secrets(o.Namespace)}
	return s, nil
}

// Close gives connections back. It leaves the cluster as it is.
func (s *System) Close() error {
	s.pods.CloseIdleConnections()
	s.forwards.close()
	return nil
}

// Conflicts is how many updates had to be made again because somebody else had changed the object at the same time.
func (s *System) Conflicts() int { return s.conflicts }

// Host is the URL of the API server.
func (s *System) Host() string { return s.config.Host }

// Now is the time of this machine.
func (s *System) Now(ctx context.Context) (time.Time, error) { return s.options.Clock.Now(ctx) }

// Sleep waits on the wall clock.
func (s *System) Sleep(ctx context.Context, d time.Duration) error {
	return s.options.Clock.Sleep(ctx, d)
}

// wallClock is the time of this machine, which is not the nodes'.
type wallClock struct{}

func (wallClock) Now(ctx context.Context) (time.Time, error) { return time.Now(), ctx.Err() }

func (wallClock) Sleep(ctx context.Context, d time.Duration) error {
	pause, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-pause.Done()
	return ctx.Err()
}
