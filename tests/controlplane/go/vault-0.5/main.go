// Command vault-injector is vault-k8s' agent-inject behind a webhook, as its subcommand injector sets it up.
package main

import (
	"encoding/json"
	"errors"
	"flag"

	"github.com/hashicorp/go-hclog"
	agentinject "github.com/hashicorp/vault-k8s/agent-inject"
	"k8s.io/api/admission/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"meshcheck.test/controlplane/webhook"
)

func main() {
	flag.Parse()
	webhook.Serve(func(asked webhook.Request) ([]byte, error) {
		// as the chart has it
		handler := &agentinject.Handler{
			RequireAnnotation:  true,
			VaultAddress:       "http://vault.vault.svc:8200",
			VaultAuthPath:      "auth/kubernetes",
			ImageVault:         "vault:1.5.2",
			Log:                hclog.NewNullLogger(),
			UserID:             "100",
			GroupID:            "1000",
			SetSecurityContext: true,
		}
		// its fields by name
		if err := json.Unmarshal(asked.Config, handler); err != nil {
			return nil, err
		}
		answer := handler.Mutate(&v1beta1.AdmissionRequest{
			Namespace: asked.Namespace,
			Object:    runtime.RawExtension{Raw: asked.Pod},
		})
		if !answer.Allowed {
			return nil, errors.New(answer.Result.Message)
		}
		return answer.Patch, nil
	})
}
