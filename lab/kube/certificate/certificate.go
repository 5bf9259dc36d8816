// Package certificate makes certificates for servers and users of one cluster. Keys are ECDSA on P-256, all texts PEM.
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Pair is a certificate and its private key.
type Pair struct {
	Certificate []byte // PEM
	Key         []byte // PEM, SEC 1 (RFC 5915)
}

// Subject is whom a certificate is for.
type Subject struct {
	Name  string   // common name
	Group string   // organization, which Kubernetes takes for a group; "" for none
	Hosts []string // DNS names and IP addresses of a server; none for a user
}

// early is how long before now a certificate is valid, for clocks that differ.
const early = 5 * time.Minute

// NewAuthority makes a certificate that signs others, valid for a time from now.
func NewAuthority(name string, now time.Time, valid time.Duration) (Pair, error) {
	template, err := newTemplate(Subject{Name: name}, now, valid)
	if err != nil {
		return Pair{}, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("key of %s: %w", name, err)
	}
	return sign(template, template, key, key)
}

// Issue makes a certificate that the authority has signed: for a server if it has hosts, else for a user.
func (p Pair) Issue(s Subject, now time.Time, valid time.Duration) (Pair, error) {
	authority, signer, err := p.parse()
	if err != nil {
		return Pair{}, fmt.Errorf("authority of the certificate of %s: %w", s.Name, err)
	}
	template, err := newTemplate(s, now, valid)
	if err != nil {
		return Pair{}, err
	}
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(s.Hosts) > 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("key of %s: %w", s.Name, err)
	}
	return sign(template, authority, key, signer)
}

func newTemplate(s Subject, now time.Time, valid time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: s.Name}, NotBefore: now.Add(-early), NotAfter: now.Add(valid),
	}
	if s.Group != "" {
		template.Subject.Organization = []string{s.Group}
	}
	for _, host := range s.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return template, nil
}

func sign(template, authority *x509.Certificate, key, signer *ecdsa.PrivateKey) (Pair, error) {
	name := template.Subject.CommonName
	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), signer)
	if err != nil {
		return Pair{}, fmt.Errorf("certificate of %s: %w", name, err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("key of %s: %w", name, err)
	}
	return Pair{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}),
	}, nil
}

func (p Pair) parse() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	c, err := Parse(p.Certificate)
	if err != nil {
		return nil, nil, err
	}
	block, _ := pem.Decode(p.Key)
	if block == nil {
		return nil, nil, errors.New("no PEM block with a key")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	return c, key, err
}

// Parse reads the first certificate of a PEM text.
func Parse(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no PEM block with a certificate")
	}
	return x509.ParseCertificate(block.Bytes)
}

// Check says why a server's certificate is not one that the authority has signed for all hosts and that stays valid for
// a time from now; nil if it is.
func (p Pair) Check(authority []byte, hosts []string, now time.Time, stays time.Duration) error {
	c, key, err := p.parse()
	if err != nil {
		return err
	}
	if !key.PublicKey.Equal(c.PublicKey) {
		return errors.New("the key is not that of the certificate")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return errors.New("the authority has no certificate")
	}
	for _, at := range []time.Time{now, now.Add(stays)} {
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: at}); err != nil {
			return err
		}
	}
	for _, host := range hosts {
		if err := c.VerifyHostname(host); err != nil {
			return err
		}
	}
	return nil
}
