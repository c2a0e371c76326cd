"""A real control plane for the tests, on loopback and without a container engine.

    python -m tests.controlplane up [--kubernetes 1.28]    prints a kubeconfig
    python -m tests.controlplane istio [--version 1.22] [--revision R] [--tag T]
    python -m tests.controlplane injector linkerd [--version 2.13]    or another mesh
    python -m tests.controlplane status | logs [PROCESS] | kubeconfig [USER] | down

What is real: etcd, kube-apiserver (TLS, RBAC, default admission), every controller,
the scheduler, Helm, and istiod with its charts: pods that a ReplicaSet makes are
injected by Istio's own code, or by another mesh's behind a webhook of ours. What
stands in: kwok for the kubelet. Its stages (`stages/stages.yaml`) start the containers
in the order of the pod that it is given, so that an application crashes in the gap
exactly when there is one. Two annotations on a pod template say what lies in the
images:

    kubelet.meshcheck.test/dials: "true"         dies when it is refused at its start
    kubelet.meshcheck.test/proxy: never-ready    a hook that waits for the proxy fails

Nothing else listens, so a container's logs are the same few lines for all
(`container-logs/` in the instance's folder), and exec does not work.

The programs are built by `go build` from the modules under `go/`, whose go.mod files
pin them, into ${XDG_CACHE_HOME:-~/.cache}/meshcheck-controlplane/bin. On two cores a
Kubernetes takes seven minutes the first time, an Istio four, the others one together;
after that nothing is built, and Go need not be there. A later minor is one more folder
under `go/`: its go.mod holds the version, the `replace` lines are those of the
module's own go.mod with v0.MINOR.PATCH for each staging folder.

Most meshes tag no Go module versions of use, so a version can be had where the module
proxy and the checksum database both know its commit: Linkerd stable-2.10.2 (last in the
pod, nobody waits), a commit after edge-23.4.3 (first, with a hook) and edge-25.7.5
(native on request); Kuma 1.8.1, consul-k8s 0.37 and App Mesh 1.1.1 (last, nobody
waits); Dapr 1.18 (last, or native on request, and nobody waits); vault-k8s 0.5
(last, after an init container that fetches the files). Linkerd 2.20's default, a native
sidecar, is edge-25.7.5 with `proxy.nativeSidecar`; for what Kuma and Consul did later
only upstream's own golden files stand in. A version that the proxy comes to know is one
more folder, and joins the tests of its mesh by that.

In a test:

    plane = ControlPlane("e2e").up()             # or .up("1.28"); UnavailableError
    plane.kubeconfig                             # the administrator's, a path
    plane.kubeconfig_of("alice")                 # a user without rights, by token
    plane.client.apply({...}, {...})             # server-side apply
    plane.client.get("/api/v1/namespaces/shop/pods")
    plane.restart_server()                       # same address, same data
    plane.compact()                              # continue tokens expire
    plane.down()

    istio = Istio(plane).install()               # the newest, default revision
    Istio(plane, "old", "1.22").install({}, "prod")    # a revision with a tag
    istio.set_native("false")                    # the classic sidecar
    istio.set_mesh({"defaultConfig": {"holdApplicationUntilProxyStarts": True}})
    istio.set_values({"global": {"proxy": {"holdApplicationUntilProxyStarts": True}}})

    linkerd = Injector(plane, "linkerd", "2.13").install()
    linkerd.configure({"proxy": {"await": False}})     # values of the chart
    linkerd.labels                               # of a namespace whose pods it takes
    linkerd.admit("shop", {...})                 # a pod as the server would keep it
    oracle.start("linkerd", {...})               # what the kubelet makes of a spec

Instances live in meshcheck-controlplane/instances/NAME, each with its ports, keys,
data and logs, and outlive the command that started them.
"""

from __future__ import annotations

from .access import USERS
from .binaries import UnavailableError
from .injector import Injector
from .istio import Istio
from .plane import ControlPlane
from .processes import wait_for
from .rest import ApiError, Client

__all__ = [
    "USERS",
    "ApiError",
    "Client",
    "ControlPlane",
    "Injector",
    "Istio",
    "UnavailableError",
    "wait_for",
]
