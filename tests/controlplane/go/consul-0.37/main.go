// Command consul-injector is consul-k8s' connect-inject behind a webhook, as its subcommand inject-connect sets it up.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"

	mapset "github.com/deckarep/golang-set"
	"github.com/go-logr/logr"
	connectinject "github.com/hashicorp/consul-k8s/control-plane/connect-inject"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"meshcheck.test/controlplane/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

func main() {
	flag.Parse()
	rest := webhook.Must(clientcmd.BuildConfigFromFlags("", *webhook.Cluster))
	rest.QPS = -1
	cluster := webhook.Must(kubernetes.NewForConfig(rest))
	decoder := webhook.Must(admission.NewDecoder(scheme.Scheme))
	webhook.Serve(func(asked webhook.Request) ([]byte, error) {
		// as the chart has it
		handler := &connectinject.Handler{
			Clientset:              cluster,
			ImageConsul:            "hashicorp/consul:1.10.4",
			ImageEnvoy:             "envoyproxy/envoy-alpine:v1.18.4",
			ImageConsulK8S:         "hashicorp/consul-k8s-control-plane:0.37.0",
			RequireAnnotation:      true,
			AllowK8sNamespacesSet:  mapset.NewSet("*"),
			DenyK8sNamespacesSet:   mapset.NewSet(),
			EnableTransparentProxy: true,
			TProxyOverwriteProbes:  true,
			Log:                    logr.Discard(),
			LogLevel:               "info",
		}
		// its fields by name
		if err := json.Unmarshal(asked.Config, handler); err != nil {
			return nil, err
		}
		webhook.Must(0, handler.InjectDecoder(decoder))
		answer := handler.Handle(context.Background(), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
			Namespace: asked.Namespace,
			Object:    runtime.RawExtension{Raw: asked.Pod},
		}})
		if !answer.Allowed {
			return nil, errors.New(answer.Result.Message)
		}
		if len(answer.Patches) == 0 {
			return nil, nil
		}
		return json.Marshal(answer.Patches)
	})
}
