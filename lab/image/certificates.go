package image

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
)

// certificatesFile is where programs look for the certificate authorities that they trust.
const certificatesFile = "etc/ssl/certs/ca-certificates.crt"

// joinCertificates is the content of certificatesFile, as the scripts of Debian's package ca-certificates would make it of
// all that it brings.
func joinCertificates(root string) (string, error) {
	files, err := globIn(filepath.Join(root, "usr/share/ca-certificates"), "*/*.crt")
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", errors.New("the package ca-certificates brings none")
	}
	var all bytes.Buffer
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		all.Write(bytes.TrimSpace(text))
		all.WriteByte('\n')
	}
	return all.String(), nil
}
