package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

// insideText is a kubeconfig as kind writes it, with an entry that is none of the cluster's.
const insideText = `apiVersion: v1
kind: Config
current-context: kind-dnbc
clusters:
- name: kind-dnbc
  cluster: {server: "https://0.0.0.0:6443", certificate-authority-data: Y2E=}
contexts:
- name: kind-dnbc
  context: {cluster: kind-dnbc, user: kind-dnbc}
- name: other
  context: {cluster: other, user: other}
users:
- name: kind-dnbc
  user: {client-certificate-data: Y2VydA==, client-key-data: a2V5}
`

func TestOutsideConfig(t *testing.T) {
	text, err := outsideConfig([]byte(insideText), "ptplab-dnbc", "127.0.0.1:40123")
	if err != nil {
		t.Fatal(err)
	}
	c, err := clientcmd.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Clusters) != 1 || len(c.AuthInfos) != 1 || len(c.Contexts) != 1 || c.CurrentContext != "ptplab-dnbc" {
		t.Fatalf("entries:\n%s", text)
	}
	cluster, user, use := c.Clusters["ptplab-dnbc"], c.AuthInfos["ptplab-dnbc"], c.Contexts["ptplab-dnbc"]
	if cluster.Server != "https://localhost:40123" || string(cluster.CertificateAuthorityData) != "ca" {
		t.Errorf("cluster: %+v", cluster)
	}
	if string(user.ClientCertificateData) != "cert" || string(user.ClientKeyData) != "key" {
		t.Errorf("user: %+v", user)
	}
	if use.Cluster != "ptplab-dnbc" || use.AuthInfo != "ptplab-dnbc" {
		t.Errorf("context: %+v", use)
	}
}

func TestOutsideConfigFaults(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":    "",
		"no YAML":    "{",
		"no context": strings.Replace(insideText, "current-context: kind-dnbc", "current-context: gone", 1),
		"no cluster": strings.Replace(insideText, "current-context: kind-dnbc", "current-context: other", 1),
	} {
		if out, err := outsideConfig([]byte(text), "ptplab-dnbc", "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "kubeconfig of the cluster") {
			t.Errorf("%s: %s, %v", name, out, err)
		}
	}
}

// theirText is a user's kubeconfig with paths that are relative to it.
const theirText = `apiVersion: v1
kind: Config
current-context: mine
clusters:
- name: mine
  cluster: {server: "https://mine:6443", certificate-authority: pki/ca.crt}
contexts:
- name: mine
  context: {cluster: mine, user: mine, namespace: work}
users:
- name: mine
  user: {client-certificate: ../c.crt, client-key: c.key}
`

