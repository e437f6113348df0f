"""Calls of the ``locus`` binary: all cryptography is its own. It checks what the node says against the chain."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import BinaryNotFoundError, CommandError, InputError, ReceiptRefusedError, ReplyError
from .models import Account, Json, QueryStatus, VerifiedReceipt, VerifiedScreeningReceipt, decode

BINARY_VARIABLE = "LOCUS_BINARY"
"""Environment variable with the path of the binary."""

_LOG = logging.getLogger("locus")
_ID = re.compile("[0-9a-f]{64}")


def checked_id(what: str, text: str) -> str:
    """An id, before it becomes a part of an address or of a command.

    Raises:
        InputError: When it is not 64 hex digits.
    """
    if not _ID.fullmatch(text):
        raise InputError(f"{what} {text!r} is not 64 hex digits in lower case")
    return text


def binary() -> Path:
    """The ``locus`` binary: what ``LOCUS_BINARY`` names, or the first on the ``PATH``.

    Raises:
        BinaryNotFoundError: When there is none.
    """
    named = os.environ.get(BINARY_VARIABLE)
    found = shutil.which(named or "locus")
    if found is None:
        where = f"{BINARY_VARIABLE} names {named}, which is no program" if named else "there is no locus on the PATH"
        remedy = f"build it with `cargo build --release` and set {BINARY_VARIABLE} to its path"
        raise BinaryNotFoundError(f"{where}; {remedy}")
    return Path(found).resolve()


class Locus:
    """The binary with the options that each call takes.

    Args:
        url: The node's address; none for what needs no node.
        data_dir: The network's files on this machine; its ``genesis.json`` decides which chain is believed.
        key: The researcher's key file, for what is signed or decrypted.
        passphrase_file: File whose first line unlocks it; otherwise ``LOCUS_PASSPHRASE`` does.
    """

    def __init__(
        self,
        url: str | None = None,
        data_dir: Path | None = None,
        key: Path | None = None,
        passphrase_file: Path | None = None,
    ) -> None:
        """Runs nothing yet."""
        self._key = key
        self._options: list[str] = []
        for name, value in (("url", url), ("data-dir", data_dir), ("passphrase-file", passphrase_file)):
            if value is not None:
                self._options.append(f"--{name}={value}")

    def run(self, command: str, *arguments: str | Path, keep_open: Sequence[int] = ()) -> Any:
        """What a subcommand prints with ``--json``.

        Args:
            command: The subcommand, such as ``query show``.
            arguments: Its arguments.
            keep_open: File descriptors that the process holds until it ends, even when Python ends earlier.

        Raises:
            CommandError: When it fails; :class:`ReceiptRefusedError` for ``verify``.
            BinaryNotFoundError: When there is no binary.
            ReplyError: When it prints no JSON.
        """
        line = [str(binary()), "--json", *self._options, *command.split(), *map(str, arguments)]
        # Which network and which node is this object's to say, not the environment's. Nobody can type a passphrase in
        # a notebook: without a terminal the binary says so instead of waiting.
        environment = {name: value for name, value in os.environ.items() if name not in ("LOCUS_URL", "LOCUS_DATA_DIR")}
        done = subprocess.run(
            line,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            pass_fds=keep_open,
            start_new_session=True,
            check=False,
        )
        answer = _json(done.stdout)
        said = done.stderr.decode(errors="replace").strip()
        if done.returncode == 0 and answer is not None:
            if said:
                # Such as the chain id of a first contact, which people compare.
                _LOG.warning("%s", said)
            return answer
        why = answer.get("error") if isinstance(answer, dict) else None
        if done.returncode == 0:
            raise ReplyError(f"locus {command} printed no JSON; is {line[0]} the Locus binary?")
        refused = ReceiptRefusedError if command == "verify" else CommandError
        raise refused(command, str(why or said), done.returncode)

    def signed(self, command: str, *arguments: str | Path, keep_open: Sequence[int] = ()) -> Any:
        """What a subcommand that takes the researcher's key prints.

        Raises:
            InputError: When no key was given.
            CommandError, BinaryNotFoundError, ReplyError: As :meth:`run`.
        """
        return self.run(command, f"--key={self.key()}", *arguments, keep_open=keep_open)

    def key(self) -> Path:
        """The researcher's key file.

        Raises:
            InputError: When none was given.
        """
        if self._key is None:
            raise InputError("this takes the researcher's key: give Client(..., key=FILE)")
        return self._key

    def own_account(self) -> str:
        """The account of the researcher's key."""
        shown = self.run("keys show", self.key())
        if not isinstance(shown, dict) or not isinstance(shown.get("account"), str):
            raise ReplyError("locus keys show names no account")
        return str(shown["account"])

    def chain(self) -> str:
        """The id of the chain that the node must hold: the genesis's, or that of the first contact."""
        shown = self.run("network show")
        if not isinstance(shown, dict) or not isinstance(shown.get("chain"), str):
            raise ReplyError("locus network show names no chain")
        return str(shown["chain"])

    def account(self, account: str) -> Account:
        """An account, proven against the chain."""
        return decode(Account, self.run("account show", checked_id("account", account)), "account")

    def query(self, query: str) -> QueryStatus:
        """A query, proven against the chain."""
        shown = self.run("query show", checked_id("query", query))
        return decode(QueryStatus, shown.get("state") if isinstance(shown, dict) else None, "query.state")


def verify_receipt(
    path: str | os.PathLike[str], *, chain: str | None = None, blobs: str | os.PathLike[str] | None = None
) -> VerifiedReceipt:
    """Checks a result offline, from its receipt: needs no node, no key and no network.

    Args:
        path: The receipt file.
        chain: The chain id that it must be of. Without it, compare the one returned with what your consortium
            published: anyone can found a chain.
        blobs: Folder of blobs, for a receipt too large to hold its ciphertexts.

    Raises:
        ReceiptRefusedError: When it does not verify; it names the rule.
        InputError: When it is of a screening.
        BinaryNotFoundError: When there is no ``locus`` binary.
    """
    verified = _verified(path, chain, blobs)
    if "screening" in verified:
        raise InputError("the receipt is of a screening; verify_screening_receipt reads it")
    return decode(VerifiedReceipt, verified, "receipt")


def verify_screening_receipt(path: str | os.PathLike[str], *, chain: str | None = None) -> VerifiedScreeningReceipt:
    """Checks offline how many certified people are eligible for a screening, from the receipt that
    ``locus screening receipt`` wrote: needs no node, no key and no network.

    Args:
        path: The receipt file.
        chain: As for :func:`verify_receipt`.

    Raises:
        ReceiptRefusedError: When it does not verify; it names the rule.
        InputError: When it is of a query's result.
        BinaryNotFoundError: When there is no ``locus`` binary.
    """
    verified = _verified(path, chain, None)
    if "screening" not in verified:
        raise InputError("the receipt is of a query's result; verify_receipt reads it")
    return decode(VerifiedScreeningReceipt, verified, "receipt")


def _verified(path: str | os.PathLike[str], chain: str | None, blobs: str | os.PathLike[str] | None) -> Json:
    options: list[str | Path] = []
    if chain is not None:
        options += ["--chain", checked_id("chain", chain)]
    if blobs is not None:
        options += ["--blobs", os.path.abspath(blobs)]
    verified = Locus().run("verify", os.path.abspath(path), *options)
    if not isinstance(verified, dict):
        raise ReplyError("locus verify printed no object; is the binary of a release that this package knows?")
    return verified


def _json(output: bytes) -> Any:
    try:
        return json.loads(output)
    except ValueError:
        return None
