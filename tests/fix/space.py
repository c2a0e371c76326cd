"""A namespace of one test: its workloads, the program run at it, what is left."""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.controlplane import ControlPlane, wait_for
from tests.fix.relay import Relay

CONFIG = "proxy.istio.io/config"
HOLD = "holdApplicationUntilProxyStarts: true"
_PLURAL = {
    "Deployment": "apis/apps/v1/{}/deployments",
    "StatefulSet": "apis/apps/v1/{}/statefulsets",
    "DaemonSet": "apis/apps/v1/{}/daemonsets",
    "ReplicaSet": "apis/apps/v1/{}/replicasets",
    "CronJob": "apis/batch/v1/{}/cronjobs",
    "Job": "apis/batch/v1/{}/jobs",
    "Pod": "api/v1/{}/pods",
}


@dataclass(frozen=True)
class Ran:
    """How a run of the program ended."""

    code: int
    out: str
    err: str


@dataclass
class Space:
    """One namespace."""

    plane: ControlPlane
    name: str
    folder: Path
    #: the kubeconfig of the program's runs; the administrator's by default
    kubeconfig: Path | None = None
    env: dict[str, str] = field(default_factory=dict)

    # -- objects -------------------------------------------------------------

    def path(self, kind: str, name: str = "") -> str:
        place = f"namespaces/{self.name}"
        return "/" + _PLURAL[kind].format(place) + (f"/{name}" if name else "")

    def create(self, body: dict[str, Any], manager: str = "somebody") -> dict[str, Any]:
        made: dict[str, Any] = self.plane.client.request(
            "POST", f"{self.path(body['kind'])}?fieldManager={manager}", body
        )
        return made

    def get(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.plane.client.get(self.path(kind, name))
        return found

    def delete(self, kind: str, name: str) -> None:
        self.plane.client.request("DELETE", self.path(kind, name))

    def patch(
        self, kind: str, name: str, change: object, manager: str = "somebody"
    ) -> None:
        """A merge patch by somebody."""
        self.plane.client.request(
            "PATCH",
            f"{self.path(kind, name)}?fieldManager={manager}",
            change,
            "application/merge-patch+json",
        )

    def apply(
        self, body: dict[str, Any], manager: str, *, force: bool = False
    ) -> dict[str, Any]:
        """A server-side apply by somebody."""
        kind, name = body["kind"], body["metadata"]["name"]
        query = f"fieldManager={manager}&force={str(force).lower()}"
        made: dict[str, Any] = self.plane.client.request(
            "PATCH",
            f"{self.path(kind, name)}?{query}",
            body,
            "application/apply-patch+yaml",
        )
        return made

    def pods(self) -> list[dict[str, Any]]:
        """Those that are not leaving."""
        listed = self.plane.client.get(self.path("Pod"))["items"]
        return [p for p in listed if "deletionTimestamp" not in p["metadata"]]

    def wait_for_pods(self, count: int) -> None:
        """Until so many pods have started."""
        wait_for(f"{count} pods", lambda: self._started() >= count, 60)

    def _started(self) -> int:
        return sum(1 for p in self.pods() if p["status"].get("phase") == "Running")

    # -- the program ---------------------------------------------------------

    def run(self, *words: str, relay: Relay | None = None) -> Ran:
        """Runs the program in this namespace; ``relay`` stands in between."""
        config = self.kubeconfig or self.plane.kubeconfig
        if relay is not None:
            config = relay.kubeconfig(self.folder / "relay.kubeconfig")
        process = subprocess.Popen(
            [sys.executable, "-m", "kubectl_meshcheck", *words, "-n", self.name],
            env={
                "KUBECONFIG": str(config),
                "HOME": str(self.folder),
                "PATH": "/usr/bin:/bin",
                **self.env,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if relay is not None:
            relay.victim = process.pid
        out, err = process.communicate(timeout=120)
        return Ran(process.returncode, out, err)


def workload(
    kind: str, name: str = "app", config: str | None = None, **spec: Any
) -> dict[str, Any]:
    """A workload that dials when it starts, and dies when it is refused."""
    notes = {"kubelet.meshcheck.test/dials": "true"}
    if config is not None:
        notes[CONFIG] = config
    image = {"name": name, "image": "app.example/app:1"}
    template: dict[str, Any] = {
        "metadata": {"labels": {"app": name}, "annotations": notes},
        "spec": {"containers": [image]},
    }
    body: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": template,
            **spec,
        },
    }
    if kind == "CronJob":
        template["spec"]["restartPolicy"] = "Never"
        jobs = {"spec": {"template": template}}
        body["apiVersion"] = "batch/v1"
        body["spec"] = {"schedule": "0 0 1 1 *", "jobTemplate": jobs, **spec}
    if kind == "StatefulSet":
        body["spec"]["serviceName"] = name
    return body


def template(found: dict[str, Any]) -> dict[str, Any]:
    """The pod template, wherever the kind keeps it."""
    spec = found["spec"]
    if found["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return dict(spec["template"])


def intent(found: dict[str, Any]) -> dict[str, Any]:
    """The object without what the server and its controllers keep about it."""
    kept = copy.deepcopy(found)
    kept.pop("status", None)
    meta = kept["metadata"]
    for key in ("resourceVersion", "generation", "managedFields", "uid"):
        meta.pop(key, None)
    notes = meta.get("annotations", {})
    for key in list(notes):
        if key.startswith(("deployment.kubernetes.io/", "deprecated.daemonset")):
            del notes[key]
    if not notes:
        meta.pop("annotations", None)
    marks = template(kept)["metadata"]
    if not marks.get("annotations", True):
        del marks["annotations"]
    return kept


def managers(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Who holds fields of the object's, but for its controllers."""
    entries = found["metadata"].get("managedFields", [])
    return [
        (entry["manager"], entry["operation"])
        for entry in entries
        if entry["manager"] != "kube-controller-manager"
    ]


def fields(found: dict[str, Any], manager: str) -> Any:
    """The fields that the manager holds."""
    entries = found["metadata"].get("managedFields", [])
    return [entry["fieldsV1"] for entry in entries if entry["manager"] == manager]
