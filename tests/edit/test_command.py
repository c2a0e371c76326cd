"""``file --fix`` as it is typed: what it prints, writes, and ends with."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.edit.layouts import HOLD, KEY
from tests.shell import PROGRAM, Ran, Shell

CART = """\
# the shop's cart
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart
spec:
  template:
    metadata:
      labels: {app: cart, sidecar.istio.io/inject: "true"}   # in the mesh
    spec:
      containers:
      - name: cart
        image: cart
"""
FIXED = CART.replace(
    "    metadata:\n      labels",
    f'    metadata:\n      annotations:\n        {KEY}: "{HOLD}"\n      labels',
)
WEB = CART.replace("cart", "web").replace("true", "false")
RISK = (
    "risk: the application starts only when the proxy is ready: up to 60 seconds "
    "later, then the kubelet restarts the proxy and starts the application without "
    "one\n"
)
CHANGED = f"cart.yaml:2: deploy/cart: changed: {KEY}\n"
DIFF = f"""\
--- a/cart.yaml
+++ b/cart.yaml
@@ -6,6 +6,8 @@
 spec:
   template:
     metadata:
+      annotations:
+        {KEY}: "{HOLD}"
       labels: {{app: cart, sidecar.istio.io/inject: "true"}}   # in the mesh
     spec:
       containers:
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A folder with one manifest that asks for a mesh and one that does not."""
    (tmp_path / "cart.yaml").write_text(CART)
    (tmp_path / "web.yaml").write_text(WEB)
    return Shell(tmp_path)


def fix(shell: Shell, *words: str, stdin: str = "") -> Ran:
    return shell.program("file", "--fix", *words, stdin=stdin)


def read(shell: Shell, name: str = "cart.yaml") -> str:
    return (shell.folder / name).read_text()


def test_it_writes_in_place(shell: Shell) -> None:
    ran = fix(shell, "-f", "cart.yaml", "-f", "web.yaml", "--yes")
    again = fix(shell, "-f", "cart.yaml")

    apart = "web.yaml:2: deploy/web: left alone: no mesh is asked for here\n"
    assert ran == Ran(0, CHANGED + apart, RISK)
    assert (read(shell), read(shell, "web.yaml")) == (FIXED, WEB)
    good = f"cart.yaml:2: deploy/cart: no change: {KEY} asks for it already\n"
    assert again == Ran(0, good, "")


def test_a_directory(shell: Shell) -> None:
    (shell.folder / "values.yaml").write_text("replicas: 3\n")
    ran = fix(shell, "-f", ".", "--yes")

    assert (ran.code, read(shell)) == (0, FIXED)
    assert read(shell, "values.yaml") == "replicas: 3\n"


def test_a_dry_run_prints_the_difference_and_writes_nothing(shell: Shell) -> None:
    ran = fix(shell, "-f", "cart.yaml", "--dry-run=client")

    told = CHANGED.replace("changed:", "changed (dry run):")
    assert ran == Ran(0, DIFF, RISK + told)
    assert read(shell) == CART


def test_the_difference_is_one_that_patch_takes(shell: Shell) -> None:
    (shell.folder / "cart.yaml").write_bytes(CART.rstrip().encode())
    fix(shell, "-f", "cart.yaml", "-f", "web.yaml", "--yes")
    wanted = read(shell)
    (shell.folder / "cart.yaml").write_bytes(CART.rstrip().encode())
    (shell.folder / "d").write_text(
        fix(shell, "-f", "cart.yaml", "--dry-run=client").out
    )

    done = shell.run("patch -p1 < d || git apply d")
    assert (done.code, read(shell)) == (0, wanted)


def test_the_users_own_program_shows_the_difference(shell: Shell) -> None:
    words = 'KUBECTL_EXTERNAL_DIFF="ls -1" kubectl-meshcheck file --fix'
    ran = shell.run(f"{words} -f cart.yaml --dry-run=client")

    lines = ran.out.splitlines()
    assert (ran.code, [line for line in lines if line.endswith("yaml")]) == (
        0,
        ["cart.yaml", "cart.yaml"],
    )


def test_without_a_terminal_nobody_can_agree(shell: Shell) -> None:
    ran = fix(shell, "-f", "cart.yaml")

    assert ran == Ran(
        4,
        "",
        RISK + "error: nothing was written: there is no terminal to ask at\n"
        "  look at it with --dry-run=client, then write it with --yes\n",
    )
    assert read(shell) == CART


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1), ("", 1)])
def test_at_a_terminal_it_asks(shell: Shell, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    done = subprocess.run(
        [str(PROGRAM), "file", "--fix", "-f", "cart.yaml"],
        stdin=theirs,
        capture_output=True,
        cwd=shell.folder,
        env=shell.environment,
        timeout=60,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    agreed = code == 0

    assert done.returncode == code
    assert done.stdout.decode() == DIFF + (CHANGED if agreed else "")
    assert done.stderr.decode() == RISK + "Write this file? (y/N): " + (
        "" if agreed else "error: nothing was written\n"
    )
    assert read(shell) == (FIXED if agreed else CART)


def test_standard_input_goes_to_standard_output(shell: Shell) -> None:
    ran = fix(shell, "-f", "-", stdin=CART)

    told = CHANGED.replace("cart.yaml", "standard input")
    assert ran == Ran(0, FIXED, RISK + told)


def test_what_is_refused_is_passed_on_as_it_is(shell: Shell) -> None:
    template = CART.replace("image: cart", "image: {{ .Values.image }}")
    ran = fix(shell, "-f", "-", stdin=template)

    assert (ran.code, ran.out) == (4, template)
    assert ran.err.startswith(
        "error: standard input:13: template: this is a Helm template, not a manifest\n"
    )


def test_what_cannot_be_read_ends_with_3_and_the_rest_is_done(shell: Shell) -> None:
    (shell.folder / "cart.yaml").write_text(f"a: [\n---\n{CART}")
    ran = fix(shell, "-f", "cart.yaml", "--yes")

    assert (ran.code, read(shell)) == (3, f"a: [\n---\n{FIXED}")
    assert ran.err.startswith("error: cart.yaml, document 1, line 1: did not find")


def test_a_read_only_file_is_one_sentence(shell: Shell) -> None:
    (shell.folder / "cart.yaml").chmod(0o444)
    ran = fix(shell, "-f", "cart.yaml", "--yes")

    assert ran == Ran(
        4,
        "",
        RISK + "error: cart.yaml: not written: it is read-only\n"
        "  make it writable, or check it out, and run this again\n",
    )


def test_hard_links_are_named(shell: Shell) -> None:
    os.link(shell.folder / "cart.yaml", shell.folder / "other")
    ran = fix(shell, "-f", "cart.yaml", "--yes")

    assert ran == Ran(
        0,
        CHANGED,
        RISK + "warning: cart.yaml: hard links to it keep the old content (1)\n",
    )
    assert (read(shell), read(shell, "other")) == (FIXED, CART)


def test_a_file_that_is_named_twice_is_written_once(shell: Shell) -> None:
    (shell.folder / "link.yaml").symlink_to("cart.yaml")
    ran = fix(shell, "-f", "cart.yaml", "-f", "link.yaml", "--yes")

    assert ran == Ran(0, CHANGED, RISK)
    assert (read(shell), (shell.folder / "link.yaml").is_symlink()) == (FIXED, True)


def test_a_mesh_that_the_user_names(shell: Shell) -> None:
    bare = CART.replace(', sidecar.istio.io/inject: "true"', "")
    ran = fix(shell, "-f", "-", "--mesh", "istio", stdin=bare)

    assert ran.out == FIXED.replace(', sidecar.istio.io/inject: "true"', "")


def test_what_is_ignored_stays(shell: Shell) -> None:
    ran = fix(shell, "-f", "cart.yaml", "--ignore", "MC001: it retries", "--yes")

    told = "cart.yaml:2: deploy/cart: left alone: ignored: it retries\n"
    assert (ran, read(shell)) == (Ran(0, told, ""), CART)


USAGE = {
    "a mesh that is none": (
        ("--fix", "--mesh", "isto"),
        "error: no mesh 'isto'\n  did you mean istio?\n",
    ),
    "a format": (
        ("--fix", "-o", "json"),
        "error: --fix on files has no output format json\n"
        "  leave -o out; scan the files again for a report\n",
    ),
    "options without --fix": (
        ("--yes",),
        "error: --dry-run, --yes and --mesh go with --fix\n"
        "See 'kubectl meshcheck file -h' for help and examples\n",
    ),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage(shell: Shell, name: str) -> None:
    words, told = USAGE[name]

    assert shell.program("file", "-f", "cart.yaml", *words) == Ran(2, "", told)
    assert read(shell) == CART
