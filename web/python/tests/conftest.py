"""A real network to test against: `locus demo` makes it, `locus serve` runs it on."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import locus
from locus.command import binary

PEOPLE = 3
MEMBERS = 4
COMMAND_SECONDS_MAX = 600
LISTING_SECONDS_MAX = 60


def run(*arguments: str | Path) -> Any:
    """What the binary prints with --json."""
    done = subprocess.run(
        [binary(), "--json", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "LOCUS_PASSPHRASE": "three random words"},
        timeout=COMMAND_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@dataclass(frozen=True)
class Town:
    """The demo's network, running on."""

    url: str
    folder: Path
    report: dict[str, Any]
    processes: ExitStack

    @property
    def key(self) -> Path:
        return self.folder / "keys/researcher.key"

    @property
    def receipt(self) -> Path:
        return self.folder / "receipt.json"

    @property
    def released(self) -> str:
        """The query that the demo released."""
        return str(self.report["query"])

    def client(self, **options: Any) -> locus.Client:
        return locus.Client(self.url, data_dir=self.folder, key=self.key, **options)

    def question(self, study: str, **fields: Any) -> dict[str, Any]:
        """A private count of the demo's people by sex, which three of them answer."""
        schema = next(iter(self.client().schemas())).id
        return {
            "study": study,
            "schema": schema,
            "purposes": ["health-research"],
            "criteria": [
                [{"attribute": "superpopulation", "lo": 4, "hi": 4}],
                [{"attribute": "age", "lo": 30, "hi": 65}],
            ],
            "privacy": {"epsilon": 2.0},
            "measures": [{"statistic": "count", "by": [{"attribute": "sex", "cuts": [2]}]}],
            "price": 500,
            "contributions_min": PEOPLE,
            "contributions_max": PEOPLE,
            "days": 7,
            **fields,
        }

    def study(self, title: str) -> str:
        """A new study of the demo's researcher."""
        protocol = self.folder / "protocol.md"
        protocol.write_text("Count people.\n")
        return self.client().register_study(title, protocol=protocol, ethics="none needed: public data")

    def listed(self, study: str, count: int) -> list[str]:
        """The queries of a study, once the node's index has followed the ledger to so many."""
        deadline = time.monotonic() + LISTING_SECONDS_MAX
        while True:
            found = [query.id for query in self.client().queries(study=study)]
            if len(found) >= count or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    def members(self) -> list[str]:
        """Runs the committee's members and gives their addresses."""
        urls = []
        for member in range(MEMBERS):
            store = self.folder / "committee" / str(member)
            options = ("--key", store / "member.key", "--store", store, "--listen", "127.0.0.1:0")
            said = self.start("--url", self.url, "--data-dir", self.folder, "committee", "serve", *options)
            urls.append(str(said["url"]))
        return urls

    def start(self, *arguments: str | Path) -> Any:
        """Starts a server that ends with the tests, and gives what it announces itself with."""
        return serve(self.processes, *arguments)


def serve(processes: ExitStack, *arguments: str | Path) -> Any:
    process = subprocess.Popen(
        [binary(), "--json", *map(str, arguments), "--attached"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    processes.callback(process.wait, 30)
    processes.callback(process.terminate)
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    try:
        binary()
    except locus.BinaryNotFoundError as error:
        pytest.skip(str(error))
    home = tmp_path_factory.mktemp("town")
    report = run("--data-dir", home, "demo", "--people", str(PEOPLE))
    folder = home / "demo"
    with ExitStack() as processes:
        said = serve(processes, "--data-dir", folder, "serve", "--listen", "127.0.0.1:0", "--heartbeat", "1")
        yield Town(said["url"], folder, report, processes)
