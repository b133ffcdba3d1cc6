"""A connection to one mailbox of an IMAP server. It reads and never changes anything.

Sources: RFC 3501 and 9051 (IMAP), RFC 2177 (IDLE), Google's and Microsoft's pages on XOAUTH2.
"""

import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import NamedTuple

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from schemas.instants import to_ms
from schemas.topics import LARGEST_RECORD
from streams.connectors.feed import FeedBroken, Terms
from streams.connectors.lines import HEAD

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
REFUSED_SECONDS = 120.0
"""Seconds until credentials that were refused are tried again: servers lock accounts that are tried too often."""

_WINDOW = 50_000
_LONGEST_MESSAGE = 200
_MOST_NAMES = 20


class Opened(NamedTuple):
    """A mailbox as it was opened. `validity`: UIDVALIDITY; `following`: UIDNEXT."""

    validity: int
    following: int


class Found(NamedTuple):
    """A mail in a mailbox. `size`: bytes, as the server says; `received`: INTERNALDATE, ms, where it is a date."""

    uid: int
    size: int
    received: int | None


class Connection:
    """One connection. Its methods block, and are called one at a time; only `cut` may be called meanwhile. They raise
    FeedBroken and OSError."""

    def __init__(self, terms: Terms, mailbox: str) -> None:
        self._terms = terms
        self._mailbox = mailbox
        self._cut = threading.Event()
        self._client: IMAPClient | None = None
        self._idles = False
        self._following = 1

    def open(self) -> Opened:
        """Connect, log in and open the mailbox, to read only."""
        with _understood("the server was not understood"):
            self._connect()
            self._log_in()
            client = self._connected
            self._idles = client.has_capability("IDLE")
            try:
                answer = client.select_folder(self._mailbox, readonly=True)
            except IMAPClientAbortError:
                raise
            except IMAPClientError:
                raise FeedBroken(f"no mailbox {self._mailbox!r} can be opened; there are: {self._names()}") from None
            self._following = answer.get(b"UIDNEXT") or max(client.search("UID *"), default=0) + 1
            return Opened(answer.get(b"UIDVALIDITY", 0), self._following)

    def after(self, uid: int) -> list[int]:
        """UIDs behind this one in order; not always all of them, but none only where there are no more."""
        low = uid + 1
        with _understood("mails were not found"):
            while low + _WINDOW < self._following:
                if found := self._search(f"{low}:{low + _WINDOW - 1}", low):
                    return found
                low += _WINDOW
            while True:
                self._news()
                # Where nothing is new, the server answers with the last one there is.
                found = self._search(f"{low}:*", low)
                if found or not self._news():
                    return found

    def described(self, uids: Sequence[int]) -> list[Found]:
        """Those of these mails that are still there, in order."""
        with _understood("mails were not described"):
            answer = self._connected.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"])
        return [
            Found(uid, answer[uid].get(b"RFC822.SIZE", 0), _ms(answer[uid].get(b"INTERNALDATE")))
            for uid in sorted(answer)
        ]

    def mail(self, found: Found) -> bytes | None:
        """A mail's bytes; of one that is too large for a record its head. None: it is no longer there."""
        # A server may be mistaken about sizes.
        most = HEAD if found.size > LARGEST_RECORD else LARGEST_RECORD + 1
        with _understood("a mail was not understood"):
            try:
                answer = self._connected.fetch([found.uid], [f"BODY.PEEK[]<0.{most}>"])
            # Some servers hang up instead of saying so.
            except IMAPClientError as error:
                message = f"mail {found.uid} of {self._mailbox!r} was not handed out: {error}"
                raise FeedBroken(message[:_LONGEST_MESSAGE]) from None
        parts = [value for name, value in answer.get(found.uid, {}).items() if name.startswith(b"BODY[]")]
        return (parts[0] or b"") if parts else None

    def wait(self, seconds: float) -> None:
        """Until the server says that something changed, but so many seconds at most."""
        client = self._connected
        with _understood("the server was not understood"):
            if self._idles:
                client.idle()
                if not self._is_told():
                    client.idle_check(timeout=seconds)
                client.idle_done()
            elif not self._cut.wait(seconds):
                client.noop()

    def cut(self) -> None:
        """End the connection, whatever is under way."""
        self._cut.set()
        if self._client is not None:
            with suppress(OSError):
                # The encrypted socket's own method would take its state away from under a call that reads.
                socket.socket.shutdown(self._client.socket(), socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the socket, where no call is under way."""
        if self._client is not None:
            with suppress(OSError, IMAPClientError):
                self._client.shutdown()

    @property
    def _connected(self) -> IMAPClient:
        if self._client is None or self._cut.is_set():
            raise FeedBroken("the connection is closed")
        return self._client

    def _connect(self) -> None:
        terms = self._terms
        # Made for `none` too, so that a file that is not there is told in any case.
        context = ssl.create_default_context(cafile=terms.settings.get("ca"))
        client = IMAPClient(
            terms.host,
            terms.port,
            ssl=terms.security == "tls",
            ssl_context=context,
            timeout=SocketTimeout(CONNECT_SECONDS, READ_SECONDS),
        )
        client.normalise_times = False
        self._client = client
        if self._cut.is_set():
            self.close()
        if terms.security == "starttls":
            self._connected.starttls(context)

    def _log_in(self) -> None:
        terms, client = self._terms, self._connected
        user = terms.secret("user")
        try:
            if "token" in terms.secrets:
                said = f"user={user}\1auth=Bearer {terms.secret('token')}\1\1"
                # A refusal is a challenge, to be answered by nothing.
                client.sasl_login("XOAUTH2", lambda challenge: b"" if challenge else said.encode())
            else:
                password = terms.secret("password")
                # LOGIN has no way to send other letters.
                (client.login if (user + password).isascii() else client.plain_login)(user, password)
        except IMAPClientAbortError:
            raise FeedBroken("the connection was closed before it was logged in") from None
        except IMAPClientError:
            what = "token" if "token" in terms.secrets else "password"
            raise FeedBroken(f"the server refuses user and {what}", wait=REFUSED_SECONDS) from None
        except ValueError:
            raise FeedBroken("user or password has letters that cannot be sent", wait=REFUSED_SECONDS) from None

    def _search(self, uids: str, low: int) -> list[int]:
        return sorted(uid for uid in self._connected.search(f"UID {uids}") if uid >= low)

    def _news(self) -> bool:
        """Whether the server has said since that there are more mails, which it says only once."""
        _, data = self._connected._imap.response("EXISTS")
        return any(each is not None for each in data)

    def _is_told(self) -> bool:
        """Whether what the server said was read from the socket already, so that waiting for it would be in vain."""
        socket_ = self._connected.socket()
        socket_.setblocking(False)
        try:
            return bool(self._connected._imap.file.peek(1))
        except ssl.SSLWantReadError:
            return False
        finally:
            socket_.settimeout(READ_SECONDS)

    def _names(self) -> str:
        names: Iterable[object] = ()
        with suppress(IMAPClientError, OSError, ValueError):
            names = [name for _, _, name in self._connected.list_folders()]
        return ", ".join(sorted(map(repr, names))[:_MOST_NAMES]) or "none"


@contextmanager
def _understood(what: str) -> Iterator[None]:
    """Raises FeedBroken for what the library finds wrong with a server's answer."""
    try:
        yield
    except FeedBroken:
        raise
    except IMAPClientAbortError:
        raise FeedBroken("the connection was closed") from None
    except (IMAPClientError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise FeedBroken(f"{what}: {error}"[:_LONGEST_MESSAGE]) from None


def _ms(date: object) -> int | None:
    if not isinstance(date, datetime) or date.tzinfo is None:
        return None
    try:
        return to_ms(date)
    # A zone may be days away.
    except ValueError:
        return None
