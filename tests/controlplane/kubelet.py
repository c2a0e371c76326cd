"""The kubelet's stand-in: two nodes on which kwok walks pods through `stages/`."""

from __future__ import annotations

from pathlib import Path

import yaml

from .processes import Process
from .rest import Client

STAGES = Path(__file__).parent / "stages"
NODES = ("node-1", "node-2")
ADDRESS = "127.0.0.1"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
#: containers that are ready two seconds after their start, and are waited for
PROXIES = ("istio-proxy", "linkerd-proxy", "kuma-sidecar", "consul-dataplane", "daprd")
PATTERN = f"-proxy$|^({'|'.join(PROXIES)})$"


def start(
    process: Process, tools: Path, client: Client, version: str, port: int
) -> None:
    """Make the nodes, then start kwok for them."""
    if process.pid is not None:
        return
    for name in NODES:
        # a kwok that ended holds the node for as long as its lease says
        client.delete(f"{LEASES}/{name}")
        if not any(
            node["metadata"]["name"] == name
            for node in client.get("/api/v1/nodes")["items"]
        ):
            client.request("POST", "/api/v1/nodes", _node(name, version))
    pki = process.folder / "pki"
    config = process.folder / "kwok.yaml"
    config.write_text(
        "---\n".join(
            [
                (STAGES / "stages.yaml").read_text().replace("PROXY", PATTERN),
                yaml.safe_dump(_logs(process.folder)),
            ]
        )
    )
    argv = [
        str(tools / "kwok"),
        f"--kubeconfig={process.folder / 'kwok.kubeconfig'}",
        f"--config={config}",
        "--manage-all-nodes=true",
        "--cidr=10.244.0.0/16",
        f"--node-ip={ADDRESS}",
        f"--node-port={port}",
        f"--server-address={ADDRESS}:{port}",
        f"--tls-cert-file={pki / 'server.crt'}",
        f"--tls-private-key-file={pki / 'server.key'}",
        "--node-lease-duration-seconds=40",
    ]
    process.start(argv, {"PATH": "/usr/bin:/bin", "HOME": str(process.folder)})


def _node(name: str, version: str) -> dict[str, object]:
    room = {"cpu": "512", "memory": "4Ti", "pods": "10000", "ephemeral-storage": "4Ti"}
    info = {
        "kubeletVersion": version,
        "kubeProxyVersion": version,
        "containerRuntimeVersion": "containerd://2.1.4",
        "operatingSystem": "linux",
        "architecture": "amd64",
        "osImage": "Debian GNU/Linux 12 (bookworm)",
        "kernelVersion": "6.1.0",
        "machineID": name,
        "systemUUID": name,
        "bootID": name,
    }
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": room, "capacity": room, "nodeInfo": info},
    }


def _logs(folder: Path) -> dict[str, object]:
    """What `kubectl logs` shows of a proxy, an application, and one that died."""
    texts = {
        "proxy": [
            "info\tStatus server has successfully terminated",
            "info\tEnvoy proxy is ready",
        ],
        "app": ["listening on :9080"],
        "app.previous": [
            "panic: dial tcp 10.14.228.89:9825: connect: connection refused"
        ],
    }
    where = folder / "container-logs"
    where.mkdir(exist_ok=True)
    for name, lines in texts.items():
        path = where / f"{name}.log"
        if not path.exists():
            path.write_text(
                "".join(
                    f"2026-01-01T00:00:00.000000000Z stdout F {line}\n"
                    for line in lines
                )
            )
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterLogs",
        "metadata": {"name": "all"},
        "spec": {
            "logs": [
                {"containers": list(PROXIES), "logsFile": str(where / "proxy.log")},
                {
                    "logsFile": str(where / "app.log"),
                    "previousLogsFile": str(where / "app.previous.log"),
                },
            ]
        },
    }
