// Command certs writes a CA, a serving certificate for loopback, a key for service account tokens, and one client
// certificate for each argument "file=common-name[/organisation]", all into one folder.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func save(dir, name, kind string, der []byte) {
	block := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	must(0, os.WriteFile(filepath.Join(dir, name), block, 0o600))
}

// issue writes NAME.crt and NAME.key; a nil parent signs itself.
func issue(dir, name string, cert, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	if parent == nil {
		parent, parentKey = cert, key
	}
	cert.SerialNumber = must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)))
	cert.NotBefore = time.Now().Add(-time.Hour)
	cert.NotAfter = time.Now().AddDate(10, 0, 0)
	der := must(x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, parentKey))
	save(dir, name+".crt", "CERTIFICATE", der)
	save(dir, name+".key", "EC PRIVATE KEY", must(x509.MarshalECPrivateKey(key)))
	return must(x509.ParseCertificate(der)), key
}

func main() {
	dir := os.Args[1]
	ca, caKey := issue(dir, "ca", &x509.Certificate{
		Subject: pkix.Name{CommonName: "meshcheck test control plane"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}, nil, nil)
	issue(dir, "server", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "localhost"},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1"), net.ParseIP("::1")},
		KeyUsage:    x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, caKey)
	for _, arg := range os.Args[2:] {
		file, who, _ := strings.Cut(arg, "=")
		name, group, _ := strings.Cut(who, "/")
		subject := pkix.Name{CommonName: name}
		if group != "" {
			subject.Organization = []string{group}
		}
		issue(dir, file, &x509.Certificate{
			Subject: subject, KeyUsage: x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}, ca, caKey)
	}
	accounts := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	save(dir, "service-accounts.key", "EC PRIVATE KEY", must(x509.MarshalECPrivateKey(accounts)))
	save(dir, "service-accounts.pub", "PUBLIC KEY", must(x509.MarshalPKIXPublicKey(&accounts.PublicKey)))
}