// mergeLab is a lab with its kubeconfig, and the user's, which $KUBECONFIG names.
func mergeLab(t *testing.T) (l *Lab, own, theirs string) {
	t.Helper()
	dir := t.TempDir()
	l = &Lab{Record: Record{Name: "dnbc"}, home: Home{Dir: filepath.Join(dir, "labs")}}
	if err := l.save(); err != nil {
		t.Fatal(err)
	}
	text, err := outsideConfig([]byte(insideText), l.KubeContext(), "127.0.0.1:40123")
	if err != nil {
		t.Fatal(err)
	}
	own, theirs = filepath.Join(l.dir(), kubeconfigName), filepath.Join(dir, "config")
	write(t, own, string(text), 0o600)
	write(t, theirs, theirText, 0o640)
	t.Setenv("KUBECONFIG", theirs)
	return l, own, theirs
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// canonical is a kubeconfig as it is written.
func canonical(t *testing.T, text string) string {
	t.Helper()
	c, err := clientcmd.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	out, err := clientcmd.Write(*c)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestMergeKubeconfig adds a context twice and takes it away: all that was there is as it was.
func TestMergeKubeconfig(t *testing.T) {
	l, own, theirs := mergeLab(t)
	link := filepath.Join(filepath.Dir(theirs), "link")
	if err := os.Symlink(theirs, link); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", link)
	for range 2 {
		into, err := l.MergeKubeconfig(own)
		if err != nil || into != link {
			t.Fatalf("merge: %q, %v", into, err)
		}
	}
	merged := read(t, theirs)
	for _, part := range []string{"current-context: mine", "certificate-authority: pki/ca.crt", "client-certificate: ../c.crt", "https://localhost:40123", "namespace: work"} {
		if !strings.Contains(merged, part) {
			t.Errorf("merged without %q:\n%s", part, merged)
		}
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link: %v, %v", info, err)
	}
	if info, err := os.Stat(theirs); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode: %v, %v", info, err)
	}
	if kept, err := l.home.Record("dnbc"); err != nil || kept.Merged != link {
		t.Errorf("the record: %+v, %v", kept, err)
	}
	for range 2 {
		if err := l.unmergeKubeconfig(); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, theirs); got != canonical(t, theirText) {
		t.Errorf("after it was taken away:\n%s", got)
	}
	left, err := filepath.Glob(theirs + ".*")
	if err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

// TestMergeIntoNothing makes a kubeconfig where there is none, by a relative path.
func TestMergeIntoNothing(t *testing.T) {
	l, own, theirs := mergeLab(t)
	t.Chdir(filepath.Dir(theirs))
	t.Setenv("KUBECONFIG", "new/config")
	into, err := l.MergeKubeconfig(own)
	if want := filepath.Join(filepath.Dir(theirs), "new/config"); err != nil || into != want || l.Merged != want {
		t.Fatalf("%q, %v", into, err)
	}
	t.Chdir(t.TempDir())
	if err := l.unmergeKubeconfig(); err != nil {
		t.Fatal(err)
	}
	if text := read(t, into); strings.Contains(text, "ptplab-dnbc") {
		t.Errorf("after it was taken away elsewhere:\n%s", text)
	}
}

// TestMergeElsewhere merges into a second file: the first one loses the context, as down could not find it.
func TestMergeElsewhere(t *testing.T) {
	l, own, theirs := mergeLab(t)
	if _, err := l.MergeKubeconfig(own); err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(t.TempDir(), "second")
	t.Setenv("KUBECONFIG", second)
	if _, err := l.MergeKubeconfig(own); err != nil {
		t.Fatal(err)
	}
	if text := read(t, theirs); strings.Contains(text, "ptplab-dnbc") {
		t.Errorf("the first file:\n%s", text)
	}
	if text := read(t, second); !strings.Contains(text, "ptplab-dnbc") {
		t.Errorf("the second file:\n%s", text)
	}
}

// TestMergeRefuses leaves a user's kubeconfig alone that is not understood or has an entry of somebody else.
func TestMergeRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"no YAML":       {"{", "read "},
		"another entry": {strings.ReplaceAll(theirText, "name: mine", "name: ptplab-dnbc"), "not of this lab"},
	} {
		l, own, theirs := mergeLab(t)
		write(t, theirs, test.text, 0o600)
		if _, err := l.MergeKubeconfig(own); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), theirs) {
			t.Errorf("%s: %v", name, err)
		}
		if got := read(t, theirs); got != test.text || l.Merged != "" {
			t.Errorf("%s: it became\n%s", name, got)
		}
	}
	l, own, _ := mergeLab(t)
	t.Setenv("KUBECONFIG", own)
	if _, err := l.MergeKubeconfig(own); err == nil || !strings.Contains(err.Error(), "lab's own") {
		t.Errorf("the lab's own: %v", err)
	}
}

// TestUnmergeCurrent unsets a current context that goes.
func TestUnmergeCurrent(t *testing.T) {
	l, own, theirs := mergeLab(t)
	if _, err := l.MergeKubeconfig(own); err != nil {
		t.Fatal(err)
	}
	write(t, theirs, strings.Replace(read(t, theirs), "current-context: mine", "current-context: ptplab-dnbc", 1), 0o600)
	if err := l.unmergeKubeconfig(); err != nil {
		t.Fatal(err)
	}
	if text := read(t, theirs); strings.Contains(text, "ptplab-dnbc") {
		t.Errorf("after it was taken away:\n%s", text)
	}
	if err := os.Remove(theirs); err != nil {
		t.Fatal(err)
	}
	if err := l.unmergeKubeconfig(); err != nil {
		t.Errorf("without the file: %v", err)
	}
}
