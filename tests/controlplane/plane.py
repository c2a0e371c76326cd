"""One control plane: what Kubernetes runs, and kwok in place of the kubelet."""

from __future__ import annotations

import base64
import json
import shutil
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from . import access, binaries, kubelet
from .processes import Process, free_port, wait_for
from .rest import ApiError, Client

PORTS = (
    "etcd",
    "etcd-peer",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
)
ORDER = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
QUIET = {"PATH": "/usr/bin:/bin"}


@dataclass(frozen=True)
class ControlPlane:
    """An instance, by name; it need not run."""

    name: str = "default"

    @property
    def folder(self) -> Path:
        return binaries.root() / "instances" / self.name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.kubeconfig_of("admin")

    def kubeconfig_of(self, user: str) -> Path:
        """That of a user: `admin`, or one of `access.USERS`."""
        return self.folder / f"{user}.kubeconfig"

    def token(self, user: str) -> str:
        return access.token(self.folder, user)

    @cached_property
    def client(self) -> Client:
        """The administrator's requests."""
        return Client(self.kubeconfig)

    def process(self, name: str) -> Process:
        """One of ORDER, or an istiod: to stop, to start `again`, to read the log."""
        return Process(self.folder, name)

    def processes(self) -> list[Process]:
        """All that ever ran here, in the order in which they are to be started."""
        others = sorted(
            path.stem
            for path in self.folder.glob("pids/*.json")
            if path.stem not in ORDER
        )
        return [self.process(name) for name in (*ORDER, *others)]

    @property
    def running(self) -> bool:
        return all(self.process(name).pid for name in ORDER) and self.client.ready()

    def up(self, kubernetes: str | None = None, *extra: str) -> ControlPlane:
        """Bring up what does not run.

        `extra` are arguments for kube-apiserver, kept for the life of the instance.
        """
        settings = self._settings(kubernetes, extra)
        tools = (
            binaries.built("etcd"),
            binaries.built("kwok"),
            binaries.built(f"kubernetes-{settings['kubernetes']}"),
        )
        server = f"https://127.0.0.1:{settings['ports']['kube-apiserver']}"
        access.prepare(self.folder, server)
        self._start_etcd(tools[0], settings["ports"])
        self._start_apiserver(tools[2], settings)
        self._start_controllers(tools[2], settings["ports"])
        version = binaries.pinned(
            f"kubernetes-{settings['kubernetes']}", "k8s.io/kubernetes"
        )
        kubelet.start(
            self.process("kwok"),
            tools[1],
            self.client,
            version,
            settings["ports"]["kwok"],
        )
        wait_for("default service account", lambda: bool(self._default_account()))
        return self

    def down(self, keep: bool = False) -> None:
        """End everything, the latest first; forget the data unless told to keep it."""
        for process in reversed(self.processes()):
            process.stop(15 if keep else 3)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def restart_server(self, patience: float = 3) -> None:
        """The API server goes and comes back: same address, same data.

        It waits for its watchers, which do not leave: after `patience` it is killed.
        """
        server = self.process("kube-apiserver")
        server.stop(patience)
        server.again()
        wait_for("kube-apiserver", self.client.ready)

    def compact(self, path: str = "/api/v1/pods") -> None:
        """Compact etcd, then wait until continue tokens of this list have expired.

        A server of 1.34 or later keeps snapshots of its own. It drops them, within
        some seconds, when it sees that a server compacted: at this key.
        """
        token = self.client.get(f"{path}?limit=1")["metadata"].get("continue")
        count = {"key": _base64("/registry/"), "count_only": True}
        revision = int(self._etcd("kv/range", count)["header"]["revision"]) + 1
        told = {"key": _base64("compact_rev_key"), "value": _base64(str(revision))}
        self._etcd("kv/put", told)
        self._etcd("kv/compaction", {"revision": revision, "physical": True})

        def expired() -> bool:
            try:
                self.client.get(f"{path}?limit=1&continue={token}")
            except ApiError as error:
                return error.status == 410
            return False

        if token:
            wait_for("expiry of continue tokens", expired)

    def _etcd(self, path: str, body: object) -> Any:
        settings = json.loads((self.folder / "settings.json").read_text())
        url = f"http://127.0.0.1:{settings['ports']['etcd']}/v3/{path}"
        request = urllib.request.Request(url, json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def _default_account(self) -> Any:
        return self.client.get("/api/v1/namespaces/default/serviceaccounts")["items"]

    def _settings(
        self, kubernetes: str | None, extra: tuple[str, ...]
    ) -> dict[str, Any]:
        """What was chosen at the first `up`, for the life of the instance."""
        path = self.folder / "settings.json"
        if path.exists():
            settings: dict[str, Any] = json.loads(path.read_text())
            if kubernetes not in (None, settings["kubernetes"]):
                raise binaries.UnavailableError(
                    f"{self.name!r} has Kubernetes {settings['kubernetes']}: "
                    "take it down first"
                )
            return settings
        known = binaries.versions("kubernetes")
        if kubernetes not in (None, *known):
            raise binaries.UnavailableError(
                f"no Kubernetes {kubernetes} here; there are {', '.join(known)}"
            )
        settings = {
            "kubernetes": kubernetes or known[-1],
            "ports": {name: free_port() for name in PORTS},
            "extra": extra,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
        return settings

    def _start_etcd(self, tools: Path, ports: dict[str, int]) -> None:
        client, peer = (
            f"http://127.0.0.1:{ports['etcd']}",
            f"http://127.0.0.1:{ports['etcd-peer']}",
        )
        flags = {
            "name": "only",
            "data-dir": self.folder / "etcd",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"only={peer}",
            "unsafe-no-fsync": "true",
        }
        self.process("etcd").start([str(tools / "server"), *_flags(flags)], QUIET)

    def _start_apiserver(self, tools: Path, settings: dict[str, Any]) -> None:
        pki, ports = self.folder / "pki", settings["ports"]
        flags = {
            "etcd-servers": f"http://127.0.0.1:{ports['etcd']}",
            "bind-address": "127.0.0.1",
            "secure-port": ports["kube-apiserver"],
            "tls-cert-file": pki / "server.crt",
            "tls-private-key-file": pki / "server.key",
            "client-ca-file": pki / "ca.crt",
            "token-auth-file": pki / "tokens.csv",
            "authorization-mode": "Node,RBAC",
            "allow-privileged": "true",
            "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
            "service-account-key-file": pki / "service-accounts.pub",
            "service-account-signing-key-file": pki / "service-accounts.key",
            "service-cluster-ip-range": "10.96.0.0/16",
            "kubelet-client-certificate": pki / "kubelet-client.crt",
            "kubelet-client-key": pki / "kubelet-client.key",
            # a loopback address may not stand in the endpoints of `kubernetes`
            "endpoint-reconciler-type": "none",
        }
        argv = [str(tools / "kube-apiserver"), *_flags(flags), *settings["extra"]]
        self.process("kube-apiserver").start(argv, QUIET)
        log = self.process("kube-apiserver").log
        wait_for(f"kube-apiserver (see {log})", self.client.ready, 120)

    def _start_controllers(self, tools: Path, ports: dict[str, int]) -> None:
        pki = self.folder / "pki"
        for name, more in {
            "kube-controller-manager": {
                "service-account-private-key-file": pki / "service-accounts.key",
                "root-ca-file": pki / "ca.crt",
                "use-service-account-credentials": "true",
                "controllers": "*",
                # by default a hundred pods take half a minute
                "kube-api-qps": 400,
                "kube-api-burst": 400,
            },
            "kube-scheduler": {},
        }.items():
            config = self.kubeconfig_of(name.removeprefix("kube-"))
            flags = {
                "kubeconfig": config,
                "authentication-kubeconfig": config,
                "authorization-kubeconfig": config,
                "bind-address": "127.0.0.1",
                "secure-port": ports[name],
                "cert-dir": self.folder / "serving" / name,
                "leader-elect": "false",
                **more,
            }
            self.process(name).start([str(tools / name), *_flags(flags)], QUIET)


def _flags(values: dict[str, Any]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
