"""A cluster for the tests, reached as a user reaches it: by kubeconfig and kubectl."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.controlplane import ControlPlane, wait_for
from tests.shell import Ran, Shell

Object = dict[str, Any]
#: everything a test makes is found by it
LABEL = "meshcheck.test/e2e"
PREFIX = "meshcheck-e2e-"


@dataclass(frozen=True)
class Cluster:
    """One cluster as its administrator."""

    shell: Shell
    plane: ControlPlane | None = None  #: None: somebody else's cluster

    @classmethod
    def of(
        cls, kubeconfig: Path, folder: Path, plane: ControlPlane | None = None
    ) -> Cluster:
        """The cluster of a kubeconfig; ``folder`` is the home of what runs."""
        # somebody's kubeconfig may lead to a program that needs the home
        home = {} if plane else {"HOME": os.environ.get("HOME", str(folder))}
        return cls(Shell(folder, str(kubeconfig), more=home), plane)

    def as_user(self, kubeconfig: Path) -> Cluster:
        """The same with another kubeconfig."""
        return replace(self, shell=replace(self.shell, kubeconfig=str(kubeconfig)))

    def kubectl(self, line: str, stdin: str = "") -> str:
        """What ``kubectl LINE`` prints; a failure is the test's."""
        ran = self.shell.run(f"kubectl {line}", stdin)
        assert ran.code == 0, f"kubectl {line}: {ran.err}"
        return ran.out

    def get(self, what: str) -> Any:
        """What ``kubectl get WHAT`` finds, as JSON."""
        return json.loads(self.kubectl(f"get {what} -o json"))

    def apply(self, *objects: Object) -> None:
        """Make the objects, or change them."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.kubectl("apply --server-side --force-conflicts -f -", text)

    def minor(self) -> int:
        """31 for a Kubernetes 1.31."""
        told = json.loads(self.kubectl("version -o json"))["serverVersion"]
        return int(told["minor"].rstrip("+"))

    def knows_native_sidecars(self) -> bool:
        """An older API server rejects them: the field that makes them is dropped."""
        return self.minor() >= 29

    def namespace(self, topic: str, labels: Mapping[str, str] | None = None) -> str:
        """A namespace made for the tests, by name."""
        name = PREFIX + topic
        meta = {"name": name, "labels": {LABEL: "true", **(labels or {})}}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
        wait_for(
            f"the default service account of {name}",
            lambda: self.shell.run(f"kubectl get sa default -n {name}").code == 0,
        )
        return name

    def settled(self, namespace: str, pods: int) -> None:
        """Wait until as many pods are there; started, where the kubelet is ours."""

        def there() -> bool:
            found = self.get(f"pods -n {namespace}")["items"]
            here = [p for p in found if "deletionTimestamp" not in p["metadata"]]
            return len(here) == pods and all(self._started(pod) for pod in here)

        wait_for(f"{pods} pods in {namespace}", there, 120)

    def _started(self, pod: Object) -> bool:
        gated = pod["spec"].get("schedulingGates")
        return not self.plane or bool(gated) or "podIP" in pod["status"]

    def meshcheck(self, line: str, stdin: str = "") -> Ran:
        """``kubectl meshcheck LINE``."""
        return self.shell.run(f"kubectl meshcheck {line}", stdin)

    def report(self, line: str, stdin: str = "") -> Any:
        """Its report as JSON; whatever it finds."""
        ran = self.meshcheck(f"{line} -o json", stdin)
        try:
            return json.loads(ran.out)
        except ValueError:
            raise AssertionError(f"{line}: no report but {ran}") from None


#: what a test expects of a row: workload, pods, start order, waits on, verdict, checks
Row = tuple[str, int, str, str, str, tuple[str, ...]]
#: checks of what was seen, which depends on the kubelet
SEEN = ("MC009", "MC011")


def rows(report: Any, names: Iterable[str] = ()) -> list[Row]:
    """A report's rows, in the order of their names; of these namespaces, or all."""
    wanted = set(names)
    return sorted(
        row(found)
        for found in report["workloads"]
        if not wanted or found["namespace"] in wanted
    )


def row(found: Any) -> Row:
    """One workload of a report, without what the kubelet made of it."""
    ids = (one["id"] for one in found["findings"])
    checks = tuple(one for one in ids if one not in SEEN)
    return (
        f"{found['kind']}/{found['name']}",
        found["pods"]["total"],
        found["startOrder"],
        found["waitsOn"],
        found["verdict"],
        checks,
    )
