"""Pods as they come in a list: what most of them have in common stays undecoded.

The pods of one owner are alike but for their names and their states.  So a pod's parts
stay the text that came (``msgspec.Raw``), to be compared with those of the pod before,
and only of the first that starts in a new way they are decoded.
"""

from __future__ import annotations

import msgspec

from kubectl_meshcheck import parse

Raw = msgspec.Raw
_NULL = Raw(b"null")
#: the phases of a pod that starts nothing more
ENDED = ("Failed", "Succeeded")
#: how the API server names a volume for a pod alone, with five letters at random
#: (kubernetes/kubernetes: plugin/pkg/admission/serviceaccount/admission.go
#: ``ServiceAccountVolumeName``, staging/src/k8s.io/apiserver/pkg/storage/names)
_OWN_VOLUME = b'"kube-api-access-'
_LENGTH = len(_OWN_VOLUME) + 5


class Meta(msgspec.Struct, frozen=True, gc=False):
    """A pod's metadata; named like ``parse.Meta``'s what is decoded."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    labels: Raw = _NULL
    annotations: Raw = _NULL
    ownerReferences: Raw = _NULL
    generateName: str = ""
    deletionTimestamp: str | None = None


class Spec(msgspec.Struct, frozen=True, gc=False):
    """What decides how a pod starts."""

    containers: Raw = _NULL
    initContainers: Raw = _NULL
    hostNetwork: bool | None = None
    restartPolicy: str | None = None
    securityContext: Raw = _NULL


class _ContainerStatus(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    ready: bool = False
    restartCount: parse.Int32 = 0
    state: Raw = _NULL
    lastState: Raw = _NULL


class Status(msgspec.Struct, frozen=True, gc=False):
    """A pod's status."""

    phase: str = ""
    startTime: str | None = None
    conditions: Raw = _NULL
    containerStatuses: tuple[_ContainerStatus, ...] | None = None
    initContainerStatuses: Raw = _NULL


class ListedPod(msgspec.Struct, frozen=True, gc=False):
    """One pod of a list."""

    metadata: Meta = Meta()
    spec: Spec = Spec()
    status: Status | None = None

    @property
    def owners(self) -> tuple[str, bytes]:
        """The same for all pods of one owner; nothing for a pod without any."""
        found = self.metadata.ownerReferences
        return self.metadata.namespace, b"" if found == _NULL else bytes(found)

    @property
    def leaves(self) -> bool:
        """Whether it may not count: it is deleted, or it has ended."""
        ended = self.status is not None and self.status.phase in ENDED
        return ended or bool(self.metadata.deletionTimestamp)

    def marks(self, part: Raw) -> parse.Marks:
        """Its annotations or labels.  Raises as ``decoded`` does."""
        try:
            return _marks(part)
        except ValueError:
            self.decoded()  # knows where they stand
            raise

    def decoded(self) -> parse.Pod:
        """The whole pod.

        Raises ``ValueError`` and ``RecursionError`` where a part is not what it
        should be, in the words for a pod that is decoded at once.
        """
        return _whole(msgspec.json.encode(self))

    def seen(self) -> parse.PodStatus | None:
        """All that the kubelet said of it.  Raises as ``decoded`` does."""
        return self.decoded().status


class Start:
    """What decides how a pod starts, as text, for others to be compared with."""

    def __init__(self, spec: Spec) -> None:
        self._host_network = spec.hostNetwork
        self._restart_policy = spec.restartPolicy
        self._security = spec.securityContext.copy()
        self._containers = _Template(spec.containers)
        self._init = _Template(spec.initContainers)

    def same(self, spec: Spec) -> bool:
        """Whether another pod starts alike; if in doubt, not."""
        return (
            self._containers.fits(spec.containers)
            and self._init.fits(spec.initContainers)
            and self._host_network == spec.hostNetwork
            and self._restart_policy == spec.restartPolicy
            and self._security == spec.securityContext
        )


class _Template:
    """Containers, but for the name of the volume that each pod has alone.

    It stands in each container's mounts, of which nothing is read.
    """

    def __init__(self, part: Raw) -> None:
        text = bytes(part)
        at = text.find(_OWN_VOLUME)
        own = slice(at, at + _LENGTH) if at >= 0 else slice(0)
        self._own = own
        self._pieces = text.split(text[own]) if at >= 0 else [text]

    def fits(self, part: Raw) -> bool:
        """Whether all but that name is the same."""
        text = bytes(part)
        own = text[self._own]
        if own and not (own[:-5] == _OWN_VOLUME and own[-5:].isalnum()):
            return False
        return own.join(self._pieces) == text


_marks = msgspec.json.Decoder(parse.Marks).decode
_whole = msgspec.json.Decoder(parse.Pod).decode
