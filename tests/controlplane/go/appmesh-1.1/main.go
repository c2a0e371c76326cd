// Command appmesh-injector is App Mesh's pkg/inject behind a webhook, as its webhooks/core calls it.
package main

import (
	"context"
	"encoding/json"
	"flag"

	appmesh "github.com/aws/aws-app-mesh-controller-for-k8s/apis/appmesh/v1beta2"
	"github.com/aws/aws-app-mesh-controller-for-k8s/pkg/inject"
	"github.com/aws/aws-app-mesh-controller-for-k8s/pkg/references"
	"github.com/aws/aws-app-mesh-controller-for-k8s/pkg/virtualgateway"
	admission "github.com/aws/aws-app-mesh-controller-for-k8s/pkg/webhook"
	"github.com/spf13/pflag"
	"gomodules.xyz/jsonpatch/v2"
	"k8s.io/api/admission/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"meshcheck.test/controlplane/webhook"
	"sigs.k8s.io/controller-runtime/pkg/client"
	review "sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

var name = "app"

// everyPod belongs to one VirtualNode of one Mesh.
type everyPod struct {
	references.Resolver
	virtualgateway.MembershipDesignator
}

func (everyPod) Designate(context.Context, *corev1.Pod) (*appmesh.VirtualNode, error) {
	return &appmesh.VirtualNode{Spec: appmesh.VirtualNodeSpec{AWSName: &name, MeshRef: &appmesh.MeshReference{}}}, nil
}

func (everyPod) DesignateForPod(context.Context, *corev1.Pod) (*appmesh.VirtualGateway, error) {
	return nil, nil
}

func (everyPod) ResolveMeshReference(context.Context, appmesh.MeshReference) (*appmesh.Mesh, error) {
	return &appmesh.Mesh{Spec: appmesh.MeshSpec{AWSName: &name}}, nil
}

func main() {
	flag.Parse()
	rest := webhook.Must(clientcmd.BuildConfigFromFlags("", *webhook.Cluster))
	rest.QPS = -1
	cluster := webhook.Must(client.New(rest, client.Options{}))
	webhook.Serve(func(asked webhook.Request) ([]byte, error) {
		var config inject.Config
		config.BindFlags(pflag.NewFlagSet("", pflag.ContinueOnError)) // its defaults
		if err := json.Unmarshal(asked.Config, &config); err != nil {
			return nil, err
		}
		var pod corev1.Pod
		if err := json.Unmarshal(asked.Pod, &pod); err != nil {
			return nil, err
		}
		injector := inject.NewSidecarInjector(config, "000000000000", "us-west-2", cluster, everyPod{}, everyPod{}, everyPod{})
		request := review.Request{AdmissionRequest: v1beta1.AdmissionRequest{Namespace: asked.Namespace}}
		ctx := admission.ContextWithAdmissionRequest(context.Background(), request)
		if err := injector.Inject(ctx, &pod); err != nil {
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
