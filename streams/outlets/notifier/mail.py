"""Mail by SMTP: plain text, one thread an episode."""

import asyncio
import contextlib
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from streams.outlets.notifier.answers import Answer, Outgoing
from streams.outlets.notifier.message import SUBJECT
from streams.outlets.notifier.words import one_line
from streams.sections import Receiver

TIMEOUT = 30.0
FAREWELL = 2.0


class Mail:
    """Sends to the addresses of one receiver, over a connection of its own for each message."""

    def __init__(self, receiver: Receiver) -> None:
        host, _, port = (receiver.server or "").rpartition(":")
        self._host, self._port = host, int(port)
        self._receiver = receiver

    async def send(self, outgoing: Outgoing, now: datetime) -> Answer:
        """One try. Sent is what the server has taken for one of the addresses at least."""
        mail = mail_of(outgoing, self._receiver.sender or "", self._receiver.to, now)
        secret, security = self._receiver.password, self._receiver.security
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._receiver.username,
            password=secret.get_secret_value() if secret else None,
            use_tls=security == "tls",
            start_tls=security == "starttls",
            timeout=TIMEOUT,
        )
        try:
            async with asyncio.timeout(TIMEOUT):
                await client.connect()
                refused, said = await client.send_message(
                    mail, sender=self._receiver.sender, recipients=list(self._receiver.to)
                )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [each.code for each in error.recipients]
            return _refusal(min(codes, default=550), f"all {len(codes)} addresses refused")
        except aiosmtplib.SMTPResponseException as error:
            return _refusal(error.code, error.message)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return Answer(outcome="retry", reason="timeout", detail=f"no answer within {TIMEOUT:g} s")
        except (aiosmtplib.SMTPException, OSError) as error:
            return Answer(outcome="retry", reason="unreachable", detail=f"not reached: {type(error).__name__}")
        finally:
            await _leave(client)
        missed = f"; {len(refused)} of {len(self._receiver.to)} addresses refused" if refused else ""
        return Answer(outcome="sent", reason="", detail=f"SMTP 250 {one_line(said, 150)}{missed}")

    async def close(self) -> None:
        """There is nothing to close."""


def mail_of(outgoing: Outgoing, sender: str, to: tuple[str, ...], now: datetime) -> EmailMessage:
    """The mail. Its Message-ID is the message's id at the sender's domain; later ones refer to the first."""
    domain = sender.rpartition("@")[2]
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = one_line(outgoing.message.subject, SUBJECT)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{outgoing.id}@{domain}>"
    if outgoing.thread is not None:
        mail["In-Reply-To"] = f"<{outgoing.thread}@{domain}>"
        mail["References"] = f"<{outgoing.thread}@{domain}>"
    mail["List-Id"] = f"Floorwalker alerts <alerts.floorwalker.{domain}>"
    # No out-of-office answers.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["X-Floorwalker-Alert"] = one_line(outgoing.alert.id, 100)
    mail["X-Floorwalker-Type"] = outgoing.type
    mail.set_content(outgoing.message.text)
    return mail


def _refusal(code: int, words: str) -> Answer:
    return Answer(
        outcome="failed" if 500 <= code < 600 else "retry",
        reason=f"{code // 100}xx" if 200 <= code < 600 else "protocol",
        detail=f"SMTP {code} {one_line(words, 150)}",
    )


async def _leave(client: aiosmtplib.SMTP) -> None:
    # What was answered stands, whatever becomes of the farewell.
    with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(FAREWELL):
            if client.is_connected:
                await client.quit()
    client.close()
