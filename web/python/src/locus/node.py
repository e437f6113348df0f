"""Reading from a node over HTTP: bounded, problem documents as errors, and no second try of what is no read."""

from __future__ import annotations

import dataclasses
import http.client
import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .errors import InputError, LocusError, ProblemError, ReplyError, UnreachableError
from .models import Model, decode

REPLY_BYTES_MAX = 64 << 20
"""The largest answer that is read; the largest block in JSON is smaller."""
PAGE_ROWS = 500
"""Rows of a page, the most that a node gives."""
TRANSIENT_STATUS = frozenset({408, 502, 503, 504})
"""Answers that say to try again later."""


@dataclasses.dataclass(frozen=True)
class Retry:
    """How often a read is tried, and how long to pause between tries, in seconds: doubled each time, with jitter.

    Attributes:
        tries: Tries of one read, the first included; at least 1.
        pause: The pause after the first.
        pause_max: The longest pause.
    """

    tries: int = 4
    pause: float = 0.25
    pause_max: float = 4.0

    def pauses(self) -> Iterator[float]:
        """The pauses between tries."""
        for place in range(self.tries - 1):
            yield min(self.pause * 2**place, self.pause_max) * random.uniform(0.5, 1.0)


class Node:
    """A node's HTTP API.

    Args:
        url: Its address, such as ``https://node.example``.
        timeout: Seconds that each connection, and each wait for bytes, may take.
        retry: How reads are tried again.
        sleep: What pauses.

    Raises:
        InputError: For an address that is not HTTP.
    """

    def __init__(
        self, url: str, timeout: float = 30.0, retry: Retry | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Connects to nothing yet."""
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"the node's address {url!r} is not http://HOST or https://HOST")
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._retry = retry or Retry()
        self._sleep = sleep

    def get(self, path: str, **parameters: object) -> Any:
        """The decoded JSON at a path. Parameters that are None are left out.

        Raises:
            ProblemError: When the node refuses.
            UnreachableError: When it does not answer.
            ReplyError: When it answers something else.
        """
        for pause in self._retry.pauses():
            try:
                return self._send(path, parameters)
            except ProblemError as problem:
                if problem.status not in TRANSIENT_STATUS:
                    raise
            except UnreachableError:
                pass
            self._sleep(pause)
        return self._send(path, parameters)

    def post(self, path: str, body: object, **parameters: object) -> Any:
        """What the node answers to a JSON body. Sent once.

        Raises:
            InputError: When the body has no JSON form.
            ProblemError, UnreachableError, ReplyError: As :meth:`get`.
        """
        try:
            data = json.dumps(body, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InputError(f"the body for {path} has no JSON form: {error}") from error
        return self._send(path, parameters, data)

    def pages(self, model: type[Model], path: str, limit: int = PAGE_ROWS, **parameters: object) -> Iterator[Model]:
        """Every row of a listing, page by page, as it is asked for.

        Raises:
            ProblemError, UnreachableError, ReplyError: As :meth:`get`; also for a page that does not lead on.
        """
        after: int | None = None
        while True:
            page = self.get(path, limit=limit, after=after, **parameters)
            rows = page.get("items") if isinstance(page, Mapping) else None
            if not isinstance(rows, list):
                raise ReplyError(f"{path} is no page of a listing")
            for place, row in enumerate(rows):
                yield decode(model, row, f"{path}.items[{place}]")
            following = page.get("next")
            if following is None:
                return
            if not rows or not isinstance(following, int) or following == after:
                raise ReplyError(f"{path} has a page that leads nowhere")
            after = following

    def _send(self, path: str, parameters: Mapping[str, object], data: bytes | None = None) -> Any:
        given = {name: str(value) for name, value in parameters.items() if value is not None}
        url = f"{self.url}{path}" + (f"?{urllib.parse.urlencode(given)}" if given else "")
        headers = {"Accept": "application/json, application/problem+json", "User-Agent": "locus-client"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(url, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:
                return _json(response.read(REPLY_BYTES_MAX + 1), url)
        except urllib.error.HTTPError as error:
            with error:
                raise _problem(error, url) from None
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"{url} does not answer ({error}); see whether the node runs there") from error


def _json(body: bytes, url: str) -> Any:
    if len(body) > REPLY_BYTES_MAX:
        raise ReplyError(f"{url} answers more than {REPLY_BYTES_MAX} bytes")
    try:
        return json.loads(body)
    except ValueError as error:
        raise ReplyError(f"{url} answers no JSON ({error}); is this a Locus node?") from error


def _problem(error: urllib.error.HTTPError, url: str) -> LocusError:
    """The problem document of a refusal. A gateway's refusal has none, and is named by its status."""
    if error.headers.get_content_type() == "application/problem+json":
        document = _json(error.read(REPLY_BYTES_MAX + 1), url)
        names = ("type", "title", "detail")
        if isinstance(document, dict) and all(isinstance(document.get(name), str) for name in names):
            kind, title, detail = (str(document[name]) for name in names)
            return ProblemError.of(kind, title, error.code, detail)
    if error.code in TRANSIENT_STATUS:
        return UnreachableError(f"{url} answers {error.code}; try again later")
    return ReplyError(f"{url} answers {error.code} without a problem document; is this a Locus node?")
