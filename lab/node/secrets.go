package node

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ptplab/ptplab/lab/linuxptp"
)

// SecretMount is where the programs of a node find secrets, as upstream mounts them: <secret>/<key> below it.
const SecretMount = "/etc/ptp-secret-mount"

// secretOf takes the value of linuxptp's option sa_file apart.
func secretOf(file string) (secret, key string, err error) {
	rest, below := strings.CutPrefix(file, SecretMount+"/")
	secret, key, two := strings.Cut(rest, "/")
	if !below || !two || !isName(secret) || !isKey(key) {
		return "", "", fmt.Errorf("sa_file %s is not %s/<secret>/<key>", clip(file), SecretMount)
	}
	return secret, key, nil
}

// CheckSecret says what is wrong with the name and the keys of a secret, by Kubernetes' rules.
func CheckSecret(name string, keys []string) error {
	if !isName(name) {
		return fmt.Errorf("%q is not a Kubernetes object name", clip(name))
	}
	for _, key := range keys {
		if !isKey(key) {
			return fmt.Errorf("key %q is not made of letters, digits, '-', '_' and '.'", clip(key))
		}
	}
	return nil
}

// isKey tells whether s can be a key of a secret, and so a file.
func isKey(s string) bool {
	return s != "" && s[0] != '.' && len(s) <= 253 && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("-_.", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// Keys looks a secret up: its content by key, nil if it does not exist.
type Keys func(secret string) (map[string][]byte, error)

// keysBelow looks for secrets in the folders of a directory.
func keysBelow(dir string) Keys {
	return func(secret string) (map[string][]byte, error) {
		entries, err := os.ReadDir(filepath.Join(dir, secret))
		if err != nil {
			return nil, nil // to the programs it is not there
		}
		found := map[string][]byte{}
		for _, entry := range entries {
			if text, err := os.ReadFile(filepath.Join(dir, secret, entry.Name())); err == nil {
				found[entry.Name()] = text
			}
		}
		return found, nil
	}
}

// CheckSecrets checks that the secrets to which the profiles refer are there, below a directory, and have the security
// associations that their ports use. Upstream's webhook does it when an object comes, and not again when a secret goes.
func (c *PtpConfig) CheckSecrets(dir string) error { return c.CheckKeys(keysBelow(dir)) }

// CheckKeys is CheckSecrets with the secrets where keys finds them.
func (c *PtpConfig) CheckKeys(keys Keys) error {
	f := faults{}
	for i := range c.Spec.Profile {
		if err := c.Spec.Profile[i].checkSecret(keys); err != nil {
			f.add("profile %s: ptp4lConf: %w", clip(c.Spec.Profile[i].Name), err)
		}
	}
	return f.join()
}

func (p *Profile) checkSecret(keys Keys) error {
	conf, err := linuxptp.ParseConfig(p.Ptp4lConf)
	if err != nil {
		return err
	}
	file, found := conf.Get(linuxptp.Global, "sa_file")
	if !found {
		return nil
	}
	secret, key, err := secretOf(file)
	if err != nil {
		return err
	}
	content, err := keys(secret)
	if err != nil {
		return fmt.Errorf("secret %s: %w", secret, err)
	}
	if content == nil {
		return fmt.Errorf("sa_file is in secret %s, which does not exist", secret)
	}
	text, found := content[key]
	if !found {
		return fmt.Errorf("sa_file is key %s of secret %s, which has no such key", key, secret)
	}
	have := associations(string(text))
	for _, port := range conf.Interfaces() {
		if spp, found := conf.Get(port, "spp"); found && !slices.Contains(have, spp) {
			return fmt.Errorf("[%s] uses spp %s, but key %s of secret %s has spp %s", port, clip(spp), key, secret, strings.Join(have, ", "))
		}
	}
	return nil
}

// associations lists the security parameter pointers of a file of security associations, linuxptp's sad.c.
func associations(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) >= 2 && strings.EqualFold(fields[0], "spp") {
			all = append(all, fields[1])
		}
	}
	return all
}

// seal stands for the content of the secret that a configuration refers to: a program must be started anew when it
// changes. It is "" where there is none.
func seal(conf *linuxptp.Config, dir string) string {
	file, found := conf.Get(linuxptp.Global, "sa_file")
	if !found || dir == "" {
		return ""
	}
	secret, key, err := secretOf(file)
	if err != nil {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(dir, secret, key))
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}
