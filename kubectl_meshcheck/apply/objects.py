"""Live objects as plain JSON, by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_meshcheck.cluster import ApiError, Cluster
from kubectl_meshcheck.plan.restarts import Budget
from kubectl_meshcheck.plan.values import Object
from kubectl_meshcheck.plan.where import at
from kubectl_meshcheck.workload import Ref

#: the longest list that is read beside an object
_MOST = {"limit": "500"}


def path_of(ref: Ref) -> str:
    """The path of one object."""
    return f"{ref.kind.path(ref.namespace)}/{ref.name}"


def read(cluster: Cluster, ref: Ref) -> dict[str, Any]:
    """The object as it is now.  Raises ``ApiError``."""
    found: dict[str, Any] = cluster.get(path_of(ref), dict)
    return found


def items(
    cluster: Cluster, path: str, params: Mapping[str, str] = _MOST
) -> list[Object]:
    """The objects of a list, as plain JSON."""
    found: dict[str, Any] = cluster.get(path, dict, params=params)
    listed = found.get("items")
    return [one for one in listed or () if isinstance(one, dict)]


def budgets(
    cluster: Cluster, namespace: str, labels: Mapping[str, Any]
) -> tuple[Budget, ...]:
    """The disruption budgets for pods with these labels; none where not readable."""
    path = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    try:
        found = items(cluster, path)
    except ApiError:
        return ()
    return tuple(_budget(one) for one in found if selects(_selector(one), labels))


def _selector(found: Object) -> Mapping[str, Any]:
    return at(found, ("spec", "selector"))


def _budget(found: Object) -> Budget:
    name = str(at(found, ("metadata",)).get("name", ""))
    allowed = at(found, ("status",)).get("disruptionsAllowed", 0)
    return Budget(name, allowed if isinstance(allowed, int) else 0)


def selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether a label selector matches (apimachinery: pkg/apis/meta/v1/helpers.go)."""
    wanted = at(selector, ("matchLabels",))
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_meets(labels, *one) for one in _expressions(selector))


def _meets(
    labels: Mapping[str, Any], key: str, operator: str, values: list[Any]
) -> bool:
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    if operator == "In":
        return labels.get(key) in values
    return labels.get(key) not in values


def _expressions(selector: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Any]]]:
    found = selector.get("matchExpressions")
    for one in found if isinstance(found, list) else ():
        if isinstance(one, Mapping):
            values = one.get("values")
            yield (
                str(one.get("key", "")),
                str(one.get("operator", "")),
                values if isinstance(values, list) else [],
            )


def as_query(selector: Mapping[str, Any]) -> str:
    """A label selector as ``kubectl -l`` takes it."""
    words = {
        "Exists": "{key}",
        "DoesNotExist": "!{key}",
        "In": "{key} in ({values})",
        "NotIn": "{key} notin ({values})",
    }
    parts = [f"{k}={v}" for k, v in at(selector, ("matchLabels",)).items()]
    for key, operator, values in _expressions(selector):
        listed = ",".join(str(value) for value in values)
        parts.append(words.get(operator, "{key}").format(key=key, values=listed))
    return ",".join(parts)
