package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ptplab/ptplab/lab/agent"
)

// opLoad is the operation: LoadArgs; LoadEvent... for each LoadInput, then for each node; LoadResult.
const opLoad = "load"

// LoadArgs says to which nodes of the cluster images go.
type LoadArgs struct {
	Nodes []string `json:"nodes,omitempty"` // none means all, the control plane too
}

// LoadInput is a piece of an archive.
type LoadInput struct {
	Bytes []byte `json:"bytes,omitempty"`
	End   bool   `json:"end,omitempty"` // there is no more
}

// LoadEvent tells how far it is: how much of the archive is there, or whose turn it is.
type LoadEvent struct {
	Received int64  `json:"received,omitempty"` // bytes
	Node     string `json:"node,omitempty"`
	Done     int    `json:"done,omitempty"` // nodes that have the images
	Want     int    `json:"want,omitempty"` // nodes that get them
}

// LoadResult says what happened.
type LoadResult struct {
	Nodes []LoadedNode `json:"nodes"`
}

// LoadedNode is a node that has the images.
type LoadedNode struct {
	Node string        `json:"node"`
	Took time.Duration `json:"took"` // to import them
}

// loadPiece is how much of an archive is sent at once, bytes.
const loadPiece = 1 << 20

// LoadImages gives the images of an archive to the container runtimes of nodes of the lab's cluster, all of them if none is
// named. It is a *NoClusterError where the workers are plain.
func (l *Lab) LoadImages(ctx context.Context, archive *ImageArchive, nodes []string, tell func(LoadEvent)) (*LoadResult, error) {
	if !hasCluster(l.Plan) {
		return nil, &NoClusterError{l.Name}
	}
	if err := l.mustRun(); err != nil {
		return nil, err
	}
	client, err := l.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	stream := archive.stream()
	defer stream.Close()
	result, err := sendImages(ctx, client, stream, LoadArgs{nodes}, tell)
	return result, l.explain(err)
}

// sendImages sends an archive piece by piece: each is on the lab's disk before the next goes.
func sendImages(ctx context.Context, client *agent.Client, archive io.Reader, args LoadArgs, tell func(LoadEvent)) (*LoadResult, error) {
	call, err := client.Start(ctx, opLoad, args)
	if err != nil {
		return nil, err
	}
	var result LoadResult
	piece := make([]byte, loadPiece)
	for ended := false; !ended; {
		n, err := io.ReadFull(archive, piece)
		ended = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return nil, fmt.Errorf("read the image archive: %w", err)
		}
		if err := call.Input(LoadInput{Bytes: piece[:n], End: ended}); err != nil {
			return nil, err
		}
		raw, err := call.Next(&result)
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the lab took only a part of the archive")
		}
		if err != nil {
			return nil, err
		}
		onEvent(tell)(raw)
	}
	if err := call.Wait(&result, onEvent(tell)); err != nil {
		return nil, err
	}
	return &result, nil
}
