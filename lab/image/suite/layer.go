package suite

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// content is an uncompressed layer.
type content struct{ tar []byte }

func (c content) open() io.ReadCloser { return io.NopCloser(bytes.NewReader(c.tar)) }

// entry is a file or, without content, a folder of the layer.
type entry struct {
	path string
	mode int64
	data []byte
}

// layer packs what the image holds, in a fixed order, of root and of the epoch.
func layer(o Options) (content, error) {
	program, err := os.ReadFile(o.Program)
	if err != nil {
		return content{}, err
	}
	certificates, err := readCertificates(o.CA)
	if err != nil {
		return content{}, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range []entry{
		{"etc/", 0o755, nil},
		{"etc/group", 0o644, []byte("root:x:0:\nnogroup:x:65534:\n")},
		{"etc/passwd", 0o644, []byte("root:x:0:0:root:/tmp:/sbin/nologin\nnobody:x:65534:65534:nobody:/tmp:/sbin/nologin\n")},
		{"etc/ssl/", 0o755, nil},
		{"etc/ssl/certs/", 0o755, nil},
		{inLayer(caPath), 0o644, certificates},
		{inLayer(OutputDir) + "/", 0o777, nil},
		{"tmp/", 0o1777, nil},
		{"usr/", 0o755, nil},
		{"usr/local/", 0o755, nil},
		{"usr/local/bin/", 0o755, nil},
		{inLayer(programPath), 0o755, program},
	} {
		if err := e.write(w); err != nil {
			return content{}, err
		}
	}
	if err := w.Close(); err != nil {
		return content{}, err
	}
	return content{out.Bytes()}, nil
}

func inLayer(path string) string { return strings.TrimPrefix(path, "/") }

func (e entry) write(w *tar.Writer) error {
	header := &tar.Header{
		Name: e.path, Mode: e.mode, Typeflag: tar.TypeReg, Size: int64(len(e.data)),
		ModTime: time.Unix(0, 0).UTC(), Format: tar.FormatUSTAR,
	}
	if strings.HasSuffix(e.path, "/") {
		header.Typeflag = tar.TypeDir
	}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(e.data)
	return err
}

// readCertificates reads a file and sees that certificates are in it.
func readCertificates(path string) ([]byte, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it", path)
	}
	return pem, nil
}

// architecture is that of the program, as container images call it. The program must do without libraries, because the image
// has none.
func architecture(path string) (string, error) {
	file, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("program %s: %w", path, err)
	}
	defer file.Close()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			return "", fmt.Errorf("program %s needs libraries, which the image does not have; build it with CGO_ENABLED=0", path)
		}
	}
	switch file.Machine {
	case elf.EM_X86_64:
		return "amd64", nil
	case elf.EM_AARCH64:
		return "arm64", nil
	}
	return "", errors.New("program " + path + ": its machine is " + file.Machine.String() + ", want x86-64 or arm64")
}
