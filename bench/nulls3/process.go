package nulls3

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// A Process is a server that runs in a process of its own, and ends with the one that started it.
type Process struct {
	address
	stdin io.Closer
	cmd   *exec.Cmd
}

// address is the one line that the process prints.
type address struct {
	HTTP, HTTPS string // URLs, without a slash at the end
	CA          string // the certificate that HTTPS is signed with, as PEM, made for this process
}

// Start runs this program again, with the arguments that make it call [Run].
func Start(arguments ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(self, arguments...)}
	p.cmd.Stderr = os.Stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.stdin = stdin
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &p.address)
	}
	if err != nil {
		p.Stop()
		return nil, fmt.Errorf("the null server did not say where it listens: %w", err)
	}
	return p, nil
}

// Stop ends the process and waits for that.
func (p *Process) Stop() {
	_ = p.stdin.Close()
	_ = p.cmd.Wait()
}

// Counts asks the server for its counts.
func (p *Process) Counts() (c Counts, err error) {
	resp, err := http.Get(p.HTTP + countsPath)
	if err != nil {
		return c, err
	}
	defer resp.Body.Close()
	return c, json.NewDecoder(resp.Body).Decode(&c)
}

// Run serves on 127.0.0.1, says where on standard output, and returns when standard input ends, which it does at the
// latest with the parent process.
func Run() error {
	certificate, ca, err := certify()
	if err != nil {
		return err
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{
		Handler:           NewHandler(),
		ReadHeaderTimeout: time.Minute,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}}, // as S3
	}
	failed := make(chan error, 2)
	go func() { failed <- s.Serve(plain) }()
	go func() { failed <- s.ServeTLS(secure, "", "") }()
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin)
		ended <- err
	}()
	line, err := json.Marshal(address{"http://" + plain.Addr().String(), "https://" + secure.Addr().String(), ca})
	if err != nil {
		return err
	}
	fmt.Printf("%s\n", line)
	select {
	case err := <-failed:
		return err
	case err := <-ended:
		return err
	}
}

// certify makes a private authority, and a certificate of it for 127.0.0.1, each good for a day.
func certify() (certificate tls.Certificate, caPEM string, err error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate, "", err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate, "", err
	}
	begin := time.Now().Add(-time.Hour)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotBefore: begin, NotAfter: begin.Add(25 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"}, NotBefore: begin, NotAfter: begin.Add(25 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return certificate, "", err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return certificate, "", err
	}
	caPEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, caPEM, nil
}
