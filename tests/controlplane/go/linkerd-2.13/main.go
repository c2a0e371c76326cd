// Command linkerd-injector is Linkerd's pkg/inject behind a webhook, as controller/proxy-injector calls it.
package main

import (
	"encoding/json"
	"flag"
	"net/http"

	"github.com/linkerd/linkerd2/pkg/charts/linkerd2"
	"github.com/linkerd/linkerd2/pkg/charts/static"
	"github.com/linkerd/linkerd2/pkg/inject"
	"github.com/linkerd/linkerd2/pkg/k8s"
	"github.com/linkerd/linkerd2/pkg/version"
	corev1 "k8s.io/api/core/v1"
	"meshcheck.test/controlplane/webhook"
)

func main() {
	flag.Parse()
	version.Version = "edge-23.4.3"
	static.Templates = http.Dir(*webhook.Charts)
	webhook.Serve(func(asked webhook.Request) ([]byte, error) {
		settings := webhook.Must(linkerd2.NewValues())
		settings.IdentityTrustAnchorsPEM = webhook.TrustAnchors()
		if err := json.Unmarshal(asked.Config, settings); err != nil {
			return nil, err
		}
		conf := inject.NewResourceConfig(settings, inject.OriginWebhook, "linkerd").
			WithOwnerRetriever(func(*corev1.Pod) (string, string, error) { return "deployment", "app", nil }).
			WithNsAnnotations(asked.NamespaceAnnotations).
			WithKind("Pod")
		report, err := conf.ParseMetaAndYAML(asked.Pod)
		if err != nil {
			return nil, err
		}
		if can, _ := report.Injectable(); !can {
			return nil, nil
		}
		conf.AppendPodAnnotation(k8s.CreatedByAnnotation, "linkerd/proxy-injector "+version.Version)
		conf.AppendNamespaceAnnotations()
		return conf.GetPodPatch(true)
	})
}
