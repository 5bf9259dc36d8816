package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/ptplab/ptplab/conformance/sut"
)

// OpenMailbox starts a pod beside a node's daemon that takes mail. See PodMain.
func (s *System) OpenMailbox(ctx context.Context, node string) (sut.Mailbox, error) {
	if s.options.Image == "" {
		return nil, &sut.UnavailableError{Reason: "events arrive in a pod of ptplab's own image, and it is not known where that is"}
	}
	daemon, err := s.daemonPod(ctx, node)
	if err != nil {
		return nil, err
	}
	if !hasContainer(daemon, proxyContainer) {
		return nil, &sut.UnavailableError{Reason: fmt.Sprintf("the PTP daemon of node %s has no %s: events are not enabled in PtpOperatorConfig %s", node, proxyContainer, operatorConfigName)}
	}
	pod, err := s.startPod(ctx, podOn(node, "ptplab-mailbox-", corev1.Container{
		Name: "mailbox", Image: s.options.Image, ImagePullPolicy: corev1.PullIfNotPresent, Command: podCommand("mailbox"),
		ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(mailPort)}}},
	}))
	if err != nil {
		return nil, err
	}
	return &mailbox{system: s, node: node, pod: pod}, nil
}

// podCommand is how a pod of the suite reaches PodMain.
func podCommand(args ...string) []string { return append([]string{"ptplab", "pod"}, args...) }

func hasContainer(pod *corev1.Pod, name string) bool {
	for _, c := range pod.Spec.Containers {
		if c.Name == name {
			return true
		}
	}
	return false
}

// crashScript kills whatever runs as cloud-event-proxy; the kernel cuts names off after 15 bytes.
const crashScript = `
found=1
for p in /proc/[0-9]*; do
	read -r name 2>/dev/null <"$p/comm" || continue
	[ "$name" = cloud-event-pro ] || continue
	kill -9 "${p#/proc/}" && found=0
done
exit $found`

// CrashNotifier kills cloud-event-proxy, from the daemon's container, which sees all processes of the node.
func (s *System) CrashNotifier(ctx context.Context, node string) error {
	result, err := s.Exec(ctx, node, []string{"sh", "-c", crashScript, "ptplab-crash"})
	if err != nil {
		return err
	}
	if result.Exit != 0 {
		return fmt.Errorf("kill %s on node %s: no process of that name (exit status %d) %s", proxyContainer, node, result.Exit, strings.TrimSpace(result.Stderr))
	}
	return nil
}

// mailbox is a pod that takes mail.
type mailbox struct {
	system *System
	node   string
	pod    *corev1.Pod
	taken  int // number of the last mail that was taken
}

// API is the notification API as the node's programs see it.
func (m *mailbox) API() string { return "http://localhost:" + strconv.Itoa(notificationsPort) }

// Endpoint is the pod's address, which the node reaches as it reaches all its pods.
func (m *mailbox) Endpoint() string {
	return "http://" + net.JoinHostPort(m.pod.Status.PodIP, strconv.Itoa(mailPort))
}

// RoundTrip carries a request to the port of the same number in the daemon's pod.
func (m *mailbox) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	daemon, err := m.system.daemonPod(ctx, m.node)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(request.URL.Port())
	if err != nil {
		return nil, fmt.Errorf("%s names no port", request.URL.Host)
	}
	forwarded := request.Clone(ctx)
	forwarded.Host = request.URL.Host
	forwarded.URL.Host = strings.TrimPrefix(podURL(daemon.Namespace, daemon.Name, port), "http://")
	return m.system.pods.Transport.RoundTrip(forwarded)
}

// Take asks the pod for what it has got since.
func (m *mailbox) Take(ctx context.Context) ([]sut.Mail, error) {
	status, body, err := m.system.ask(ctx, m.pod.Namespace, m.pod.Name, collectPort, "/mail?after="+strconv.Itoa(m.taken))
	if err != nil {
		return nil, fmt.Errorf("take mail of node %s: %w", m.node, err)
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("take mail of node %s: HTTP status %d: %.200s", m.node, status, body)
	}
	var all []sut.Mail
	decoder := json.NewDecoder(bytes.NewReader(body))
	for {
		var one sut.Mail
		err := decoder.Decode(&one)
		if err == io.EOF {
			m.taken += len(all)
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("mail of node %s: %w", m.node, err)
		}
		all = append(all, one)
	}
}

// Close deletes the pod.
func (m *mailbox) Close(ctx context.Context) error { return m.system.stopPod(ctx, m.pod.Name) }
