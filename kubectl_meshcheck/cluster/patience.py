"""How often, and how long, one request is tried again."""

from __future__ import annotations

import http.client
import random
import time
from collections.abc import Callable

from kubectl_meshcheck.cluster.failures import BROKEN
from kubectl_meshcheck.cluster.json_window import TruncatedError

#: what a connection, or a body that ends too early, raises
NETWORK = (OSError, http.client.HTTPException, TruncatedError)
TRIES = 5  #: of one request in all
SILENT = 2  #: of one that gets no answer in time: each takes a minute
LONGEST = 30.0  #: seconds that a server may make us wait before another try
SHORTEST = 0.2  #: seconds before the second try; doubled for each further one


class Patience:
    """Counts the tries of one request.

    ``safe`` says that it may be sent twice (it only reads).  ``limited`` says that
    the user set a time limit, which another try would overstep.
    """

    def __init__(
        self, *, safe: bool, limited: bool, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._safe = safe
        self._silent = 1 if limited else SILENT
        self._left = TRIES
        self._sleep = sleep

    def network(self, error: Exception) -> bool:
        """Wait after what a connection raised; whether to try again."""
        if isinstance(error, TimeoutError):
            self._silent -= 1
            return self._safe and self._silent > 0 and self._wait()
        passing = isinstance(error, BROKEN) and not isinstance(
            error, ConnectionRefusedError
        )
        return self._safe and passing and self._wait()

    def refusal(self, status: int, retry_after: str) -> bool:
        """Wait after the server's refusal; whether to try again.

        With Retry-After the server has not touched the request, so it may be sent
        again whatever it does (client-go: rest/with_retry.go).
        """
        asked = float(retry_after) if retry_after.isdigit() else None
        if asked is not None and (status == 429 or status >= 500):
            return self._wait(min(asked, LONGEST))
        return self._safe and (status == 429 or status >= 500) and self._wait()

    def _wait(self, asked: float | None = None) -> bool:
        self._left -= 1
        if not self._left:
            return False
        usual = SHORTEST * 2.0 ** (TRIES - 1 - self._left)
        # jitter, so that many of us do not come back at the same moment
        jitter = random.uniform(0.5, 1)  # noqa: S311  # no secret
        self._sleep(usual * jitter if asked is None else asked)
        return True
