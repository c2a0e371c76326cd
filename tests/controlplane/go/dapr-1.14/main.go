// Command dapr-injector is Dapr's injector/patcher behind a webhook, as injector/service calls it.
package main

import (
	"encoding/json"
	"flag"

	"github.com/dapr/dapr/pkg/injector/patcher"
	corev1 "k8s.io/api/core/v1"
	"meshcheck.test/controlplane/webhook"
)

func main() {
	flag.Parse()
	webhook.Serve(func(asked webhook.Request) ([]byte, error) {
		var pod corev1.Pod
		if err := json.Unmarshal(asked.Pod, &pod); err != nil {
			return nil, err
		}
		sidecar := patcher.NewSidecarConfig(&pod)
		sidecar.Namespace = asked.Namespace
		sidecar.MTLSEnabled = true
		sidecar.SidecarImage = "ghcr.io/dapr/daprd:1.14.0"
		sidecar.OperatorAddress = patcher.ServiceAPI.Address("dapr-system", "cluster.local")
		sidecar.SentryAddress = patcher.ServiceSentry.Address("dapr-system", "cluster.local")
		sidecar.CurrentTrustAnchors = []byte(webhook.TrustAnchors())
		// its fields by name; what a release does not know is passed over
		if err := json.Unmarshal(asked.Config, sidecar); err != nil {
			return nil, err
		}
		sidecar.SetFromPodAnnotations()
		patch, err := sidecar.GetPatch()
		if err != nil || len(patch) == 0 {
			return nil, err
		}
		return json.Marshal(patch)
	})
}
