package ptpconfig

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Authentication says with which key the clocks sign their messages: the AUTHENTICATION TLV with immediate security
// processing, IEEE 1588-2019 14.16 and 16.14. It takes linuxptp 4.4; older ones do not know the options.
type Authentication struct {
	Secret    string // name of the Kubernetes Secret that holds the keys
	File      string // key of the Secret under which the security associations are
	SPP       uint8  // security parameter pointer: which association the ports use
	ActiveKey uint32 // which of its keys they sign with; NewSecret makes keys 1 and 2
}

// DefaultAuthentication is the one that users of the operator's test suite know.
func DefaultAuthentication() *Authentication {
	return &Authentication{Secret: "ptp-security-conf", File: "ptp-security.conf", SPP: 1, ActiveKey: 1}
}

// Path is where the node daemon mounts the security associations: linuxptp's option sa_file.
func (a *Authentication) Path() string { return "/etc/ptp-secret-mount/" + a.Secret + "/" + a.File }

// apply gives the configuration in which all ports sign. The section [global] has no association, so that management
// messages on the local socket go without.
func (a *Authentication) apply(conf Conf) Conf {
	conf = conf.Set(Global, "sa_file", a.Path()).Set(Global, "spp", "-1")
	for _, port := range conf.Interfaces() {
		conf = conf.Set(port, "spp", strconv.Itoa(int(a.SPP))).Set(port, "active_key_id", strconv.FormatUint(uint64(a.ActiveKey), 10))
	}
	return conf
}

func (a *Authentication) check() error {
	switch {
	case a.Secret == "" || a.File == "" || strings.ContainsAny(a.Secret+a.File, "/ \t\n"):
		return fmt.Errorf("authentication: %s is no place in a Secret", a.Path())
	case a.ActiveKey == 0:
		return errors.New("authentication: key 0 stands for none; keys count from 1")
	}
	return nil
}

// Secret is a Kubernetes Secret, type Opaque.
type Secret struct {
	Name       string
	Namespace  string
	StringData map[string]string
}

// NewSecret makes the Secret with fresh keys: key 1 for AES128, key 2 for SHA256-128. Two calls give two Secrets whose
// holders do not believe each other, unless random gives the same bytes; nil is crypto/rand. 48 bytes are read.
func (a *Authentication) NewSecret(random io.Reader) (Secret, error) {
	if random == nil {
		random = rand.Reader
	}
	var keys [48]byte
	if _, err := io.ReadFull(random, keys[:]); err != nil {
		return Secret{}, fmt.Errorf("make keys for secret %s: %w", a.Secret, err)
	}
	text := fmt.Sprintf("[security_association]\nspp %d\n1 AES128 HEX:%X\n2 SHA256-128 HEX:%X\n", a.SPP, keys[:16], keys[16:])
	return Secret{Name: a.Secret, Namespace: Namespace, StringData: map[string]string{a.File: text}}, nil
}
