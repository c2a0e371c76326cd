"""The kubelet's complaints about pods, and an injector's about the workloads that it
left alone, kept by whom they are about."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from kubectl_meshcheck import parse
from kubectl_meshcheck.model import PodEvent

#: events of one list, before the server is asked: warnings about pods
SELECTOR = "involvedObject.kind=Pod,type=Warning"
#: events with which Linkerd's injector says why it left a workload's pod alone
#: (linkerd/linkerd2: controller/proxy-injector/webhook.go ``eventTypeSkipped``)
SKIPPED = "InjectionSkipped"
SKIPS = f"reason={SKIPPED}"
#: events with which a controller says that the API server took no pod of it
#: (kubernetes/kubernetes: pkg/controller/controller_utils.go ``FailedCreatePodReason``)
REFUSED = "FailedCreate"
REFUSALS = f"reason={REFUSED}"
#: beginnings of the reasons that tell something of a start; older kubelets append
#: text to PostStartHookError
HOOK_FAILED = ("FailedPostStartHook", "PostStartHookError")
_REASONS = (*HOOK_FAILED, "BackOff", "Unhealthy")
#: bounds: a cluster in trouble has more events than anybody reads
_PODS, _EACH = 10_000, 8
_LONGEST = 300  #: characters of an injector's reason
_WORDS = 2_048  #: characters of a refusal, which names the reason last
#: namespace, kind and name
Place = tuple[str, str, str]


class Events:
    """Those that tell something, bounded in number."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[tuple[str, PodEvent]]] = {}
        self._pods: dict[tuple[str, str], list[str]] | None = None
        #: by namespace, kind and name: when, and what the injector said
        self._skipped: dict[Place, tuple[str, str]] = {}
        #: by the controller that was refused a pod, the newest of each
        self.refused: dict[Place, PodEvent] = {}

    def add(self, found: parse.Event) -> None:
        """Remembers an event about a pod, or of an injector; all others are nothing."""
        about = found.about
        if found.reason == SKIPPED:
            self._skip(found)
        if found.reason == REFUSED:
            self._refuse(found)
        if about.kind != "Pod" or not (found.reason or "").startswith(_REASONS):
            return
        place = (about.namespace or found.metadata.namespace, about.name)
        kept = self._found.get(place)
        if kept is None:
            if len(self._found) >= _PODS:
                return
            kept = self._found[place] = []
            self._pods = None
        if len(kept) < _EACH:
            kept.append((about.uid, parse.pod_event(found)))

    def _skip(self, found: parse.Event) -> None:
        about, told = found.about, parse.pod_event(found)
        place = (about.namespace or found.metadata.namespace, about.kind, about.name)
        before = self._skipped.get(place)
        if before is None and len(self._skipped) >= _PODS:
            return
        if before is None or before[0] <= told.last:
            # "Linkerd sidecar proxy injection skipped: hostNetwork is enabled"
            text = told.message.partition("skipped: ")[2] or told.message
            self._skipped[place] = (told.last, text[:_LONGEST])

    def _refuse(self, found: parse.Event) -> None:
        about, told = found.about, parse.pod_event(found)
        place = (about.namespace or found.metadata.namespace, about.kind, about.name)
        before = self.refused.get(place)
        if before is None and len(self.refused) >= _PODS:
            return
        newest = told if before is None or before.last <= told.last else before
        # the name of the pod is in each: an event of its own for nearly every attempt
        count = told.count + (before.count if before else 0)
        message = newest.message[:_WORDS]
        self.refused[place] = replace(newest, message=message, count=count)

    def skipped(self, namespace: str, kind: str, name: str) -> str:
        """Why an injector left this workload's newest pod alone, in its own words;
        empty where it wrote no event, or none that is still there."""
        return self._skipped.get((namespace, kind, name), ("", ""))[1]

    def of_pod(self, namespace: str, name: str, uid: str = "") -> list[PodEvent]:
        """Those about one pod, and not about an earlier one of its name."""
        return [
            event
            for about, event in self._found.get((namespace, name), ())
            if not about or not uid or about == uid
        ]

    def of_owner(
        self, namespace: str, owner: str, kind: str, uids: Mapping[str, str]
    ) -> tuple[PodEvent, ...]:
        """Those about the pods that a controller has named after itself.

        ``uids`` are of the pods whose names are known.  A StatefulSet gives a new
        pod the name of an old one, so there only those count.
        """
        if not self._found:
            return ()
        names: Collection[str] = uids
        if kind not in ("Pod", "StatefulSet"):
            names = [*uids, *self._named(namespace, owner, indexed=kind == "Job")]
        return tuple(
            event
            for name in dict.fromkeys(names)
            for event in self.of_pod(namespace, name, uids.get(name, ""))
        )

    def _named(self, namespace: str, owner: str, *, indexed: bool) -> list[str]:
        """Pods called ``owner-x7k2p``; of an indexed Job ``owner-0-x7k2p``."""
        if self._pods is None:
            self._pods = {}
            for place, pod in self._found:
                parent = pod.rpartition("-")[0]
                self._pods.setdefault((place, parent), []).append(pod)
                index = parent.rpartition("-")
                if index[2].isdigit():
                    self._pods.setdefault((place, index[0] + "#"), []).append(pod)
        found = self._pods.get((namespace, owner), [])
        more = self._pods.get((namespace, owner + "#"), []) if indexed else []
        return found + more
