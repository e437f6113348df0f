"""Ask cohort queries of a Locus network and read their results.

    import locus

    client = locus.Client("http://127.0.0.1:8480", key="researcher.key")
    print(client.plan("query.json"))
    result = client.open("query.json", escrow_max=100_000).run(timeout=3600)
    result.to_dataframe()
    locus.verify_receipt(result.receipt)

Reading is over a node's HTTP API. All cryptography is done by the ``locus`` binary, which ``LOCUS_BINARY`` or the
``PATH`` names. docs/guide/python.md is the guide.
"""

from .client import Client, Question
from .command import verify_receipt, verify_screening_receipt
from .errors import (
    BinaryNotFoundError,
    BusyError,
    CommandError,
    ConflictError,
    CrossSiteError,
    IncompleteError,
    InputError,
    InternalError,
    InterruptedOpeningError,
    LocusError,
    MalformedError,
    MediaTypeError,
    MethodError,
    OpeningRefusedError,
    ProblemError,
    QueryRefundedError,
    QuotaError,
    RangeError,
    ReceiptRefusedError,
    RefusedError,
    ReplyError,
    RunInProgressError,
    SignedOutError,
    SlowError,
    TooLargeError,
    TooManyError,
    UnauthorizedError,
    UncheckedError,
    UnknownError,
    UnreachableError,
    UnsignedError,
    UpstreamError,
    WaitTimeoutError,
)
from .models import (
    Account,
    Block,
    Check,
    Expectation,
    Head,
    Health,
    ListedQuery,
    Party,
    Plan,
    Privacy,
    QueryStatus,
    Schema,
    Stage,
    Study,
    VerifiedReceipt,
    VerifiedScreeningReceipt,
)
from .node import Retry
from .query import Query
from .result import Figures, Result, Row, Spent

__version__ = "0.1.0"

__all__ = [
    "Account",
    "BinaryNotFoundError",
    "Block",
    "BusyError",
    "Check",
    "Client",
    "CommandError",
    "ConflictError",
    "CrossSiteError",
    "Expectation",
    "Figures",
    "Head",
    "Health",
    "IncompleteError",
    "InputError",
    "InternalError",
    "InterruptedOpeningError",
    "ListedQuery",
    "LocusError",
    "MalformedError",
    "MediaTypeError",
    "MethodError",
    "OpeningRefusedError",
    "Party",
    "Plan",
    "Privacy",
    "ProblemError",
    "Query",
    "QueryRefundedError",
    "QueryStatus",
    "Question",
    "QuotaError",
    "RangeError",
    "ReceiptRefusedError",
    "RefusedError",
    "ReplyError",
    "Result",
    "Retry",
    "Row",
    "RunInProgressError",
    "Schema",
    "SignedOutError",
    "SlowError",
    "Spent",
    "Stage",
    "Study",
    "TooLargeError",
    "TooManyError",
    "UnauthorizedError",
    "UncheckedError",
    "UnknownError",
    "UnreachableError",
    "UnsignedError",
    "UpstreamError",
    "VerifiedReceipt",
    "VerifiedScreeningReceipt",
    "WaitTimeoutError",
    "__version__",
    "verify_receipt",
    "verify_screening_receipt",
]
