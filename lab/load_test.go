package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ptplab/ptplab/lab/agent"
	"github.com/ptplab/ptplab/lab/kind"
	"github.com/ptplab/ptplab/lab/topology"
)

// writerFunc writes.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// loadInto sends an archive to an agent that writes it to w and then says that two nodes have it.
func loadInto(t *testing.T, archive io.Reader, w io.Writer, tell func(LoadEvent)) (*LoadResult, error) {
	t.Helper()
	outside, inside := net.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- agent.Serve(t.Context(), inside, func(_ context.Context, req *agent.Request) (any, error) {
			var args LoadArgs
			if err := req.Decode(&args); err != nil {
				return nil, err
			}
			if err := receiveImages(req, w); err != nil {
				return nil, err
			}
			for i, node := range args.Nodes {
				req.Event(LoadEvent{Node: node, Done: i, Want: len(args.Nodes)})
			}
			return &LoadResult{Nodes: []LoadedNode{{Node: "w1"}, {Node: "w2"}}}, nil
		})
	}()
	client := agent.NewClient(outside)
	result, err := sendImages(t.Context(), client, archive, LoadArgs{[]string{"w1", "w2"}}, tell)
	client.Close()
	if err := <-served; err != nil {
		t.Errorf("the agent: %v", err)
	}
	return result, err
}

// TestSendImages wants an archive of several pieces to arrive as it was, with word of each piece and of each node.
func TestSendImages(t *testing.T) {
	for _, size := range []int{0, 1, loadPiece, 2*loadPiece + 17} {
		archive := bytes.Repeat([]byte("ptplab "), size/7+1)[:size]
		var got bytes.Buffer
		var events []LoadEvent
		result, err := loadInto(t, bytes.NewReader(archive), &got, func(e LoadEvent) { events = append(events, e) })
		if err != nil || !bytes.Equal(got.Bytes(), archive) {
			t.Fatalf("%d bytes: %v, and %d arrived", size, err, got.Len())
		}
		if len(result.Nodes) != 2 {
			t.Errorf("%+v", result)
		}
		received := slices.IndexFunc(events, func(e LoadEvent) bool { return e.Received == int64(size) && e.Node == "" })
		last := slices.Index(events, LoadEvent{Node: "w2", Done: 1, Want: 2})
		if received < 0 || last < received {
			t.Errorf("%d bytes: %+v", size, events)
		}
	}
}

// TestSendImagesInVain wants the reason where the disk is full, where the archive cannot be read and where the lab ends.
func TestSendImagesInVain(t *testing.T) {
	full := writerFunc(func([]byte) (int, error) { return 0, fmt.Errorf("write: %w", unix.ENOSPC) })
	if _, err := loadInto(t, strings.NewReader("text"), full, nil); err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("a full disk: %v", err)
	}
	torn := errors.New("torn")
	unreadable := io.MultiReader(strings.NewReader("text"), readerFunc(func([]byte) (int, error) { return 0, torn }))
	if _, err := loadInto(t, unreadable, io.Discard, nil); !errors.Is(err, torn) {
		t.Errorf("an archive that cannot be read: %v", err)
	}
	outside, inside := net.Pipe()
	inside.Close()
	if _, err := sendImages(t.Context(), agent.NewClient(outside), strings.NewReader("text"), LoadArgs{}, nil); !errors.Is(err, agent.ErrGone) {
		t.Errorf("a lab that is gone: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestLoadWithoutCluster(t *testing.T) {
	l := &Lab{Record: Record{Name: "oc", Plan: &topology.Plan{Name: "oc"}}}
	var none *NoClusterError
	if _, err := l.LoadImages(t.Context(), &ImageArchive{}, nil, nil); !errors.As(err, &none) {
		t.Errorf("%v", err)
	}
	if _, err := NewWorld(WorldOptions{Lab: "oc"}).load(t.Context(), nil, LoadArgs{}); agent.KindOf(err) != "usage" {
		t.Errorf("inside: %v", err)
	}
}

func TestChooseNodes(t *testing.T) {
	all := []kind.Container{{Node: kind.ControlPlane}, {Node: "w1"}, {Node: "w2"}}
	for _, c := range []struct{ names, want string }{
		{"", "control-plane w1 w2"}, {"w2 w1 w2", "w1 w2"}, {"control-plane", "control-plane"},
	} {
		chosen, err := chooseNodes(all, strings.Fields(c.names))
		var got []string
		for _, one := range chosen {
			got = append(got, one.Node)
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%q: %s, %v, want %s", c.names, got, err, c.want)
		}
	}
	if _, err := chooseNodes(all, []string{"w9"}); agent.KindOf(err) != "usage" || !strings.Contains(err.Error(), "control-plane, w1, w2") {
		t.Errorf("%v", err)
	}
}
