package cluster

import (
	"bufio"
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ptplab/ptplab/conformance/sut"
)

// Logs are those of the node's daemon, which prints what its programs print. A pod that is gone has taken its log with it.
func (s *System) Logs(ctx context.Context, node string, since time.Time) ([]sut.LogLine, error) {
	pod, err := s.daemonPod(ctx, node)
	if err != nil {
		return nil, err
	}
	options := &corev1.PodLogOptions{Container: daemonContainer, Timestamps: true}
	if !since.IsZero() {
		options.SinceTime = &metav1.Time{Time: since.Truncate(time.Second)} // the API's own resolution
	}
	text, err := s.kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, options).Stream(ctx)
	if err != nil {
		return nil, s.explain(err, "log of pod %s", pod.Name)
	}
	defer text.Close()
	lines, err := readLog(text, since)
	return lines, s.explain(err, "log of pod %s", pod.Name)
}

// readLog reads lines that begin with their time, and drops those before since.
func readLog(log io.Reader, since time.Time) ([]sut.LogLine, error) {
	var lines []sut.LogLine
	reader := bufio.NewReader(log)
	for {
		text, err := reader.ReadString('\n')
		if line, ok := parseLine(strings.TrimRight(text, "\r\n")); ok && !line.At.Before(since) {
			lines = append(lines, line)
		}
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
	}
}

// parseLine reads "2026-01-02T03:04:05.678901234Z ptp4l[12.3]: [ptp4l.0.config:6] ...". A line without a time is none.
func parseLine(text string) (sut.LogLine, bool) {
	stamp, rest, _ := strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return sut.LogLine{}, false
	}
	return sut.LogLine{At: at, Process: processOf(rest), Text: rest}, true
}

// tagged finds the message tag that linuxptp-daemon gives its programs.
var tagged = regexp.MustCompile(`\[((?:ptp4l|phc2sys|ts2phc|synce4l|chronyd)\.[0-9]+\.config)[:\]]`)

// processOf is the configuration file in a line's message tag; "" if it has none.
func processOf(text string) string {
	found := tagged.FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	return found[1]
}
