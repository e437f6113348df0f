"""A query that is open: where it stands, what moves it on, and its result."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, overload

from .command import Locus, checked_id
from .errors import CommandError, InputError, QueryRefundedError, WaitTimeoutError
from .models import Head, QueryStatus, Stage, decode
from .node import Node
from .result import Reading, Result

ORDER = (Stage.COLLECTING, Stage.SEALED, Stage.AGGREGATED, Stage.RELEASED)
"""The stages on the way to a result."""
PAUSE_SECONDS = 0.5
"""The first pause between looks at a query; doubled each time that nothing changed."""
PAUSE_SECONDS_MAX = 30.0
"""The longest pause."""
DAY_SECONDS = 86_400


class Query:
    """A query on the ledger, of which ``Client.open`` and ``Client.query`` give one."""

    def __init__(
        self,
        query: str,
        node: Node,
        locus: Locus,
        reading: Reading,
        members: Sequence[str] = (),
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Looks nothing up yet. ``clock`` measures waiting; ``now`` is seconds since 1970-01-01T00:00:00Z."""
        self._id = checked_id("query", query)
        self._node = node
        self._locus = locus
        self._reading = reading
        self._members = tuple(members)
        self._sleep = sleep
        self._clock = clock
        self._now = now

    def __repr__(self) -> str:
        """The id."""
        return f"<locus.Query {self._id}>"

    @property
    def id(self) -> str:
        """The query's id."""
        return self._id

    def status(self) -> QueryStatus:
        """Where the query stands, as the node says. :meth:`result` trusts no node.

        Raises:
            UnknownError: When the node knows no such query.
            UnreachableError: When it does not answer.
        """
        return decode(QueryStatus, self._node.get(f"/v1/queries/{self._id}"), "query")

    def seal(self) -> QueryStatus:
        """Freezes the query's contributions. A query below its minimum is refunded instead.

        Raises:
            CommandError: When it is not full, its closing day has not passed, and the chain allows no earlier sealing.
        """
        self._locus.signed("query seal", self._id)
        return self.status()

    def aggregate(self, members: Sequence[str] | None = None) -> QueryStatus:
        """Adds up a sealed query's ciphertexts and has the committee sign the sum. Anybody may; it takes no secret.

        Args:
            members: Addresses of the committee members' endpoints, in their order; those of the client without it.

        Raises:
            InputError: Without an address.
            CommandError: When too few members sign.
        """
        addresses = self._members if members is None else tuple(members)
        if not addresses:
            raise InputError("adding up takes the committee's addresses: give Client(..., members=[URL, ...])")
        self._locus.signed("aggregate", f"--members={','.join(addresses)}", self._id)
        return self.status()

    def refund(self) -> QueryStatus:
        """Takes the escrow of a query back that missed a deadline.

        Raises:
            CommandError: When it missed none.
        """
        self._locus.signed("query refund", self._id)
        return self.status()

    def wait(self, until: Stage = Stage.RELEASED, timeout: float | None = None) -> QueryStatus:
        """Waits until the query is in a stage or beyond; does nothing for it.

        Args:
            until: The stage.
            timeout: Seconds; none to wait for ever.

        Raises:
            InputError: For the stage of a refund.
            WaitTimeoutError: When the time is over. Call again to go on.
            QueryRefundedError: When the query ended without a result.
        """
        if until not in ORDER:
            raise InputError(f"waiting ends at {', '.join(ORDER)}; not at {until}")
        for status in self._looks(timeout):
            if ORDER.index(status.stage) >= ORDER.index(until):
                return status
        raise AssertionError("looks end with an error")

    @overload
    def run(self, wait: Literal[True] = True, timeout: float | None = None) -> Result: ...

    @overload
    def run(self, wait: bool, timeout: float | None = None) -> Result | None: ...

    def run(self, wait: bool = True, timeout: float | None = None) -> Result | None:
        """Takes the query to its result, and reads it. Interrupt it and call it again, as often as you like.

        Seals the query once it is full or its closing day has passed, and adds it up where the client knows the
        committee's addresses; others may do both first. Nothing here opens a query or spends privacy.

        Args:
            wait: Whether to wait for others; without it, none is returned when there is no result yet.
            timeout: Seconds to wait; none to wait for ever.

        Raises:
            WaitTimeoutError: When the time is over.
            QueryRefundedError: When the query ended without a result.
            CommandError: When a step is refused.
        """
        for status in self._looks(timeout if wait else None):
            if status.stage is Stage.RELEASED:
                return self.result()
            if not self._advance(status) and not wait:
                return None
        raise AssertionError("looks end with an error")

    def result(self, weights: str | os.PathLike[str] | None = None) -> Result:
        """Decrypts a released query's result with the researcher's key, and writes receipt and table.

        Args:
            weights: A scoring file of the PGS Catalog: mean polygenic scores of the released allele frequencies are then
                among the analyses and rows. It asks nobody and spends no privacy.

        Raises:
            CommandError: When it is not released, or is another researcher's, or the weights are refused.
            InputError: When the weights cannot be read.
        """
        return self._reading.result(self._id, None if weights is None else Path(weights).absolute())

    def _looks(self, timeout: float | None) -> Iterator[QueryStatus]:
        """The query's status, again and again, with growing pauses where nothing changes."""
        deadline = None if timeout is None else self._clock() + timeout
        before, pause = None, PAUSE_SECONDS
        while True:
            status = self.status()
            if status.stage is Stage.REFUNDED:
                # Whoever believes it asks, and pays, again: no node's word is enough.
                status = self._locus.query(self._id)
            if status.stage is Stage.REFUNDED:
                raise QueryRefundedError(self._id, str(status.status.get("reason")))
            yield status
            if status != before:
                before, pause = status, PAUSE_SECONDS
            if deadline is not None:
                left = deadline - self._clock()
                if left <= 0:
                    raise WaitTimeoutError(self._id, status.stage.value, timeout or 0.0)
                pause = min(pause, left)
            self._sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)

    def _advance(self, status: QueryStatus) -> bool:
        """Does what can be done for a query now, and says whether it did."""
        try:
            if status.stage is Stage.COLLECTING and self._closes_as_proven(status):
                self.seal()
            elif status.stage is Stage.SEALED and self._members:
                self.aggregate()
            else:
                return False
        except CommandError:
            # Somebody else may have done it in between, which is as good.
            if self.status().stage is status.stage:
                raise
        return True

    def _closes(self, status: QueryStatus) -> bool:
        """Whether a query is full, or its closing day has passed on this machine and on the chain."""
        if status.surviving >= int(status.query["contributions_max"]):
            return True
        head = decode(Head, self._node.get("/v1/head"), "head")
        return min(head.time, self._now()) // DAY_SECONDS > int(status.query["closing"])

    def _closes_as_proven(self, status: QueryStatus) -> bool:
        """Whether the chain proves that a query closes. Where sealing early is allowed, a node that lies could
        otherwise have contributors shut out.
        """
        return self._closes(status) and self._closes(self._locus.query(self._id))
