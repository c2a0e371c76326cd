"""Istio, as its users install it: Helm, the real charts, the real istiod.

Two things differ from a cluster with a network. istiod runs beside the cluster and not
in it: its Deployment is there, with pods that only seem to run, and the process takes
its settings from that Deployment. And the Service that the webhooks name leads to
loopback (type ExternalName; the webhooks' port is the process's).
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from . import binaries
from .plane import ControlPlane
from .processes import Process, free_port, wait_for
from .rest import JSON_PATCH, MERGE, ApiError

NAMESPACE = "istio-system"
ADMISSION = "admissionregistration.k8s.io/v1"
SUFFIX = "WebhookConfiguration"
IMAGES = {"hub": "docker.io/istio"}


@dataclass(frozen=True)
class Istio:
    """One revision of Istio in a control plane; "" is the default one."""

    plane: ControlPlane
    revision: str = ""
    version: str = binaries.versions("istio")[-1]

    @property
    def name(self) -> str:
        """Of its release, its Deployment, its Service and its process."""
        return "istiod" + self._suffix

    @property
    def _suffix(self) -> str:
        return f"-{self.revision}" if self.revision else ""

    @property
    def process(self) -> Process:
        return self.plane.process(self.name)

    @cached_property
    def _tools(self) -> Path:
        return binaries.built(f"istio-{self.version}")

    def install(self, values: dict[str, Any] | None = None, *tags: str) -> Istio:
        """Install, or upgrade to, these chart values and revision tags, and run istiod.

        `{"pilot": {"env": {"ENABLE_NATIVE_SIDECARS": "false"}}}` gives the classic
        sidecar, as does `{"compatibilityVersion": "1.26"}` in an Istio that knows it;
        `{"global": {"proxy": {"holdApplicationUntilProxyStarts": True}}}` the values'
        hold; `{"meshConfig": {...}}` any setting of the mesh.
        """
        common = {
            "revision": self.revision,
            "revisionTags": list(tags),
            "pilot": {"autoscaleEnabled": False},
            "global": {**IMAGES, "tag": f"{self.version}.0"},
        }
        newest = binaries.built(f"istio-{binaries.versions('istio')[-1]}")
        self._helm("istio-base", newest / "base", {})
        self._helm(self.name, self._tools / "istiod", merged(common, values or {}))
        self.process.stop()
        self._run()
        return self

    def uninstall(self) -> None:
        """Take the release back, and end its process."""
        self._command("uninstall", self.name, "--ignore-not-found")
        self.process.stop()

    def mesh(self) -> dict[str, Any]:
        """The mesh settings of this revision, from ConfigMap `istio[-REVISION]`."""
        data = self.plane.client.get(self._config_map("istio"))["data"]["mesh"]
        return dict(yaml.safe_load(data))

    def set_mesh(self, change: dict[str, Any]) -> None:
        """Merge into the mesh settings, as someone who edits the ConfigMap does.

        istiod takes a second to see it; so it does with the values below.
        """
        self._edit("istio", "mesh", yaml.safe_dump(merged(self.mesh(), change)))

    def values(self) -> dict[str, Any]:
        """The injector's values, from ConfigMap `istio-sidecar-injector[-REVISION]`."""
        path = self._config_map("istio-sidecar-injector")
        return dict(json.loads(self.plane.client.get(path)["data"]["values"]))

    def set_values(self, change: dict[str, Any]) -> None:
        """Merge into the injector's values, as someone who edits the ConfigMap."""
        text = json.dumps(merged(self.values(), change), indent=2)
        self._edit("istio-sidecar-injector", "values", text)

    def set_native(self, mode: str) -> None:
        """Native sidecars: `true`, `false` or `auto`, in istiod's environment."""
        values = yaml.safe_load(self._values_file(self.name).read_text())
        env = {"pilot": {"env": {"ENABLE_NATIVE_SIDECARS": mode}}}
        self.install(merged(values, env), *values["revisionTags"])

    @property
    def _deployment(self) -> str:
        return f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{self.name}"

    def _config_map(self, name: str) -> str:
        return f"/api/v1/namespaces/{NAMESPACE}/configmaps/{name}{self._suffix}"

    def _edit(self, name: str, key: str, text: str) -> None:
        change = {"data": {key: text}}
        self.plane.client.request("PATCH", self._config_map(name), change, MERGE)

    def _values_file(self, release: str) -> Path:
        return self.plane.folder / f"{release}.values.yaml"

    def _helm(self, release: str, chart: Path, values: dict[str, Any]) -> None:
        path = self._values_file(release)
        path.write_text(yaml.safe_dump(values))
        self._command("upgrade", "--install", release, str(chart), f"--values={path}")

    def _command(self, *args: str) -> None:
        helm = str(binaries.built("helm") / "helm")
        where = [f"--kubeconfig={self.plane.kubeconfig}", f"--namespace={NAMESPACE}"]
        if "--install" in args:
            where.append("--create-namespace")
        home = {"HOME": str(self.plane.folder), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [helm, *args, *where], env=home, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"helm {' '.join(args)}: {done.stderr}")

    def _run(self) -> None:
        ports = [free_port() for _ in range(6)]
        names = "httpsAddr", "httpAddr", "grpcAddr", "secureGRPCAddr", "monitoringAddr"
        listen = [f"--{n}=127.0.0.1:{p}" for n, p in zip(names, ports, strict=False)]
        argv = [
            str(self._tools / "pilot-discovery"),
            "discovery",
            f"--kubeconfig={self.plane.kubeconfig_of('istiod')}",
            *listen,
            "--ctrlz_address=127.0.0.1",
            f"--ctrlz_port={ports[5]}",
            # none of these is there: like in a pod without mounts, ConfigMaps are read
            "--meshConfig=/nonexistent/mesh",
            "--networksConfig=/nonexistent/meshNetworks",
        ]
        self.process.start(argv, self._environment())
        self._lead_to(ports[0])
        ready = f"http://127.0.0.1:{ports[1]}/ready"
        log = f"{self.name} (see {self.process.log})"
        wait_for(log, lambda: _answers(ready) and self._injects(), 90)

    def _environment(self) -> dict[str, str]:
        """What the Deployment tells the container, so that both say the same."""
        spec = self.plane.client.get(self._deployment)["spec"]["template"]["spec"]
        told = {e["name"]: e.get("value", "") for e in spec["containers"][0]["env"]}
        told.pop("KUBECONFIG", None)
        fields = {"POD_NAME": f"{self.name}-0", "POD_NAMESPACE": NAMESPACE}
        told |= {**fields, "SERVICE_ACCOUNT": self.name, "GOMAXPROCS": "2"}
        return {**told, "PATH": "/usr/bin:/bin", "HOME": str(self.plane.folder)}

    def _lead_to(self, port: int) -> None:
        """Lead the Services that the webhooks name to the process."""
        client = self.plane.client
        outside = {
            "type": "ExternalName",
            "externalName": "localhost",
            "clusterIP": None,
            "clusterIPs": None,
        }
        for item in self._configurations("mutating", "validating"):
            patch = []
            for index, hook in enumerate(item["webhooks"]):
                service = hook["clientConfig"]["service"]
                path = f"/api/v1/namespaces/{NAMESPACE}/services/{service['name']}"
                client.request("PATCH", path, {"spec": outside}, MERGE)
                where = f"/webhooks/{index}/clientConfig/service/port"
                patch.append({"op": "replace", "path": where, "value": port})
            client.request("PATCH", client.path(item), patch, JSON_PATCH)

    def _configurations(self, *kinds: str) -> list[Any]:
        """The webhook configurations of this revision and of its tags."""
        query = f"?labelSelector=istio.io/rev%3D{self.revision or 'default'}"
        found = []
        for kind in kinds:
            path = f"/apis/{ADMISSION}/{kind}webhookconfigurations{query}"
            told = {"apiVersion": ADMISSION, "kind": f"{kind.title()}{SUFFIX}"}
            found += [told | item for item in self.plane.client.get(path)["items"]]
        return found

    def _injects(self) -> bool:
        """Whether pods are injected, asked under every name that leads here."""
        found = self._configurations("mutating")
        names = [item["metadata"]["labels"].get("istio.io/tag") for item in found]
        return all(self._injected(name or self.revision or "default") for name in names)

    def _injected(self, revision: str) -> bool:
        labels = {"istio.io/rev": revision}
        pod = {
            "metadata": {"name": "probe", "labels": labels},
            "spec": {"containers": [{"name": "probe", "image": "probe"}]},
        }
        path = f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All"
        try:
            answer = self.plane.client.request("POST", path, pod)
        except ApiError as error:
            # an older Kubernetes refuses what a newer Istio writes
            return error.status == 422
        return "sidecar.istio.io/status" in answer["metadata"].get("annotations", {})


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """A copy with the change merged in, map by map; None takes a key away."""
    result = dict(base)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result
