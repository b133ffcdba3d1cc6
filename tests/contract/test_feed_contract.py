"""Every kind of feed, and of files, keeps the contract: through the connector, and out of the intake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path

import pytest
import pytest_asyncio

from schemas.failures import REFUSED
from streams.connectors.feeds import kinds
from tests.contract.feed_kit import SOURCE, FeedStand, Stand, Told
from tests.contract.feeds import stands
from tests.contract.kit import standing
from tests.integration.mail_kit import until

WORDS = frozenset({"bad signature", "duplicate", "truncated", "Kafka away"})
"""What may mean nothing for a kind; it says why."""

every = pytest.mark.parametrize("stand", sorted(stands()), indirect=True)


def those_with(word: str) -> pytest.MarkDecorator:
    """Those for which a word of the contract means something."""
    return pytest.mark.parametrize(
        "stand", [name for name, each in sorted(stands().items()) if word not in each.beyond], indirect=True
    )


@pytest_asyncio.fixture
async def stand(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stand]:
    """One of them, and its peer."""
    async with stands()[request.param](tmp_path) as opened:
        yield opened


def test_every_kind_of_feed_keeps_the_contract() -> None:
    found = {name for name, each in stands().items() if issubclass(each, FeedStand)}
    assert found == kinds().keys(), "tests/contract/feeds needs a module with a stand"
    assert all(name == each.kind.name for name, each in stands().items() if issubclass(each, FeedStand))


def test_what_means_nothing_for_a_kind_is_a_word_of_the_contract() -> None:
    assert all(each.beyond.keys() <= WORDS for each in stands().values())


@every
@pytest.mark.asyncio
async def test_a_conversation_is_kept_verbatim_and_says_what_happened(stand: Stand) -> None:
    async with stand.running():
        await stand.say(*stand.conversation)
        await stand.has(len(stand.conversation))
    records = stand.said()
    assert [each.value for each in records] == [told.payload for told in stand.conversation]
    for record in records:
        headers = dict(record.headers)
        assert record.topic == f"channel.{stand.channel}"
        assert (headers["ce_type"], headers["ce_source"]) == (stand.format.encode(), SOURCE.encode())
        assert all(headers[name] for name in (*stand.headers, "content-type"))
    assert len({record.key for record in records}) == 1, "a conversation stays in order"
    assert len({stand.id_of(record) for record in records}) == len(records)
    outcomes = stand.outcomes(records)
    assert [each.says for each in outcomes] == [told.says for told in stand.conversation]
    assert {event.source for each in outcomes for event in each.events} == {SOURCE}


@those_with("bad signature")
@pytest.mark.asyncio
async def test_who_does_not_prove_itself_is_refused_and_may_do_so_later(stand: Stand) -> None:
    stand.forge(yes=True)
    async with stand.running():
        await stand.refused()
        assert stand.shelf.records == []
        stand.forge(yes=False)
        await stand.say(*stand.conversation)
        await stand.has_all(stand.conversation)
    assert stand.values() == [told.payload for told in stand.conversation]


@those_with("duplicate")
@pytest.mark.asyncio
async def test_what_is_said_again_after_a_loss_of_the_connection_says_nothing_new(stand: Stand) -> None:
    n = len(stand.conversation)
    async with stand.running():
        await stand.say(*stand.conversation)
        await stand.has(n)
        await stand.hang_up()
        await stand.say(*stand.conversation)
        await stand.has(2 * n)
    stand.says_the_same(stand.said()[:n], stand.said()[n:])


@every
@pytest.mark.asyncio
async def test_what_is_replayed_to_a_process_that_has_forgotten_it_says_nothing_new(stand: Stand) -> None:
    n = len(stand.conversation)
    async with stand.running():
        await stand.say(*stand.conversation)
        await stand.has(n)
    stand.forget()
    async with stand.running():
        await stand.again()
        await stand.has(2 * n)
    stand.says_the_same(stand.said()[:n], stand.said()[n:])


@those_with("truncated")
@pytest.mark.asyncio
async def test_half_of_it_is_not_kept_and_the_whole_of_it_comes_later(stand: Stand) -> None:
    first, second, *_ = stand.conversation
    async with stand.running():
        await stand.cut(first)
        await stand.resume(first)
        await stand.say(second)
        await stand.has_all((first, second))
    assert stand.values() == [first.payload, second.payload]


@every
@pytest.mark.asyncio
async def test_what_is_cut_off_and_whole_as_far_as_its_frame_goes_is_kept_and_said_what_it_is(stand: Stand) -> None:
    await _is_kept_and_says(stand, stand.torn)


@every
@pytest.mark.asyncio
async def test_what_is_too_large_is_refused_and_the_next_one_comes(stand: Stand) -> None:
    first = stand.conversation[0]
    async with stand.running():
        await stand.overflow()
        await stand.say(first)
        await stand.has_all((first,))
    *heads, last = stand.said()
    assert last.value == first.payload
    assert [each.says for each in stand.outcomes(heads)] == [("failed", "too_large")] * stand.keeps_heads
    assert all(len(each.value) == 65_536 and REFUSED in dict(each.headers) for each in heads)


@every
@pytest.mark.asyncio
async def test_bytes_that_are_no_utf_8_are_kept_and_said_what_they_are(stand: Stand) -> None:
    with pytest.raises(UnicodeDecodeError):
        stand.no_utf8.payload.decode()
    await _is_kept_and_says(stand, stand.no_utf8)


@every
@pytest.mark.asyncio
async def test_what_nobody_knows_is_left_out_or_counted_with_a_reason(stand: Stand) -> None:
    await _is_kept_and_says(stand, stand.unknown)
    assert stand.unknown.says[:1] in ((), ("ignored",), ("failed",))


async def _is_kept_and_says(stand: Stand, told: Told) -> None:
    """It says what it says, and what comes behind it comes. What says nothing is left out by the connector."""
    first = stand.conversation[0]
    kept = [told] * bool(told.says) + [first]
    async with stand.running():
        await stand.say(told, first)
        await stand.has(len(kept))
    records = stand.said()
    assert [each.value for each in records] == [each.payload for each in kept]
    outcomes = stand.outcomes(records)
    assert [each.says for each in outcomes] == [each.says for each in kept]
    assert outcomes[0].kept == (told.payload if "failed" in told.says else None)


@every
@pytest.mark.asyncio
async def test_in_any_order_the_same_events_stand(stand: Stand) -> None:
    async with stand.running():
        await stand.say(*stand.conversation)
        await stand.has(len(stand.conversation))
    expected = standing(stand.outcomes(stand.said()))
    assert expected
    for order in permutations(stand.said()):
        assert standing(stand.outcomes(order)) == expected


@those_with("Kafka away")
@pytest.mark.asyncio
async def test_while_kafka_is_away_nothing_is_lost_and_the_order_stays(stand: Stand) -> None:
    async with stand.running():
        *told, last = stand.conversation
        saying = await _said_in_vain(stand, *told)
        stand.shelf.away = False
        await saying
        # What is on disk goes first.
        await stand.say(last)
        await stand.has_all(stand.conversation)
    assert stand.values() == [told.payload for told in stand.conversation]
    assert [stand.outcomes([each])[0].says for each in stand.firsts()] == [told.says for told in stand.conversation]


@those_with("Kafka away")
@pytest.mark.asyncio
async def test_what_came_while_kafka_was_away_outlives_the_process(stand: Stand) -> None:
    async with stand.running():
        saying = await _said_in_vain(stand, *stand.conversation)
    assert stand.said() == []
    stand.shelf.away = False
    async with stand.running():
        await saying
        await stand.has_all(stand.conversation)
    assert stand.values() == [told.payload for told in stand.retold or stand.conversation]


async def _said_in_vain(stand: Stand, *told: Told) -> asyncio.Task[None]:
    """Say it while Kafka is away; what is said only once is on disk then, and nothing else is."""
    stand.shelf.away = True
    saying = asyncio.create_task(stand.say(*told))
    if stand.spools:
        await until(lambda: all(each.payload in stand.spooled() for each in told), "spooled")
    else:
        await until(lambda: stand.was_told(stand.waits), "the loss said")
        assert stand.spooled() == b""
    assert stand.said() == []
    return saying
