"""The settings that the demo writes: loaded without a fault, known to the connectors, and a board of all channels."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agents.cli.demo.outside import Outside
from agents.cli.demo.settings_file import ADDRESS, ORDERS, Places, Secrets, settings_text, write_settings
from agents.intake.providers import webhooks
from streams.connectors import feed_settings, secrets
from streams.connectors.feeds import kinds
from streams.outlets.gateway.layout import Layout
from streams.settings import Settings, load_settings
from streams.simulator import sample_plan
from streams.simulator.wires.mailbox import INBOX, SENT

MADE = Secrets(*(f"{name} of these tests" for name in Secrets._fields))


def places(folder: Path) -> Places:
    outside = Outside(MADE)
    return Places(
        folder=folder,
        worker_port=1,
        connect_port=2,
        notifier_port=3,
        board_port=4,
        ami_port=5,
        imap_port=6,
        mail_port=7,
        smtp_port=8,
        hook="http://127.0.0.1:9/hook",
        chat_queue=outside.chat.queue,
        social_queue=outside.social.queue,
        secrets=MADE,
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "floorwalker.toml"
    write_settings(path, places(tmp_path))
    return load_settings(path)


def test_the_file_is_its_owner_s_alone_since_it_holds_all_secrets(tmp_path: Path) -> None:
    path = tmp_path / "floorwalker.toml"
    write_settings(path, places(tmp_path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert all(secret in path.read_text() for secret in MADE)
    assert path.read_text() == settings_text(places(tmp_path))


def test_sources_are_complete_and_told_apart(settings: Settings, tmp_path: Path) -> None:
    assert secrets.faults(settings.hooks, webhooks()) == []
    assert feed_settings.faults(settings.feeds, kinds()) == []
    assert [name for _, name in settings.names_of_sources()] == ["chat", "whatsapp", "pbx", "mail", "mailbox"]
    assert [terms.port for _, terms in feed_settings.terms_of(settings.feeds, kinds(), tmp_path)] == [5, 7, 6]
    assert settings.connect.port == 2


def test_mails_of_the_mailbox_wait_in_the_queue_of_the_mail_desk_and_none_is_left_out(settings: Settings) -> None:
    (mailbox,) = (feed for feed in settings.feeds if feed.kind == "imap")
    assert mailbox.settings == {
        "mailboxes": f"{INBOX},{SENT}",
        "from": "beginning",
        "addresses": ORDERS,
        "queue": ADDRESS,
    }


def test_every_queue_has_a_name_and_a_promise_that_is_measured(settings: Settings) -> None:
    assert list(settings.queues) == ["sales", "support", "billing", "inbox:1", ADDRESS, "106540001"]
    assert [queue.display_name for queue in settings.queues.values()] == [
        *("Sales", "Support", "Billing", "Live chat", "Mail", "WhatsApp")
    ]
    promises = [queue.answer_within for queue in settings.queues.values()]
    assert promises == [None, None, None, 60, 120, 120]
    assert {each for each in promises if each} <= set(settings.metrics.thresholds)
    assert len(settings.queues) == len(sample_plan().names)


def test_the_first_page_shows_every_queue_and_every_channel(settings: Settings) -> None:
    pages = Layout(settings).pages(())
    assert [len(page.tiles) for page in pages] == [12, 12, 12]
    first = pages[0].tiles
    assert [tile.scope.queue for tile in first if tile.metric == "oldest_waiting"] == list(settings.queues)
    channels = [tile.scope.channel for tile in first if tile.metric == "contacts_in_queue"]
    assert channels == ["phone", "chat", "email", "social"]
    assert [tile.scope.channel for tile in pages[1].tiles[:4]] == channels
    kept = [tile for tile in pages[2].tiles if tile.metric == "sla_compliance.first_reply"]
    assert [tile.scope.channel for tile in kept] == channels[1:]


def test_every_desk_s_channel_has_a_promise_for_each_of_its_replies_by_the_desks_calendar(settings: Settings) -> None:
    promised = settings.policy_settings()
    by_channel = {channel: policy for policy in promised.sla for channel in policy.applies.channels}
    assert set(by_channel) == {desk.channel for desk in sample_plan().desks}
    assert all({"first_reply", "next_reply"} <= set(policy.targets) for policy in by_channel.values())
    assert [name for name, policy in by_channel.items() if "total_resolution" in policy.targets] == ["chat"]
    assert {target.calendar for policy in promised.sla for target in policy.targets.values()} == {"desks"}
    assert [calendar.id for calendar in promised.calendars] == ["desks"]
