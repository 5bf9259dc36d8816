package suite

import (
	"archive/tar"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"debug/elf"
	"encoding/binary"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// program writes the headers of an executable.
func program(t *testing.T, machine elf.Machine, segments ...elf.ProgType) string {
	t.Helper()
	header := elf.Header64{
		Ident:   [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:    uint16(elf.ET_EXEC),
		Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Ehsize: 64, Phoff: 64, Phentsize: 56, Phnum: uint16(len(segments)), Shentsize: 64,
	}
	var out bytes.Buffer
	parts := []any{header}
	for _, kind := range segments {
		parts = append(parts, elf.Prog64{Type: uint32(kind)})
	}
	for _, part := range parts {
		if err := binary.Write(&out, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return file(t, "ptplab", out.Bytes())
}

func file(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// certificates writes a file of certificates.
func certificates(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestWrite(t *testing.T) {
	o := Options{Program: program(t, elf.EM_AARCH64, elf.PT_LOAD), CA: certificates(t), Tag: "example.org/suite:v1", Version: "v1"}
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.tar"), filepath.Join(dir, "second.tar")
	digest, err := Write(t.Context(), first, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(o.Program, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	again, err := Write(t.Context(), second, o)
	if err != nil {
		t.Fatal(err)
	}
	if digest != again || !strings.HasPrefix(digest, "sha256:") {
		t.Errorf("digest %s, then %s", digest, again)
	}
	a, errA := os.ReadFile(first)
	b, errB := os.ReadFile(second)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("two archives of one program differ: %v, %v", errA, errB)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "*.tmp")); err != nil || len(names) > 0 {
		t.Errorf("left: %q, %v", names, err)
	}
	checkImage(t, first, digest)

	if err := os.WriteFile(o.Program, append(readFile(t, o.Program), 'x'), 0o600); err != nil {
		t.Fatal(err)
	}
	if other, err := Write(t.Context(), second, o); err != nil || other == digest {
		t.Errorf("another program gives the digest %s, %v", other, err)
	}
}

func checkImage(t *testing.T, path, digest string) {
	t.Helper()
	tag, err := name.NewTag("example.org/suite:v1")
	if err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(path, &tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(image); err != nil {
		t.Error(err)
	}
	if got, err := image.Digest(); err != nil || got.String() != digest {
		t.Errorf("the archive's digest is %s, %v; told was %s", got, err, digest)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS != "linux" || config.Architecture != "arm64" || config.Config.Labels["org.opencontainers.image.version"] != "v1" {
		t.Errorf("configuration %+v", config)
	}
	if got := strings.Join(slices.Concat(config.Config.Entrypoint, config.Config.Cmd), " "); got != "/usr/local/bin/ptplab test --html /output/report.html --json /output/report.json" {
		t.Errorf("it runs %q", got)
	}
	for _, want := range []string{"KUBECONFIG=/tmp/config", "JUNIT_OUTPUT_DIR=/output"} {
		if !slices.Contains(config.Config.Env, want) {
			t.Errorf("no %s in %q", want, config.Config.Env)
		}
	}
	files := mutate.Extract(image)
	defer files.Close()
	modes := map[string]int64{}
	for r := tar.NewReader(files); ; {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[strings.TrimSuffix(header.Name, "/")] = header.Mode
		if header.Uid != 0 || header.ModTime.Unix() != 0 {
			t.Errorf("%s is of user %d and of %s", header.Name, header.Uid, header.ModTime)
		}
	}
	for path, mode := range map[string]int64{"usr/local/bin/ptplab": 0o755, "etc/ssl/certs/ca-certificates.crt": 0o644, "output": 0o777, "tmp": 0o1777} {
		if modes[path] != mode {
			t.Errorf("%s has mode %o, want %o", path, modes[path], mode)
		}
	}
}

func TestFaults(t *testing.T) {
	good := Options{Program: program(t, elf.EM_X86_64), CA: certificates(t)}
	for _, c := range []struct {
		name  string
		spoil func(*Options)
		want  string
	}{
		{"dynamic", func(o *Options) { o.Program = program(t, elf.EM_X86_64, elf.PT_LOAD, elf.PT_INTERP) }, "build it with CGO_ENABLED=0"},
		{"machine", func(o *Options) { o.Program = program(t, elf.EM_RISCV) }, "EM_RISCV, want x86-64 or arm64"},
		{"script", func(o *Options) { o.Program = file(t, "x", []byte("#!/bin/sh\n"+strings.Repeat("#", 100))) }, "bad magic number"},
		{"no program", func(o *Options) { o.Program = "/nowhere/ptplab" }, "no such file"},
		{"no certificates", func(o *Options) { o.CA = file(t, "x", []byte("none")) }, "no certificate in it"},
		{"tag", func(o *Options) { o.Tag = "suite:x y" }, "tag can only contain"},
	} {
		o := good
		c.spoil(&o)
		path := filepath.Join(t.TempDir(), "suite.tar")
		_, err := Write(t.Context(), path, o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", c.name, err, c.want)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: left an archive", c.name)
		}
	}
	if _, err := Write(t.Context(), "/nowhere/suite.tar", good); err == nil {
		t.Error("no such folder: no error")
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
