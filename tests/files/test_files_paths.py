"""What a path stands for, what is opened, and how mistakes in naming it end."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from kubectl_meshcheck.errors import ExitCode, MeshcheckError, Problem
from kubectl_meshcheck.files import Document, content, read
from kubectl_meshcheck.files.text import UnreadableError, printable

Tree = dict[str, Any]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def plant(tree: Tree, top: str = ".") -> None:
    """Write files: text as it is, anything else as JSON."""
    for name, held in tree.items():
        path = Path(top, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(held if isinstance(held, str) else json.dumps(held))


def thing(name: str, **more: Any) -> Any:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": name, **more}}


def names(*paths: str, recursive: bool = False) -> list[str]:
    """source:name of each object, and the sentence of each problem."""
    return [
        f"{part.source}:{part.object['metadata']['name']}"
        if isinstance(part, Document)
        else part.what
        for part in read(paths, recursive=recursive)
    ]


def usage(*paths: str, recursive: bool = False) -> tuple[str, str, ExitCode]:
    with pytest.raises(MeshcheckError) as raised:
        read(paths, recursive=recursive)
    return raised.value.what, raised.value.hint, raised.value.code


@pytest.mark.parametrize(
    ("paths", "what", "hint"),
    [
        ([], "no file is given", "name files, directories, or - for stdin"),
        (["-", "-"], "standard input cannot be used for multiple arguments", ""),
        (["shop.yml"], 'the path "shop.yml" does not exist', "did you mean shop.yaml?"),
        (["d/s.json"], 'the path "d/s.json" does not exist', "did you mean shop.json?"),
        (["x/y"], 'the path "x/y" does not exist', ""),
        ([""], 'the path "" does not exist', ""),
        (["a\0b"], 'the path "a\\x00b" does not exist', ""),
        (["a\n\x1b[1mb"], 'the path "a\\n\\x1b[1mb" does not exist', ""),
        (["*.yaml"], 'the path "*.yaml" does not exist', "did you mean shop.yaml?"),
        (["shop.yaml/x"], 'the path "shop.yaml/x" does not exist', ""),
        (
            ["https://x/y.yaml"],
            'the path "https://x/y.yaml" does not exist',
            "fetch it first: curl -fsSL https://x/y.yaml | kubectl meshcheck file -f -",
        ),
        (
            ["empty"],
            "empty holds no .json, .yaml or .yml file",
            "-R looks into the directories below it too",
        ),
    ],
)  # fmt: skip
def test_mistakes_in_naming_are_usage_errors(
    paths: list[str], what: str, hint: str
) -> None:
    plant({"shop.yaml": thing("a"), "d/shop.json": thing("b"), "empty/x.txt": ""})

    assert usage(*paths) == (what, hint, ExitCode.USAGE)


def test_a_link_that_leads_nowhere_is_not_said_to_be_missing() -> None:
    plant({"shop.yaml": thing("a")})
    os.symlink("nowhere", "lost.yaml")

    assert usage("lost.yaml")[:2] == ('"lost.yaml" is a link that leads to no file', "")


def test_a_directory_without_manifests_below_it_has_no_hint() -> None:
    plant({"empty/x/y.txt": ""})

    assert usage("empty", recursive=True)[:2] == (
        "empty holds no .json, .yaml or .yml file",
        "",
    )


TREE: Tree = {
    "d/b.yaml": thing("b"),
    "d/a.json": thing("a"),
    "d/c.yml": thing("c"),
    "d/d.txt": thing("d"),
    "d/sub/e.yaml": thing("e"),
    "d/sub.yaml/f.yaml": thing("f"),
}


@pytest.mark.parametrize(
    ("recursive", "expected"),
    [
        (False, ["d/a.json:a", "d/b.yaml:b", "d/c.yml:c"]),
        (
            True,
            [
                "d/a.json:a",
                "d/b.yaml:b",
                "d/c.yml:c",
                "d/sub/e.yaml:e",
                "d/sub.yaml/f.yaml:f",
            ],
        ),
    ],
)
def test_a_directory_stands_for_its_manifests(
    recursive: bool, expected: list[str]
) -> None:
    plant(TREE)

    assert names("d", recursive=recursive) == expected


def test_files_are_read_whatever_they_are_called() -> None:
    plant({"a.json": "apiVersion: v1\nkind: T\nmetadata: {name: a}", "b": thing("b")})

    assert names("b", "a.json", "./b") == ["b:b", "a.json:a", "./b:b"]


def test_links_to_files_are_followed_and_loops_are_not() -> None:
    plant({"d/a.yaml": thing("a"), "d/sub/b.yaml": thing("b")})
    os.symlink("a.yaml", "d/link.yaml")
    os.symlink("nowhere", "d/lost.yaml")
    os.symlink("..", "d/sub/up")
    os.symlink("d", "top")

    assert names("top", recursive=True) == [
        "top/a.yaml:a",
        "top/link.yaml:a",
        "top/lost.yaml: cannot read it: No such file or directory",
        "top/sub/b.yaml:b",
    ]


def test_a_pipe_is_read_as_an_argument_and_not_in_a_directory() -> None:
    plant({"d/a.yaml": thing("a")})
    os.mkfifo("d/pipe.yaml")
    writer = threading.Thread(
        target=Path("d/pipe.yaml").write_text, args=(json.dumps(thing("p")),)
    )
    in_directory = names("d")
    writer.start()
    as_argument = names("d/pipe.yaml")
    writer.join()

    assert (in_directory, as_argument) == (
        ["d/a.yaml:a", "d/pipe.yaml: it is no regular file"],
        ["d/pipe.yaml:p"],
    )


def test_sockets_and_devices_end_in_problems() -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        (socket_problem,) = names("s")

    assert socket_problem.startswith("s: cannot read it: ")
    assert names("/dev/null") == ["/dev/null: there is nothing in it"]
    assert names("/dev/zero") == ["/dev/zero: it is binary data, neither YAML nor JSON"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_a_problem() -> None:
    plant({"a.yaml": thing("a"), "d/b.yaml": thing("b"), "d/sub/c.yaml": thing("c")})
    for path in ("a.yaml", "d/b.yaml", "d/sub"):
        os.chmod(path, 0)

    assert names("a.yaml", "d", "d/sub/c.yaml", recursive=True) == [
        "a.yaml: cannot read it: Permission denied",
        "d/sub: cannot list the directory: Permission denied",
        "d/b.yaml: cannot read it: Permission denied",
        "d/sub/c.yaml: cannot read it: Permission denied",
    ]


def test_a_directory_that_cannot_be_listed_is_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant({"d/a.yaml": thing("a"), "d/sub/b.yaml": thing("b")})
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if path.endswith("sub"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)

    assert names("d", recursive=True) == [
        "d/sub: cannot list the directory: Permission denied",
        "d/a.yaml:a",
    ]


def test_names_are_escaped_wherever_they_are_shown() -> None:
    name = os.fsdecode(b"x\n\x1b\xff.yaml")
    plant({name: f"{json.dumps(thing('a'))}\nx: [\n"})

    assert names(name) == [
        "x\\n\\x1b\\udcff.yaml:a",
        "x\\n\\x1b\\udcff.yaml, document 2, line 2: malformed JSON: invalid character",
    ]


def test_standard_input_is_the_default_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(json.dumps(thing("a")).encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    given = names("-")
    monkeypatch.setattr(sys, "stdin", None)

    assert (given, names("-")) == (["-:a"], ["standard input: it is closed"])


# What lies about in directories --------------------------------------------


def test_a_directory_may_hold_other_things_than_manifests() -> None:
    plant(
        {
            "d/Chart.yaml": "apiVersion: v2\nname: shop\n",
            "d/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1\n",
            "d/values.yaml": "image: x\n---\n- 1\n",
            "d/package.json": {"name": "x"},
            "d/empty.yaml": "",
            "d/a.yaml": thing("a"),
            "d/broken.yaml": "a: [",
            "d/kindless.yaml": "apiVersion: v1\n",
            "d/list.yaml": {"apiVersion": "v1", "kind": "List", "items": [3]},
        }
    )

    found = names("d")
    assert [one.split(": did")[0].split(": exp")[0] for one in found] == [
        "d/a.yaml:a",
        "d/broken.yaml, document 1, line 1",
        "d/kindless.yaml, document 1, line 1: it has no kind",
        "d/list.yaml, document 1, line 1: item 1 of the list:"
        " it is a number, not a Kubernetes object",
    ]


def test_a_directory_without_any_object_says_so() -> None:
    plant({"d/values.yaml": "image: x\n", "d/empty.yaml": "", "a.yaml": thing("a")})

    assert list(read(["d", "a.yaml"])) == [
        Problem("d: no Kubernetes object in its 2 files", source="d"),
        Document(thing("a"), "a.yaml", 1, 1),
    ]


def test_named_files_must_hold_objects() -> None:
    plant({"values.yaml": "image: x\n", "Chart.yaml": "apiVersion: v2\n"})

    assert names("values.yaml", "Chart.yaml") == [
        "values.yaml, document 1, line 1: it has no apiVersion and no kind",
        "Chart.yaml, document 1, line 1: it has no kind",
    ]


# Dumps -----------------------------------------------------------------------


def listed(kind: str, *names: str) -> Any:
    items = [{"metadata": {"name": name, "uid": f"uid-{name}"}} for name in names]
    return {"apiVersion": "v1", "kind": f"{kind}List", "items": items}


@pytest.mark.parametrize("extension", [".json", ".yaml"])
def test_a_cluster_info_dump_is_read_whole(extension: str) -> None:
    tree = {
        f"nodes{extension}": listed("Node", "n"),
        f"shop/pods{extension}": listed("Pod", "cart", "web"),
        f"shop/events{extension}": listed("Event"),
        f"shop/replication-controllers{extension}": listed("ReplicationController"),
        "shop/cart/logs.txt": "==== START logs for container a of pod shop/cart ====\n",
        f"bank/pods{extension}": listed("Pod", "till"),
    }
    plant(tree, "dump")

    assert names("dump") == [
        f"dump/nodes{extension}:n",
        f"dump/bank/pods{extension}:till",
        f"dump/shop/pods{extension}:cart",
        f"dump/shop/pods{extension}:web",
    ]


GATHERED: Tree = {
    "cluster-scoped-resources/core/nodes/n.yaml": thing("n", uid="1"),
    "namespaces/shop/shop.yaml": thing("shop", uid="2"),
    "namespaces/shop/core/pods.yaml": {
        "apiVersion": "v1",
        "kind": "ThingList",
        "items": [
            {"metadata": {"name": "cart", "uid": "3"}},
            {"metadata": {"name": "x"}},
        ],
    },
    "namespaces/shop/core/configmaps/c.yaml": thing("c", uid="4"),
    "namespaces/shop/pods/cart/cart.yaml": thing("cart", uid="3"),
    "namespaces/shop/pods/cart/app/app/metrics.json": "no JSON",
    "namespaces/shop/pods/cart/app/app/logs/current.log": "no YAML",
    "namespaces/shop/apps/deployments.yaml": thing("d", uid="5"),
    "audit_logs/a.json": "no JSON",
    "version.json": "no JSON",
    "timestamp": "now",
}  # fmt: skip
CORE = [
    "/namespaces/shop/shop.yaml:shop",
    "/namespaces/shop/apps/deployments.yaml:d",
    "/namespaces/shop/core/pods.yaml:cart",
    "/namespaces/shop/core/pods.yaml:x",
    "/namespaces/shop/core/configmaps/c.yaml:c",
]


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize(("argument", "image"), [("mg", "/image"), ("mg/image", "")])
def test_a_must_gather_is_read_whole_and_each_object_once(
    argument: str, image: str, recursive: bool
) -> None:
    plant(GATHERED, "mg/image")

    assert names(argument, recursive=recursive) == [
        f"{argument}{image}/cluster-scoped-resources/core/nodes/n.yaml:n",
        *(f"{argument}{image}{rest}" for rest in CORE),
    ]


def test_several_images_of_a_must_gather_share_their_objects() -> None:
    plant(GATHERED, "mg/one")
    plant({"namespaces/shop/core/pods.yaml": thing("cart", uid="3")}, "mg/two")
    plant({"namespaces/bank/core/pods.yaml": thing("till", uid="6")}, "mg/two")

    assert names("mg")[-1:] == ["mg/two/namespaces/bank/core/pods.yaml:till"]
    assert len(names("mg")) == 7


def test_a_directory_called_namespaces_alone_is_no_must_gather() -> None:
    plant({"a.yaml": thing("a"), "namespaces/shop/b.yaml": thing("b")}, "repo")

    assert names("repo") == ["repo/a.yaml:a"]


def test_the_same_object_twice_is_read_twice_outside_dumps() -> None:
    plant({"d/a.yaml": thing("a", uid="1"), "d/b.yaml": thing("a", uid="1")})

    assert names("d") == ["d/a.yaml:a", "d/b.yaml:a"]


# Content ---------------------------------------------------------------------


def test_a_source_that_is_too_large_is_refused() -> None:
    with pytest.raises(UnreadableError) as raised:
        content.load(io.BytesIO(b"x" * 3_000_000), limit=2 * 1024**2)

    assert (raised.value.why, raised.value.hint) == (
        "it is larger than 2 MiB",
        "save it in parts, one namespace each: kubectl get pods -n NS -o json",
    )


def test_a_stream_that_fails_is_a_problem() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    assert list(read(["-"], stdin=Broken())) == [
        Problem(
            "standard input: cannot read it: Input/output error",
            source="standard input",
        )
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("shop.yaml", "shop.yaml"),
        ("größe 店", "größe 店"),
        ("a\tb\r\n", "a\\tb\\r\\n"),
        ("\x9b1m\u202e\u2028\ufeff", "\\x9b1m\\u202e\\u2028\\ufeff"),
        ("\udc80\U000e0001", "\\udc80\\U000e0001"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
