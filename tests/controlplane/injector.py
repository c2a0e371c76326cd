"""Another mesh's own injection as an admission webhook beside the API server.

The code that changes the pod is the mesh's, called as its control plane calls it; ours
is the server around it (`go/webhook`) and the registration. So there is no chart to
install: the settings are a file that is read anew for each pod, and the webhook takes
the pods of those namespaces that carry `LABEL`, so that versions stand side by side.
"""

from __future__ import annotations

import json
import ssl
import urllib.request
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from . import binaries
from .plane import ControlPlane
from .processes import Process, free_port, wait_for
from .rest import ApiError, Client

LABEL = "injector.meshcheck.test/is"
HOOK = "mutatingwebhookconfigurations"
#: what exists in every mesh that Kuma's control plane has started once
MESH = {
    "apiVersion": "kuma.io/v1alpha1",
    "kind": "Mesh",
    "metadata": {"name": "default"},
}


@dataclass(frozen=True)
class Injector:
    """One version of a mesh's injector: `Injector(plane, "linkerd", "2.10")`."""

    plane: ControlPlane
    mesh: str
    version: str

    @property
    def name(self) -> str:
        """Of its process, its webhook, its folder of programs and the label's value."""
        return f"{self.mesh}-{self.version}"

    @property
    def labels(self) -> dict[str, str]:
        """What makes a namespace this injector's."""
        return {LABEL: self.name}

    @property
    def process(self) -> Process:
        return self.plane.process(self.name)

    @property
    def _config(self) -> Path:
        return self.plane.folder / f"{self.name}.config.json"

    def install(self) -> Injector:
        """Run it and register it; with the mesh's own defaults."""
        tools = binaries.built(self.name)
        self.configure({})
        if self.mesh == "kuma":
            self._define_kuma(tools / "crds")
        self.process.stop()
        self._start(tools, free_port())
        return self

    def configure(self, settings: dict[str, Any]) -> None:
        """The installation's settings from now on, merged into the mesh's defaults.

        Linkerd: values of its chart. Kuma: the configuration of its control plane.
        Others: the fields of what their code calls its webhook's handler, by name.
        """
        self._config.write_text(json.dumps(settings))

    def admit(self, namespace: str, pod: dict[str, Any]) -> dict[str, Any]:
        """The pod as the API server would keep it; `ApiError` when it is refused."""
        path = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
        found: dict[str, Any] = self.plane.client.request("POST", path, pod)
        return found

    def uninstall(self) -> None:
        """Unregister it, and end its process."""
        path = f"/apis/admissionregistration.k8s.io/v1/{HOOK}/{self.name}"
        self.plane.client.delete(path)
        self.process.stop()

    def _start(self, tools: Path, port: int) -> None:
        pki, address = self.plane.folder / "pki", f"127.0.0.1:{port}"
        config = yaml.safe_load(self.plane.kubeconfig.read_text())
        flags = {
            "listen": address,
            "pki": pki,
            "server": config["clusters"][0]["cluster"]["server"],
            "config": self._config,
            "charts": tools / "charts",
            "cluster": self.plane.kubeconfig,
        }
        argv = [str(tools / self.name), *(f"--{k}={v}" for k, v in flags.items())]
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.plane.folder)}
        self.process.start(argv, env)
        wait_for(
            f"{self.name} (see {self.process.log})",
            lambda: _answers(f"https://{address}/ready", pki / "ca.crt"),
        )
        self._register(f"https://{address}/inject", pki / "ca.crt")

    def _register(self, url: str, authority: Path) -> None:
        client = {"url": url, "caBundle": b64encode(authority.read_bytes()).decode()}
        rule = {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["pods"],
        }
        self.plane.client.apply(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "MutatingWebhookConfiguration",
                "metadata": {"name": self.name},
                "webhooks": [
                    {
                        "name": f"{self.name}.meshcheck.test",
                        "clientConfig": client,
                        "rules": [rule],
                        "namespaceSelector": {"matchLabels": self.labels},
                        "admissionReviewVersions": ["v1"],
                        "sideEffects": "None",
                        "failurePolicy": "Fail",
                    }
                ],
            }
        )

    def _define_kuma(self, crds: Path) -> None:
        """What the injector asks the API server for: Mesh `default`, and patches."""
        client = self.plane.client
        for name in ("meshes", "containerpatches"):
            client.apply(yaml.safe_load((crds / f"kuma.io_{name}.yaml").read_text()))
        wait_for("kuma.io/v1alpha1", lambda: _are_served(client))
        client.apply(MESH)


def _are_served(client: Client) -> bool:
    try:
        found = client.get("/apis/kuma.io/v1alpha1")["resources"]
        return {"meshes", "containerpatches"} <= {one["name"] for one in found}
    except ApiError:
        return False


def _answers(url: str, authority: Path) -> bool:
    trust = ssl.create_default_context(cafile=str(authority))
    try:
        with urllib.request.urlopen(url, timeout=5, context=trust) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
