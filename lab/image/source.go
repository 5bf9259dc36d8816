package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// sourceLock names the lock of all downloads of kernel sources.
const sourceLock = "download"

// suites are asked for a kernel source in this order: the newest that is built for the release of the root file system, then
// the release itself, then the newest there is.
func suites() []string { return []string{"trixie-backports", "trixie", "sid"} }

// foundSource is a kernel source package in the cache.
type foundSource struct {
	SourcePackage
	series string
	why    string // why this series
	deb    string // path of the package file
}

// findSource returns the source of the newest series that the cache or a package suite has.
func (k kernelBuilder) findSource(ctx context.Context, w *work) (foundSource, error) {
	w.progress.step("find source", "")
	dir := filepath.Join(k.options.CacheDir, string(KindSource))
	if err := makeCacheDir(k.options.CacheDir, dir); err != nil {
		return foundSource{}, err
	}
	held, err := lock(ctx, filepath.Join(dir, sourceLock+".lock"), w.progress)
	if err != nil {
		return foundSource{}, err
	}
	defer held.release()
	search := sourceSearch{
		archive: archive{mirror: k.options.Mirror, work: &work{locks: append(slices.Clone(w.locks), held.file), progress: w.progress}},
		dir:     dir, offers: map[string][]string{}, failed: map[string]error{},
	}
	for _, series := range k.series {
		source, err := search.find(ctx, series)
		if err != nil {
			return foundSource{}, err
		}
		if source != nil {
			source.why = search.why(series)
			return *source, nil
		}
	}
	return foundSource{}, search.nothing(k.series)
}

// sourceSearch looks for kernel sources and remembers what each suite said.
type sourceSearch struct {
	archive archive
	dir     string              // of the downloads
	offers  map[string][]string // of each suite that was asked
	failed  map[string]error    // of each suite that could not be asked
	notes   []string            // about each source that was not found
}

// find returns the source of one series, or nil if there is none to be had.
func (s *sourceSearch) find(ctx context.Context, series string) (*foundSource, error) {
	pkg := "linux-source-" + series
	cached, err := s.cached(pkg)
	if err != nil {
		return nil, err
	}
	if cached != nil {
		cached.series = series
		return cached, nil
	}
	for _, suite := range suites() {
		source, err := s.ask(ctx, suite, pkg)
		if err != nil {
			return nil, err
		}
		if source != nil {
			source.series = series
			return source, nil
		}
	}
	return nil, nil
}

// ask downloads a package from a suite. It returns nil, and notes why, if the suite does not have it or cannot be reached.
func (s *sourceSearch) ask(ctx context.Context, suite, pkg string) (*foundSource, error) {
	if known, asked := s.offers[suite]; asked && !slices.Contains(known, pkg) {
		s.note("%s does not offer %s", suite, pkg)
		return nil, nil
	}
	if s.failed[suite] != nil || s.unreachable() {
		return nil, nil
	}
	out := filepath.Join(s.dir, pkg+".tmp")
	if err := removeAll(out); err != nil {
		return nil, err
	}
	if err := os.Mkdir(out, 0o700); err != nil {
		return nil, err
	}
	source, err := s.download(ctx, suite, pkg, out)
	if err == nil && source != nil {
		return source, nil
	}
	err = errors.Join(err, removeAll(out))
	var fetch *FetchError
	if errors.As(err, &fetch) {
		s.failed[suite] = err
		s.note("%s", fetch.Error())
		return nil, nil
	}
	return nil, err
}

func (s *sourceSearch) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// unreachable reports whether a suite failed for a reason that holds for all of them.
func (s *sourceSearch) unreachable() bool {
	for _, err := range s.failed {
		var fetch *FetchError
		if errors.As(err, &fetch) && fetch.Reason == ReasonUnreachable {
			return true
		}
	}
	return false
}

// download fetches the package and moves it to its place in the cache.
func (s *sourceSearch) download(ctx context.Context, suite, pkg, out string) (*foundSource, error) {
	s.archive.work.progress.step("fetch source", "%s from Debian suite %s", pkg, suite)
	deb, offers, err := s.archive.downloadSource(ctx, suite, pkg, out)
	if err != nil {
		return nil, err
	}
	s.offers[suite] = offers
	if deb == "" {
		s.note("%s does not offer %s", suite, pkg)
		return nil, nil
	}
	_, version, ok := parseDebName(filepath.Base(deb))
	if !ok {
		return nil, fmt.Errorf("downloaded package %s: unexpected file name", filepath.Base(deb))
	}
	sum, err := fileSum(deb)
	if err != nil {
		return nil, err
	}
	if err := cleanExcept(out, filepath.Base(deb)); err != nil {
		return nil, err
	}
	return s.publish(out, filepath.Base(deb), SourcePackage{Package: pkg, Version: version, Suite: suite, SHA256: sum})
}

// publish writes the manifest and gives the download its final name.
func (s *sourceSearch) publish(out, deb string, source SourcePackage) (*foundSource, error) {
	size, err := diskUse(filepath.Join(out, deb))
	if err != nil {
		return nil, err
	}
	manifest := Manifest{
		Kind: KindSource, Name: source.Package, Key: source.SHA256, Payload: deb, Source: &source,
		Size: size, Built: time.Now().UTC().Truncate(time.Second),
	}
	if err := writeManifest(out, manifest); err != nil {
		return nil, err
	}
	if err := protect(out); err != nil {
		return nil, err
	}
	final := filepath.Join(s.dir, short(source.SHA256)+"-"+source.Package)
	if err := removeAll(final); err != nil {
		return nil, err
	}
	if err := os.Rename(out, final); err != nil {
		return nil, err
	}
	return &foundSource{SourcePackage: source, deb: filepath.Join(final, deb)}, nil
}

// cached returns the newest download of the package whose checksum is still right, or nil.
func (s *sourceSearch) cached(pkg string) (*foundSource, error) {
	dirs, err := globIn(s.dir, "*-"+pkg)
	if err != nil {
		return nil, err
	}
	var newest Manifest
	var best *foundSource
	for _, dir := range dirs {
		m, err := readManifest(dir)
		if err != nil || m.Source == nil || m.Source.Package != pkg || m.Built.Before(newest.Built) {
			continue
		}
		deb := filepath.Join(dir, m.Payload)
		sum, err := fileSum(deb)
		if err != nil || sum != m.Source.SHA256 {
			if err := removeAll(dir); err != nil {
				return nil, err
			}
			continue
		}
		newest, best = m, &foundSource{SourcePackage: *m.Source, deb: deb}
	}
	return best, nil
}

// why is the sentence about the choice of a series.
func (s *sourceSearch) why(series string) string {
	if len(s.notes) == 0 {
		return series + " is the newest series that there are patches for"
	}
	return series + " because " + strings.Join(s.notes, "; ")
}

// nothing is the error of a search that found no source at all.
func (s *sourceSearch) nothing(series []string) error {
	for _, err := range s.failed {
		var fetch *FetchError
		if errors.As(err, &fetch) && fetch.Reason == ReasonUnreachable {
			return err
		}
	}
	return fmt.Errorf("no source of kernel %s to be had: %s", strings.Join(series, " or "), strings.Join(s.notes, "; "))
}

// cleanExcept removes all of a folder's content but one file.
func cleanExcept(dir, keep string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name.Name() == keep {
			continue
		}
		if err := removeAll(filepath.Join(dir, name.Name())); err != nil {
			return err
		}
	}
	return nil
}

// fileSum is the SHA-256 of a file, 64 hexadecimal digits.
func fileSum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", fmt.Errorf("checksum of %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
