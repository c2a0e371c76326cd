"""Every command and scope, on pods that were made by the real controllers.

The proxies are written into the templates by hand, so that this runs on any cluster;
``test_injected.py`` has those that Istio injects, with ``mesh`` and ``diff``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from tests.e2e.cluster import Cluster, Object, Row, row, rows
from tests.e2e.objects import (
    container,
    cron_job,
    deployment,
    held_proxy,
    istio_init,
    job,
    native_proxy,
    pod,
    pod_spec,
    proxy,
    template,
    workload,
)
from tests.shell import BIN, Shell


def _objects(namespace: str, natives: bool) -> list[Object]:
    racing = pod_spec([container(), proxy()], [istio_init()])
    held = pod_spec([held_proxy(), container()], [istio_init()])
    native = pod_spec(init=[istio_init(), native_proxy()]) if natives else held
    first = pod_spec([proxy(), container("log")], [istio_init()])
    return [
        deployment(namespace, "racing", racing, 2),
        deployment(namespace, "held", held),
        deployment(namespace, "plain", pod_spec()),
        workload("StatefulSet", namespace, "db", template("db", native), 2),
        workload("DaemonSet", namespace, "log", template("log", first)),
        job(namespace, "once", racing),
        cron_job(namespace, "yearly", native),
        pod(namespace, "lone", held, labels={"app": "lone"}),
    ]


def _rows(nodes: int, natives: bool) -> list[Row]:
    """What there is to say of them."""
    race, first = "istio-init > [app istio-proxy]", "istio-init > [istio-proxy log]"
    hold, star = "istio-init > istio-proxy > app", "istio-init > istio-proxy* > app"
    held = (1, hold, "pilot-agent wait", "HELD", ("MC012",))
    native = (star, "startup probe", "NATIVE", ()) if natives else held[1:]
    ends = () if natives else ("MC007",)
    return [
        ("CronJob/yearly", 0, *native[:-1], (*ends, *native[-1])),
        ("DaemonSet/log", nodes, first, "nothing", "RACE", ("MC001", "MC012")),
        ("Deployment/held", *held),
        ("Deployment/plain", 1, "app", "-", "NONE", ()),
        ("Deployment/racing", 2, race, "nothing", "RACE", ("MC001",)),
        ("Job/once", 1, race, "nothing", "RACE", ("MC001", "MC007")),
        ("Pod/lone", *held),
        ("StatefulSet/db", 2, *native),
    ]


@dataclass(frozen=True)
class Shop:
    """A namespace with one workload of each kind."""

    cluster: Cluster  #: with the namespace as its context's
    namespace: str
    rows: list[Row]

    def only(self, *names: str) -> list[Row]:
        return [one for one in self.rows if one[0] in names]


@pytest.fixture(scope="module")
def shop(cluster: Cluster) -> Iterator[Shop]:
    namespace = cluster.namespace("shop")
    natives = cluster.knows_native_sidecars()
    cluster.apply(*_objects(namespace, natives))
    found = cluster.get(f"nodes,ds -n {namespace}")["items"]
    nodes = sum(one["kind"] == "Node" for one in found)
    if not cluster.plane:  # some may be closed to it
        path = "-o jsonpath={.status.desiredNumberScheduled}"
        cluster.kubectl(f"rollout status ds/log -n {namespace} --timeout=5m")
        nodes = int(cluster.kubectl(f"get ds log -n {namespace} {path}"))
    cluster.settled(namespace, nodes + 8)
    config = cluster.shell.folder / "shop.kubeconfig"
    config.write_text(cluster.kubectl("config view --raw --minify --flatten"))
    here = cluster.as_user(config)
    here.kubectl(f"config set-context --current --namespace={namespace}")
    yield Shop(here, namespace, _rows(nodes, natives))
    cluster.kubectl(f"delete ns {namespace} --wait=false")


def test_a_namespace_by_name(shop: Shop) -> None:
    assert rows(shop.cluster.report(f"ns {shop.namespace}")) == shop.rows


def test_the_namespace_of_the_context_or_of_the_flag(shop: Shop) -> None:
    assert rows(shop.cluster.report("ns")) == shop.rows
    assert rows(shop.cluster.report("ns -n default"), [shop.namespace]) == []


def test_two_namespaces_and_all_of_them(shop: Shop) -> None:
    two = shop.cluster.report(f"ns {shop.namespace} default")
    every = shop.cluster.report("ns -A")

    assert rows(two, [shop.namespace]) == shop.rows
    assert rows(every, [shop.namespace]) == shop.rows
    assert shop.cluster.meshcheck("ns -A").out.startswith("NAMESPACE")


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=held", ["Deployment/held"]),
        ("app in (held, lone)", ["Deployment/held", "Pod/lone"]),
        ("app!=racing,app notin (db,log,once,plain,held)", ["Pod/lone"]),
        ("no-such-label", []),
    ],
)
def test_pods_by_label(shop: Shop, selector: str, names: list[str]) -> None:
    found = shop.cluster.report(f"ns -l '{selector}'")

    assert rows(found) == shop.only(*names)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("deploy", "Deployment/racing"),
        ("deployments", "Deployment/held"),
        ("sts", "StatefulSet/db"),
        ("ds", "DaemonSet/log"),
        ("job", "Job/once"),
        ("cronjob", "CronJob/yearly"),
        ("cj", "CronJob/yearly"),
        ("pod", "Pod/lone"),
        ("deployments.apps", "Deployment/plain"),
    ],
)
def test_one_workload_in_both_spellings(shop: Shop, word: str, name: str) -> None:
    bare = name.partition("/")[2]

    assert rows(shop.cluster.report(f"{word} {bare}")) == shop.only(name)
    assert rows(shop.cluster.report(f"{word}/{bare}")) == shop.only(name)


def test_several_workloads_of_several_kinds(shop: Shop) -> None:
    found = shop.cluster.report("deploy/held sts/db pod/lone")

    names = "Deployment/held", "StatefulSet/db", "Pod/lone"
    assert rows(found) == shop.only(*names)


def test_a_pod_of_a_deployment_leads_to_it(shop: Shop) -> None:
    path = "-o jsonpath={.items[0].metadata.name}"
    name = shop.cluster.kubectl(f"get pods -l app=racing {path}")

    assert rows(shop.cluster.report(f"pod {name}")) == shop.only("Deployment/racing")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ns", 1),
        ("ns --fail-on=never", 0),
        ("ns -l app=held", 0),
        ("ns -l app=held --fail-on=info", 1),
        ("deploy racing --ignore 'MC001: it waits by itself'", 0),
        ("deploy held", 0),
        ("deploy held plain", 0),
        ("deploy hold", 3),
        ("ns meshcheck-e2e-shpo", 3),
        ("deploy", 2),
        ("ns -o no-such-format", 2),
        ("ns --no-such-flag", 2),
        ("ns -A shop", 2),
        ("no-such-command", 2),
        ("ns --context no-such-context", 3),
        ("version", 0),
        ("help ns", 0),
        ("demo", 0),
        ("checks", 0),
        ("checks MC001", 0),
        ("checks MC999", 2),
    ],
)
def test_exit_codes_come_through_kubectl(shop: Shop, line: str, code: int) -> None:
    ran = shop.cluster.meshcheck(line)

    assert (ran.code, "Traceback" in ran.err) == (code, False), ran


def test_a_mistyped_name_is_told_the_nearest(shop: Shop) -> None:
    namespace, workload = (
        shop.cluster.meshcheck("ns meshcheck-e2e-shpo"),
        shop.cluster.meshcheck("deploy racign"),
    )

    assert namespace.out + workload.out == ""
    assert 'namespaces "meshcheck-e2e-shpo" not found' in namespace.err
    assert shop.namespace in namespace.err
    assert '"racign" not found' in workload.err
    assert "racing" in workload.err


def test_every_format_says_the_same(shop: Shop) -> None:
    run = shop.cluster.meshcheck
    as_json = json.loads(run("ns -o json").out)
    as_yaml = yaml.safe_load(run("ns -o yaml").out)
    table = [line.split()[0] for line in run("ns").out.splitlines()]
    wide = [line.split()[0] for line in run("ns -o wide").out.splitlines()]
    bare = [line.split()[0] for line in run("ns --no-headers").out.splitlines()]

    assert as_yaml == as_json
    assert table == wide == ["WORKLOAD", *bare]
    assert " ".join(sorted(bare)) == (
        "cronjob/yearly deploy/held deploy/plain deploy/racing "
        "ds/log job/once pod/lone sts/db"
    )


def test_names_are_what_kubectl_takes(shop: Shop) -> None:
    names = shop.cluster.meshcheck("ns -o name").out.split()
    found = shop.cluster.kubectl(f"get {' '.join(names)} -o name").split()

    assert found == names


def test_saved_objects_give_the_verdicts_of_the_cluster(shop: Shop) -> None:
    kinds = "pods,deploy,rs,sts,ds,jobs,cronjobs"
    dump = shop.cluster.kubectl(f"get {kinds} -o json")
    lines = shop.cluster.kubectl(f"get {kinds} -o yaml")
    (shop.cluster.shell.folder / "dump.json").write_text(dump)

    assert rows(shop.cluster.report("file -f -", dump)) == shop.rows
    assert rows(shop.cluster.report("file -f -", lines)) == shop.rows
    assert rows(shop.cluster.report("file -f dump.json")) == shop.rows


def test_a_pipe_from_one_object_of_the_cluster(shop: Shop) -> None:
    line = "kubectl get deploy racing -o json | kubectl meshcheck file -f - -o json"
    ran = shop.cluster.shell.run(line)

    (found,) = json.loads(ran.out)["workloads"]
    name, _, *rest = row(found)
    (expected, _, *same) = shop.only("Deployment/racing")[0]
    assert (name, rest) == (expected, same)


def test_kubectl_completes_our_words_and_the_cluster_s(shop: Shop) -> None:
    shell = shop.cluster.shell
    bin_ = shell.folder / "bin"
    bin_.mkdir(exist_ok=True)
    helper = bin_ / "kubectl_complete-meshcheck"
    helper.write_text(shop.cluster.meshcheck("completion kubectl").out)
    helper.chmod(0o755)
    path = f"{bin_}:{BIN}:{shell.environment['PATH']}"
    typing = Shell(shell.folder, shell.kubeconfig, more={**shell.more, "PATH": path})

    def completed(line: str) -> list[str]:
        out = typing.run(f"kubectl __complete meshcheck {line}").out
        return [word.split("\t")[0] for word in out.splitlines()]

    assert completed("deploy ''") == ["held", "plain", "racing", ":4"]
    assert completed("deploy r") == ["racing", ":4"]
    assert completed("sts d") == ["db", ":4"]
    assert completed("ns meshcheck-e2e-sh") == [shop.namespace, ":4"]
    assert "deploy" in completed("''")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_for_each_shell(shop: Shop, shell: str) -> None:
    ran = shop.cluster.meshcheck(f"completion {shell}")

    assert (ran.code, "kubectl-meshcheck" in ran.out) == (0, True)
