"""What is tried again, and what is made of answers that no Locus node gives."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import locus
from locus.models import ListedQuery
from locus.node import Node

PROBLEM = "application/problem+json"
BUSY = (503, PROBLEM, b'{"type":"/problems/busy","title":"The server is busy","status":503,"detail":"try later"}')
EMPTY = (200, "application/json", b'{"items":[],"next":null}')


class Script:
    """A server that gives the answers of a list, one for each request, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str, bytes]] = []
        self.asked: list[str] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                script.asked.append(f"{self.command} {self.path}")
                status, kind, body = script.answers.pop(0)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.slept: list[float] = []
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.node = Node(url, retry=locus.Retry(tries=3, pause=1.0, pause_max=1.5), sleep=self.slept.append)


@pytest.fixture
def script() -> Iterator[Script]:
    made = Script()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def test_a_read_is_tried_again_while_the_node_is_busy(script: Script) -> None:
    script.answers = [BUSY, (502, "text/html", b"bad gateway"), EMPTY]
    assert script.node.get("/v1/queries") == {"items": [], "next": None}
    assert len(script.asked) == 3
    assert 0.5 <= script.slept[0] <= 1.0 and 0.75 <= script.slept[1] <= 1.5


def test_a_read_is_tried_a_bounded_number_of_times(script: Script) -> None:
    script.answers = [BUSY] * 9
    with pytest.raises(locus.BusyError, match="try later"):
        script.node.get("/health")
    assert len(script.asked) == 3


def test_a_refusal_is_not_tried_again(script: Script) -> None:
    body = b'{"type":"/problems/unknown","title":"Nothing here","status":404,"detail":"query aa is not known"}'
    script.answers = [(404, PROBLEM, body)]
    with pytest.raises(locus.UnknownError) as refused:
        script.node.get("/v1/queries/aa")
    assert (refused.value.status, refused.value.detail) == (404, "query aa is not known")
    assert script.slept == []


def test_what_is_no_read_is_sent_once(script: Script) -> None:
    script.answers = [BUSY] * 9
    with pytest.raises(locus.BusyError):
        script.node.post("/v1/plans", {})
    assert script.asked == ["POST /v1/plans"]


def test_a_node_that_is_not_there_is_unreachable(script: Script) -> None:
    slept: list[float] = []
    node = Node("http://127.0.0.1:1", retry=locus.Retry(tries=2), sleep=slept.append)
    with pytest.raises(locus.UnreachableError, match="does not answer"):
        node.get("/health")
    assert len(slept) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "127.0.0.1:8480", "ftp://node", "http://"])
def test_an_address_that_is_not_http_is_refused(url: str) -> None:
    with pytest.raises(locus.InputError, match="http"):
        locus.Client(url)


ROW = {"sequence": 1, "id": "aa", "study": "bb", "researcher": "cc", "stage": "sealed", "admitted": 2, "surviving": 2}


def page(rows: list[dict[str, object]], following: object) -> tuple[int, str, bytes]:
    return (200, "application/json", json.dumps({"items": rows, "next": following}).encode())


def test_pages_are_asked_for_one_after_the_other(script: Script) -> None:
    script.answers = [page([ROW], 7), page([{**ROW, "new": "field"}], None)]
    rows = script.node.pages(ListedQuery, "/v1/queries", 1, stage=locus.Stage.SEALED)
    assert next(rows).stage is locus.Stage.SEALED
    assert script.asked == ["GET /v1/queries?limit=1&stage=sealed"]
    assert len(list(rows)) == 1
    assert script.asked[1] == "GET /v1/queries?limit=1&after=7&stage=sealed"


@pytest.mark.parametrize(
    "answer",
    [
        [page([ROW], 7), page([ROW], 7)],
        [page([], 7)],
        [page([{**ROW, "admitted": "2"}], None)],
        [page([{**ROW, "admitted": True}], None)],
        [page([{**ROW, "stage": "lost"}], None)],
        [page([{"id": "aa"}], None)],
        [(200, "application/json", b"[]")],
        [(200, "text/html", b"<html>")],
        [(404, "text/html", b"<html>")],
    ],
)
def test_an_answer_that_no_node_gives_is_refused(script: Script, answer: list[tuple[int, str, bytes]]) -> None:
    script.answers = answer
    with pytest.raises(locus.ReplyError):
        list(script.node.pages(ListedQuery, "/v1/queries"))


def test_every_problem_of_the_node_has_its_type() -> None:
    source = Path(__file__).parents[2] / "src/problem.rs"
    if not source.exists():
        pytest.skip("the node's source is not beside this package")
    slugs = set(re.findall(r'\(StatusCode::\w+, "([a-z-]+)"', source.read_text()))
    assert len(slugs) > 10
    assert slugs <= {problem.slug for problem in locus.ProblemError.__subclasses__()}
    assert type(locus.ProblemError.of("/problems/later", "A later problem", 418, "tea")) is locus.ProblemError


def test_without_a_binary_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOCUS_BINARY", str(tmp_path / "absent"))
    with pytest.raises(locus.BinaryNotFoundError, match="LOCUS_BINARY"):
        locus.verify_receipt(tmp_path / "receipt.json")


def test_a_program_that_is_not_locus_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho no JSON\n")
    other.chmod(0o755)
    monkeypatch.setenv("LOCUS_BINARY", str(other))
    with pytest.raises(locus.ReplyError, match="Locus binary"):
        locus.verify_receipt(tmp_path / "receipt.json")


def test_a_screenings_receipt_and_a_results_are_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown = {"chain": "11" * 32, "network": "test", "proving_key": "insecure_seed", "records": 3, "checks": []}
    double = tmp_path / "double"
    monkeypatch.setenv("LOCUS_BINARY", str(double))

    def prints(more: dict[str, object]) -> None:
        double.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(shown | more)}\nEND\n")
        double.chmod(0o755)

    prints({"screening": "22" * 32, "height": 7, "time": 9, "criteria": ["age 18 to 65"]})
    verified = locus.verify_screening_receipt(tmp_path / "eligible.json")
    assert (verified.records, verified.criteria, verified.height) == (3, ("age 18 to 65",), 7)
    with pytest.raises(locus.InputError, match="verify_screening_receipt"):
        locus.verify_receipt(tmp_path / "eligible.json")
    prints({"query": "33" * 32})
    assert locus.verify_receipt(tmp_path / "receipt.json").query == "33" * 32
    with pytest.raises(locus.InputError, match="verify_receipt"):
        locus.verify_screening_receipt(tmp_path / "receipt.json")
