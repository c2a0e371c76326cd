// Package webhook serves one mesh's injection to an API server.
package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
)

// Request is a pod that is about to be created, and what the injector has to know beside it.
type Request struct {
	Pod                  []byte // as the API server sent it
	Namespace            string
	NamespaceAnnotations map[string]string
	Config               []byte // the installation's settings, JSON
}

// Inject answers with a JSON patch; empty when the pod is left alone.
type Inject func(Request) (patch []byte, err error)

var (
	listen  = flag.String("listen", "", "address of loopback")
	PKI     = flag.String("pki", "", "folder with ca.crt, server.* and admin.*")
	server  = flag.String("server", "", "the API server")
	config  = flag.String("config", "", "file of settings, read anew for each pod")
	Charts  = flag.String("charts", "", "folder of the mesh's charts")
	Cluster = flag.String("cluster", "", "a kubeconfig, for injectors with a client of their own")
)

type review struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Request    *struct {
		UID       string          `json:"uid"`
		Namespace string          `json:"namespace"`
		Object    json.RawMessage `json:"object"`
	} `json:"request,omitempty"`
	Response *response `json:"response,omitempty"`
}

type response struct {
	UID       string         `json:"uid"`
	Allowed   bool           `json:"allowed"`
	Status    map[string]any `json:"status,omitempty"`
	PatchType string         `json:"patchType,omitempty"`
	Patch     []byte         `json:"patch,omitempty"`
}

// Must is for what a process cannot go on without.
func Must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// TrustAnchors are those of the control plane, PEM.
func TrustAnchors() string {
	return string(Must(os.ReadFile(*PKI + "/ca.crt")))
}

// Serve answers reviews until the process ends; the flags must be parsed.
func Serve(inject Inject) {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust()}}
	http.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/inject", func(w http.ResponseWriter, r *http.Request) {
		var asked review
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Request == nil {
			http.Error(w, "no AdmissionReview", http.StatusBadRequest)
			return
		}
		answer := response{UID: asked.Request.UID, Allowed: true}
		patch, err := answerTo(client, inject, asked)
		if err != nil {
			answer.Allowed, answer.Status = false, map[string]any{"message": err.Error()}
		} else if len(patch) > 0 {
			answer.PatchType, answer.Patch = "JSONPatch", patch
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(review{APIVersion: asked.APIVersion, Kind: asked.Kind, Response: &answer})
	})
	log.Fatal(http.ListenAndServeTLS(*listen, *PKI+"/server.crt", *PKI+"/server.key", nil))
}

func answerTo(client *http.Client, inject Inject, asked review) ([]byte, error) {
	settings, err := os.ReadFile(*config)
	if err != nil {
		return nil, err
	}
	var namespace struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	answer, err := client.Get(*server + "/api/v1/namespaces/" + url.PathEscape(asked.Request.Namespace))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("namespace %s: %s %w", asked.Request.Namespace, answer.Status, err)
	}
	if err := json.Unmarshal(text, &namespace); err != nil {
		return nil, err
	}
	return inject(Request{asked.Request.Object, asked.Request.Namespace, namespace.Metadata.Annotations, settings})
}

func trust() *tls.Config {
	pair := Must(tls.LoadX509KeyPair(*PKI+"/admin.crt", *PKI+"/admin.key"))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(TrustAnchors()))
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}
}
