"""Users without rights: service accounts with tokens, on any cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.cluster import LABEL, Cluster, Object

RBAC = "rbac.authorization.k8s.io"
#: the kinds of a scan, as rights name them
OWNERS = (
    "deployments.apps",
    "replicasets.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "jobs.batch",
    "cronjobs.batch",
)


@dataclass(frozen=True)
class User:
    """A service account, with a kubeconfig whose namespace is ``home``."""

    cluster: Cluster  #: as this user
    name: str  #: as the server knows it
    account: str
    place: str  #: the account's namespace
    token: str
    config: Any  #: the kubeconfig as data

    def allow(self, admin: Cluster, namespace: str, *rules: Object) -> None:
        """Rights in one namespace; in all of the cluster for an empty name."""
        scope = "" if namespace else "Cluster"
        name = f"{self.place}.{self.account}"
        meta: Object = {"name": name, "labels": {LABEL: "true"}}
        if namespace:
            meta["namespace"] = namespace
        ref = {"apiGroup": RBAC, "kind": f"{scope}Role", "name": name}
        subject = {
            "kind": "ServiceAccount",
            "name": self.account,
            "namespace": self.place,
        }
        version = f"{RBAC}/v1"
        admin.apply(
            {
                "apiVersion": version,
                "kind": f"{scope}Role",
                "metadata": meta,
                "rules": list(rules),
            },
            {
                "apiVersion": version,
                "kind": f"{scope}RoleBinding",
                "metadata": meta,
                "roleRef": ref,
                "subjects": [subject],
            },
        )


def rule(verbs: str, *resources: str) -> Object:
    """``rule("get list", "pods", "deployments.apps")``."""
    groups = dict.fromkeys(name.partition(".")[2] for name in resources)
    plain = [name.partition(".")[0] for name in resources]
    return {"apiGroups": list(groups), "resources": plain, "verbs": verbs.split()}


def user(admin: Cluster, place: str, account: str, home: str) -> User:
    """A new user without any right; ``place`` is a namespace for the account."""
    meta = {"name": account, "namespace": place}
    admin.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    token = admin.kubectl(f"create token {account} -n {place} --duration=1h").strip()
    config = json.loads(
        admin.kubectl("config view --raw --minify --flatten -o json"),
    )
    config["users"] = [{"name": account, "user": {"token": token}}]
    config["contexts"][0]["context"].update(user=account, namespace=home)
    path = write(admin.shell.folder / f"{account}.kubeconfig", config)
    name = f"system:serviceaccount:{place}:{account}"
    return User(admin.as_user(path), name, account, place, token, config)


def write(path: Path, config: Any) -> Path:
    """A kubeconfig, for its owner's eyes."""
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    return path
