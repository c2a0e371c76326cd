"""Reads the logs of pods, one request each."""

from __future__ import annotations

from kubectl_meshcheck import hearing, logs
from kubectl_meshcheck.cluster import ApiError, Cluster
from kubectl_meshcheck.kinds import POD

#: logs are no JSON
_ANY = {"Accept": "*/*"}


def logs_of(cluster: Cluster) -> hearing.Read:
    """Reads logs from a cluster, one request each, bounded in bytes."""

    def read(wanted: hearing.Wanted) -> str | None:
        params = {
            "container": wanted.container,
            "timestamps": "true",
            "limitBytes": str(logs.MOST_BYTES),
        }
        if wanted.previous:
            params["previous"] = "true"
        path = f"{POD.path(wanted.namespace)}/{wanted.pod}/log"
        try:
            body = cluster.request("GET", path, params=params, headers=_ANY)
        except ApiError as error:
            if error.status == 403:
                raise hearing.DeniedError(error.problem()) from error
            if error.status in (400, 404):  # no such run, or no such pod any more
                return None
            raise
        return body[: logs.MOST_BYTES].decode(errors="replace")

    return read
