// Command kuma-injector is Kuma's webhooks/injector behind a webhook, as its runtime plugin calls it.
package main

import (
	"context"
	"encoding/json"
	"flag"

	"github.com/kumahq/kuma/pkg/config"
	kuma_cp "github.com/kumahq/kuma/pkg/config/app/kuma-cp"
	"github.com/kumahq/kuma/pkg/plugins/resources/k8s"
	"github.com/kumahq/kuma/pkg/plugins/resources/k8s/native/api/v1alpha1"
	"github.com/kumahq/kuma/pkg/plugins/runtime/k8s/webhooks/injector"
	"gomodules.xyz/jsonpatch/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"meshcheck.test/controlplane/webhook"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	release = "1.8.1"
	url     = "https://kuma-control-plane.kuma-system:5678"
)

func main() {
	flag.Parse()
	webhook.Must(0, v1alpha1.AddToScheme(scheme.Scheme))
	rest := webhook.Must(clientcmd.BuildConfigFromFlags("", *webhook.Cluster))
	rest.QPS = -1
	cluster := webhook.Must(client.New(rest, client.Options{Scheme: scheme.Scheme}))
	webhook.Serve(func(asked webhook.Request) ([]byte, error) {
		cfg := kuma_cp.DefaultConfig()
		// as the chart has it
		cfg.Runtime.Kubernetes.Injector.SidecarContainer.Image = "docker.io/kumahq/kuma-dp:" + release
		cfg.Runtime.Kubernetes.Injector.InitContainer.Image = "docker.io/kumahq/kuma-init:" + release
		if err := config.FromYAML(asked.Config, &cfg); err != nil {
			return nil, err
		}
		kuma, err := injector.New(cfg.Runtime.Kubernetes.Injector, url, cluster, k8s.NewSimpleConverter(), 9901, "kuma-system")
		if err != nil {
			return nil, err
		}
		var pod corev1.Pod
		if err := json.Unmarshal(asked.Pod, &pod); err != nil {
			return nil, err
		}
		pod.Namespace = asked.Namespace
		if err := kuma.InjectKuma(context.Background(), &pod); err != nil {
			return nil, err
		}
		after, err := json.Marshal(pod)
		if err != nil {
			return nil, err
		}
		patch, err := jsonpatch.CreatePatch(asked.Pod, after)
		if err != nil || len(patch) == 0 {
			return nil, err
		}
		return json.Marshal(patch)
	})
}
