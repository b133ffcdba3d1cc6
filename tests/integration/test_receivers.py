"""`floorwalker receivers`: a test message to one of them, and what it answered, with no Kafka in sight."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.program import floorwalker
from tests.integration.notifier_kit import SECRET, HookSink, MailSink, hook, mailbox


@pytest.fixture
def web() -> Iterator[HookSink]:
    with HookSink() as sink:
        yield sink


def test_a_test_message_is_sent_by_web_and_by_mail_and_says_that_it_is_one(web: HookSink, tmp_path: Path) -> None:
    with MailSink() as post:
        settings = {"receivers": json.dumps([hook(web), mailbox(post)])}
        by_web = floorwalker("receivers", "test", "hook", folder=tmp_path, settings=settings)
        by_mail = floorwalker("receivers", "test", "mail", folder=tmp_path, settings=settings)
    assert (by_web.returncode, by_web.stdout) == (0, "hook: sent (HTTP 204)\n")
    assert (by_mail.returncode, by_mail.stdout) == (0, "mail: sent (SMTP 250 OK)\n")
    (request,) = web.requests
    assert request.is_genuine
    assert request.content["type"] == "floorwalker.test"
    assert post.requests[0].content["Subject"] == "[INFO] Test message to mail: nothing has happened"


def test_a_receiver_that_refuses_or_is_not_there_ends_with_words_and_its_exit_code(
    web: HookSink, tmp_path: Path
) -> None:
    web.behave = lambda _request, _nth: (401, {}, 0.0)
    settings = {"receivers": json.dumps([hook(web)])}
    refused = floorwalker("receivers", "test", "hook", folder=tmp_path, settings=settings)
    assert (refused.returncode, refused.stdout) == (1, "hook: failed (HTTP 401)\n")
    unknown = floorwalker("receivers", "test", "hok", folder=tmp_path, settings=settings)
    assert unknown.returncode == 3
    assert "no receiver 'hok' in the settings; there is: hook" in unknown.stderr


def test_receivers_are_listed_without_their_secrets(web: HookSink, tmp_path: Path) -> None:
    settings = {"receivers": json.dumps([hook(web)])}
    listed = floorwalker("receivers", "list", "--json", folder=tmp_path, settings=settings)
    assert json.loads(listed.stdout) == [{"name": "hook", "kind": "webhook", "severities": ["critical", "warning"]}]
    assert SECRET not in listed.stdout + listed.stderr


def test_a_secret_that_is_no_base64_is_refused_and_not_repeated(web: HookSink, tmp_path: Path) -> None:
    wrong = {**hook(web), "secret": "whsec_not base64 at all!"}
    refused = floorwalker("receivers", "list", folder=tmp_path, settings={"receivers": json.dumps([wrong])})
    assert refused.returncode == 2
    assert "what follows whsec_ is not base64" in refused.stderr
    assert "at all!" not in refused.stdout + refused.stderr
