"""A real IMAP server (Dovecot) of the test's own, and feeds in service without a Kafka."""

from __future__ import annotations

import asyncio
import getpass
import imaplib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agents.intake.formats import understood
from streams.connectors.feed import Feed, Inlet, Kind, Terms
from streams.connectors.keeping import Keeper
from streams.connectors.line_records import LineRecord
from streams.kafka import tether
from streams.kafka.ports import free_port
from tests.acceptance.program import wait_for

PROGRAM = shutil.which("dovecot") or "/usr/sbin/dovecot"
USER, PASSWORD = "support@shop.example", "hunter2"

_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
first_valid_uid = 1
first_valid_gid = 1
ssl = {ssl}
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
auth_failure_delay = 0
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={folder}/mail/%u
}}
protocol imap {{
  imap_capability = {capability}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
}}
"""


def certificate(folder: Path, host: str | None = None) -> tuple[Path, Path]:
    """A certificate that vouches for itself, for a host, else for 127.0.0.1, and its key: files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.shop.example")])
    now = datetime.now(UTC)
    whom = x509.DNSName(host) if host else x509.IPAddress(ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([whom]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


class Dovecot:
    """An IMAP server on loopback, with one user. `capability`: that it names besides; empty: all it has."""

    def __init__(self, folder: Path, *, capability: str = "") -> None:
        assert Path(PROGRAM).exists(), "there is no Dovecot: `make mailserver`, or install dovecot-imapd by hand"
        self.folder = folder
        self.port, self.tls_port = free_port(), free_port()
        self.certificate, _ = certificate(folder)
        self._process: subprocess.Popen[bytes] | None = None
        is_root = os.getuid() == 0
        us = getpass.getuser()
        (folder / "mail").mkdir()
        if is_root:
            # Dovecot lets root read no mail.
            shutil.chown(folder / "mail", "nobody")
        (folder / "dovecot.conf").write_text(
            _CONFIG.format(
                folder=folder,
                internal=us,
                internal_group=_group(os.getgid()),
                login="nobody" if is_root else us,
                mail_user="nobody" if is_root else os.getuid(),
                mail_group="nogroup" if is_root else os.getgid(),
                ssl="yes",
                password=PASSWORD,
                capability=capability,
                port=self.port,
                tls_port=self.tls_port,
            )
        )

    def __enter__(self) -> Dovecot:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it (again)."""
        config = self.folder / "dovecot.conf"
        self._process = subprocess.Popen(
            [sys.executable, tether.__file__, str(os.getpid()), PROGRAM, "-F", "-c", str(config)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for(self._answers, "Dovecot listening")

    def stop(self) -> None:
        """End it, and the connections that it has."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)
        # Those that serve a connection would stay a while.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    @contextmanager
    def as_user(self) -> Iterator[imaplib.IMAP4]:
        """A mail program of the user."""
        with imaplib.IMAP4("127.0.0.1", self.port) as client:
            client.login(USER, PASSWORD)
            yield client

    def deliver(self, *mails: bytes, mailbox: str = "INBOX") -> None:
        """Put mails in a mailbox."""
        with self.as_user() as client:
            client.create(mailbox)
            for mail in mails:
                kind, said = client.append(mailbox, "", imaplib.Time2Internaldate(1_792_490_325), mail)
                assert kind == "OK", said

    def number_anew(self) -> None:
        """Give the mails other UIDs, under another UIDVALIDITY. It must be stopped."""
        for pattern in ("dovecot-uidlist*", "dovecot-uidvalidity*", "dovecot.index*", "dovecot.list.index*"):
            for path in (self.folder / "mail").rglob(pattern):
                path.unlink()
        # A UIDVALIDITY is the second in which it was made.
        time.sleep(1.1)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                return connection.recv(4) == b"* OK"
        except OSError:
            return False


@contextmanager
def dovecot(*, capability: str = "") -> Iterator[Dovecot]:
    """A server in a folder of its own, where the user who reads mail may go."""
    with tempfile.TemporaryDirectory(prefix="dovecot-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        with Dovecot(folder, capability=capability) as server:
            yield server


class Shelf:
    """Takes records instead of Kafka, unless it is away."""

    def __init__(self) -> None:
        self.records: list[LineRecord] = []
        self.away = False

    async def send(self, record: LineRecord) -> asyncio.Future[object]:
        if self.away:
            raise OSError("nobody is there")
        self.records.append(record)
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def close(self) -> None:
        pass

    @property
    def mails(self) -> list[bytes]:
        return [record.value for record in self.records]

    async def has(self, n: int, seconds: float = 30.0) -> None:
        """Wait until it has so many records."""
        await until(lambda: len(self.records) >= n, f"{n} records", seconds)


async def until(claim: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait until it holds; an AssertionError says what did not come true."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running(kind: Kind, terms: Terms, shelf: Shelf) -> AsyncIterator[Feed]:
    """A feed in service, and its spool; at the end it must be over within a few seconds."""
    terms.folder.mkdir(parents=True, exist_ok=True)
    keeper = Keeper(shelf, terms.folder, [terms.source])
    await keeper.open()
    inlet = Inlet(kind.name, terms.source, understood()[kind.format], keeper, comes_again=kind.comes_again)
    feed = kind.make(terms, inlet)
    task, draining = asyncio.create_task(feed.run()), asyncio.create_task(keeper.run())
    try:
        yield feed
        assert not task.done(), task.result()
    finally:
        task.cancel()
        draining.cancel()
        begun = time.monotonic()
        await asyncio.wait({task, draining}, timeout=30)
        await keeper.close()
    assert time.monotonic() - begun < 6.0, "it ended late"


def _group(number: int) -> str:
    import grp

    return grp.getgrgid(number).gr_name
