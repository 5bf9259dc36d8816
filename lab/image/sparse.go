package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// CopySparse copies a file that is mostly holes: as a clone where the file system can share blocks, else only what is
// written. The new file must not exist.
func CopySparse(ctx context.Context, from, to string) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if unix.IoctlFileClone(int(target.Fd()), int(source.Fd())) == nil {
		return nil
	}
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if err := target.Truncate(info.Size()); err != nil {
		return err
	}
	if err := copyData(ctx, target, source); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return nil
}

// copyData copies the parts of a file between its holes.
func copyData(ctx context.Context, to, from *os.File) error {
	for end := int64(0); ; {
		begin, err := unix.Seek(int(from.Fd()), end, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) { // only a hole is left
			return nil
		}
		if err != nil {
			return err
		}
		if end, err = unix.Seek(int(from.Fd()), begin, unix.SEEK_HOLE); err != nil {
			return err
		}
		if err := copyPart(ctx, to, from, begin, end); err != nil {
			return err
		}
	}
}

// partSize is how much is copied between two looks at the context.
const partSize = 64 << 20

func copyPart(ctx context.Context, to, from *os.File, begin, end int64) error {
	for at := begin; at < end; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		source, target := at, at
		n, err := unix.CopyFileRange(int(from.Fd()), &source, int(to.Fd()), &target, int(min(partSize, end-at)), 0)
		if err != nil || n == 0 { // between file systems, or on an old kernel
			size := min(partSize, end-at)
			written, err := io.Copy(io.NewOffsetWriter(to, at), io.NewSectionReader(from, at, size))
			if err == nil && written < size {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return err
			}
			n = int(written)
		}
		at += int64(n)
	}
	return nil
}
