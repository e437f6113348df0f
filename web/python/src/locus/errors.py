"""Why something was refused or did not work, as types.

A node answers with problem documents (RFC 9457), each a :class:`ProblemError`. The ``locus`` binary answers
``{"error": ...}``, a :class:`CommandError`. The rest is found here. All derive from :class:`LocusError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class LocusError(Exception):
    """Anything that this package raises on purpose."""


class InputError(LocusError):
    """What was given is not what the method takes; the message says what it takes."""


class UnreachableError(LocusError):
    """The node did not answer, after every try that is allowed."""


class ReplyError(LocusError):
    """The node or the binary answered something that its documentation does not say."""


class BinaryNotFoundError(LocusError):
    """The ``locus`` binary is neither where ``LOCUS_BINARY`` says nor on the ``PATH``."""


class CommandError(LocusError):
    """The ``locus`` binary refused or failed.

    Attributes:
        command: The subcommand, such as ``query open``.
        why: What the binary says: the input, the place and the remedy.
        exit_code: Its exit code; negative for the signal that ended it.
    """

    def __init__(self, command: str, why: str, exit_code: int) -> None:
        """Keeps what the binary said."""
        super().__init__(f"locus {command}: {why}")
        self.command = command
        self.why = why
        self.exit_code = exit_code


class ReceiptRefusedError(CommandError):
    """A receipt does not verify, or is of another chain. The result that it comes with is not to be believed."""


class ProblemError(LocusError):
    """A node's problem document (RFC 9457).

    Attributes:
        kind: Which problem, such as ``/problems/unknown``: its ``type``.
        title: The problem in general.
        status: The HTTP status.
        detail: This occurrence: the input, the place and the remedy.
    """

    slug: ClassVar[str] = ""

    def __init__(self, kind: str, title: str, status: int, detail: str) -> None:
        """Keeps the document's members."""
        super().__init__(f"{detail} ({status}, {title})")
        self.kind = kind
        self.title = title
        self.status = status
        self.detail = detail

    @staticmethod
    def of(kind: str, title: str, status: int, detail: str) -> ProblemError:
        """The problem as its own type; a :class:`ProblemError` itself for one that this release does not know."""
        known = {problem.slug: problem for problem in ProblemError.__subclasses__()}
        return known.get(kind.rpartition("/")[2], ProblemError)(kind, title, status, detail)


class MalformedError(ProblemError):
    """Something in the request does not decode."""

    slug = "malformed"


class MediaTypeError(ProblemError):
    """The endpoint takes another media type."""

    slug = "media-type"


class TooLargeError(ProblemError):
    """A bound is exceeded."""

    slug = "too-large"


class UnknownError(ProblemError):
    """Nothing on this node has this address or id."""

    slug = "unknown"


class MethodError(ProblemError):
    """The endpoint does not take the method."""

    slug = "method"


class UnsignedError(ProblemError):
    """Nobody signed the request, or not rightly."""

    slug = "unsigned"


class UnauthorizedError(ProblemError):
    """The signer may not do this."""

    slug = "unauthorized"


class ConflictError(ProblemError):
    """It was done before or is out of turn."""

    slug = "conflict"


class RefusedError(ProblemError):
    """A rule of the protocol forbids it."""

    slug = "refused"


class BusyError(ProblemError):
    """The node is full, busy or stopping."""

    slug = "busy"


class UncheckedError(ProblemError):
    """The node lacks what a check needs, for now; the answer's `Retry-After` says when to ask again."""

    slug = "unchecked"


class TooManyError(ProblemError):
    """Too many tries in a short time; the answer's `Retry-After` says when to come back."""

    slug = "too-many"


class RangeError(ProblemError):
    """The range asked for is beyond the end."""

    slug = "range"


class SignedOutError(ProblemError):
    """Nobody is signed in."""

    slug = "signed-out"


class CrossSiteError(ProblemError):
    """Another site may have asked for this."""

    slug = "cross-site"


class IncompleteError(ProblemError):
    """The node lacks the blocks that a listing is made from, or makes its index; ask one that has all, or later."""

    slug = "incomplete"


class QuotaError(ProblemError):
    """The node has no room for uploads."""

    slug = "quota"


class SlowError(ProblemError):
    """The request took the node too long."""

    slug = "slow"


class UpstreamError(ProblemError):
    """Another server failed the node."""

    slug = "upstream"


class InternalError(ProblemError):
    """The node failed; its operator finds the cause in its log."""

    slug = "internal"


class OpeningRefusedError(LocusError):
    """A query was not opened: the ledger would refuse it, or it exceeds a bound that the caller gave. Nothing is spent.

    Attributes:
        reasons: Each reason, in words.
    """

    def __init__(self, reasons: Sequence[str]) -> None:
        """Keeps the reasons."""
        super().__init__("not opened: " + "; ".join(reasons))
        self.reasons = tuple(reasons)


class InterruptedOpeningError(LocusError):
    """An earlier opening was interrupted, and the ledger does not say whether it arrived. Nothing was opened again."""


class RunInProgressError(LocusError):
    """Another process works on the same run."""


class QueryRefundedError(LocusError):
    """The query ended without a result, and its escrow went back.

    Attributes:
        query: The query's id.
        reason: The ledger's reason, such as ``below_minimum``.
    """

    def __init__(self, query: str, reason: str) -> None:
        """Keeps which query and why."""
        super().__init__(f"query {query} was refunded: {reason}; give the question another label to ask it again")
        self.query = query
        self.reason = reason


class WaitTimeoutError(LocusError, TimeoutError):
    """The query did not reach the stage in time. It goes on without its researcher: wait again later.

    Attributes:
        query: The query's id.
        stage: The stage it is in.
    """

    def __init__(self, query: str, stage: str, seconds: float) -> None:
        """Keeps which query and where it stands."""
        super().__init__(f"query {query} is still {stage} after {seconds:.0f} s; call again to go on waiting")
        self.query = query
        self.stage = stage
