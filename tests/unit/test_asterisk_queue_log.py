"""Vectors and traps of the queue_log, and what becomes of every listed event."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.intake.asterisk_calls import CALL_EVENTS
from agents.intake.asterisk_fields import DATA_FIELDS
from agents.intake.asterisk_queue_log import AGENT_STATES, IGNORED, AsteriskQueueLog
from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from schemas.events import (
    AgentStateChanged,
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactLeftQueue,
    ContactOfferDeclined,
    ContactOffered,
    ContactTransferred,
)
from schemas.ids import contact_id

FORMAT = AsteriskQueueLog()
CALL = "1792490399.42"
CONTACT = contact_id("pbx", CALL)


def parsed(line: str, *, source: str = "pbx", ordinal: int = 0, region: str | None = "DE") -> Parsed:
    headers = {"ordinal": str(ordinal).encode()}
    return FORMAT.parse(line.encode(), Context(source, headers, read_at=1792490400_000, region=region))


def events(line: str, **context: object) -> tuple[AnyEvent, ...]:
    result = parsed(line, **context)  # type: ignore[arg-type]
    assert isinstance(result, Events)
    return result.events


def only(line: str, **context: object) -> AnyEvent:
    (event,) = events(line, **context)
    return event


def of_call(rest: str) -> str:
    return f"1792490412|{CALL}|support|Tom Ode|{rest}"


def test_the_example_block_reads_as_the_table_says() -> None:
    created, offered = events("1792490400|1792490399.42|support|NONE|ENTERQUEUE||+4930901820|1")
    assert isinstance(created, ContactCreated)
    assert created.time == datetime(2026, 10, 20, 10, 0, 0, tzinfo=UTC)
    assert (created.contact, created.identifiers) == (CONTACT, ("tel:+4930901820",))
    assert isinstance(offered, ContactOffered)
    assert (offered.queue, offered.agent, offered.contact) == ("support", None, CONTACT)

    declined = only("1792490403|1792490399.42|support|Mia Berg|RINGNOANSWER|3000")
    assert isinstance(declined, ContactOfferDeclined)
    assert (declined.agent, declined.reason, declined.rang) == ("Mia Berg", "missed", 3.0)

    answered = only("1792490412|1792490399.42|support|Tom Ode|CONNECT|12|1792490409.45|3")
    assert isinstance(answered, ContactAnswered)
    assert (answered.agent, answered.waited, answered.queue) == ("Tom Ode", 12.0, "support")

    ended = only("1792490566|1792490399.42|support|Tom Ode|COMPLETECALLER|12|154|1")
    assert isinstance(ended, ContactEnded)
    assert (ended.by, ended.talked, ended.handled, ended.held) == ("customer", 154.0, 154.0, None)

    paused = only("1792490600|NONE|support|Tom Ode|PAUSE|lunch")
    assert isinstance(paused, AgentStateChanged)
    assert (paused.agent, paused.queue, paused.state, paused.reason) == ("Tom Ode", "support", "away", "lunch")


def test_every_event_of_the_table_is_read_as_a_call_an_agent_or_with_a_named_reason_as_nothing() -> None:
    assert DATA_FIELDS.keys() == CALL_EVENTS.keys() | AGENT_STATES.keys() | IGNORED.keys()


def test_the_agent_hanging_up_ends_the_call_by_the_agent() -> None:
    ended = only(of_call("COMPLETEAGENT|3|60|1"))
    assert isinstance(ended, ContactEnded)
    assert (ended.by, ended.talked) == ("agent", 60.0)


@pytest.mark.parametrize(
    ("rest", "reason", "waited"),
    [
        ("ABANDON|1|3|27", "abandoned", 27.0),
        ("EXITWITHTIMEOUT|2|5|120", "timeout", 120.0),
        ("EXITWITHTIMEOUT|2", "timeout", None),
        ("EXITEMPTY|1|1|4", "empty", 4.0),
        ("EXITWITHKEY|7|2|5|33", "key_exit", 33.0),
        ("WITHDRAW|1|2|8|closing|early", "withdrawn", 8.0),
    ],
)
def test_a_caller_who_leaves_unanswered_leaves_with_the_reason_and_the_wait(
    rest: str, reason: str, waited: float | None
) -> None:
    left = only(of_call(rest))
    assert isinstance(left, ContactLeftQueue)
    assert (left.reason, left.waited) == (reason, waited)


def test_an_agent_who_hangs_up_during_the_announcement_has_rejected_the_offer() -> None:
    declined = only(of_call("AGENTDUMP|"))
    assert isinstance(declined, ContactOfferDeclined)
    assert declined.reason == "rejected"


@pytest.mark.parametrize(
    ("rest", "mode", "to", "talked"),
    [
        ("BLINDTRANSFER|300|internal|12|40|1", "blind", "300@internal", 40.0),
        ("BLINDTRANSFER|300|in|ternal|12|40|1", "blind", "300@in|ternal", 40.0),
        ("TRANSFER|300|internal|12|40", "blind", "300@internal", 40.0),
        ("ATTENDEDTRANSFER|BRIDGE|4f1c|12|41|1", "attended", None, 41.0),
        ("ATTENDEDTRANSFER|APP|VoiceMail|12|42|1", "attended", "VoiceMail", 42.0),
        ("ATTENDEDTRANSFER|LINK|PJSIP/7-01|PJSIP/9-02|12|43|1", "attended", "PJSIP/9-02", 43.0),
        ("ATTENDEDTRANSFER|LINK|PJSIP/7-01|PJSIP/9-02|12|43", "attended", "PJSIP/9-02", 43.0),
    ],
)
def test_a_transfer_says_where_to_and_how_long_the_agent_talked(
    rest: str, mode: str, to: str | None, talked: float
) -> None:
    moved = only(of_call(rest))
    assert isinstance(moved, ContactTransferred)
    assert (moved.mode, moved.to, moved.talked, moved.handled) == (mode, to, talked, talked)


@pytest.mark.parametrize(
    ("rest", "state", "reason"),
    [
        ("ADDMEMBER|", "available", None),
        ("ADDMEMBER|PAUSED", "away", None),
        ("REMOVEMEMBER|", "offline", None),
        ("PAUSE|", "away", None),
        ("PAUSE|lunch|long", "away", "lunch|long"),
        ("UNPAUSE|", "available", None),
        ("UNPAUSE|Auto-Unpause", "available", "Auto-Unpause"),
        ("AGENTLOGIN|PJSIP/7-01", "available", None),
        ("AGENTLOGOFF|PJSIP/7-01|3600", "offline", None),
        ("AGENTCALLBACKLOGIN|7@agents", "available", None),
        ("AGENTCALLBACKLOGOFF|7@agents|3600|Autologoff", "offline", None),
    ],
)
def test_logins_and_pauses_are_states_of_the_agent(rest: str, state: str, reason: str | None) -> None:
    event = only(f"1792490600|NONE|NONE|Tom Ode|{rest}")
    assert isinstance(event, AgentStateChanged)
    assert (event.agent, event.queue, event.state, event.reason) == ("Tom Ode", None, state, reason)


def test_an_outbound_call_that_was_answered_began_as_long_before_its_line_as_was_talked() -> None:
    created, answered, ended = events(of_call("OUTCALL|ANSWER|100|"))
    assert isinstance(created, ContactCreated)
    assert isinstance(answered, ContactAnswered)
    assert isinstance(ended, ContactEnded)
    assert created.direction == "outbound"
    assert created.time == answered.time == datetime.fromtimestamp(1792490312, UTC)
    assert (ended.talked, answered.agent, answered.waited) == (100.0, "Tom Ode", None)
    assert len({created.id, answered.id, ended.id}) == 3


def test_an_outbound_call_that_nobody_answered_is_created_and_over() -> None:
    assert [type(event) for event in events(of_call("OUTCALL|BUSY|0|"))] == [ContactCreated, ContactEnded]


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("QUEUESTART|", "queue_start"),
        ("CONFIGRELOAD|", "config_reload"),
        ("PENALTY|5", "penalty"),
        ("RINGINUSE|0", "ring_in_use"),
        ("RINGCANCELED|3000", "ring_canceled"),
        ("SYSCOMPAT|", "syscompat"),
        ("PAUSEALL|lunch", "pause_all"),
        ("UNPAUSEALL|", "unpause_all"),
        ("SURVEY|5", "unlisted_event"),
        ("NOTE|PAUSE", "unlisted_event"),
    ],
)
def test_what_is_not_counted_is_ignored_with_a_reason(rest: str, reason: str) -> None:
    assert parsed(f"1792490400|NONE|NONE|NONE|{rest}") == Ignored(reason)


# --- identity ---------------------------------------------------------------------------------------------------


def test_equal_lines_of_one_second_are_told_apart_by_their_ordinal() -> None:
    line = of_call("RINGNOANSWER|0")
    assert only(line, ordinal=0).id == only(line, ordinal=0).id != only(line, ordinal=1).id


def test_the_same_line_of_another_source_is_another_event_of_another_contact() -> None:
    here, there = only(of_call("CONNECT|1|2|3")), only(of_call("CONNECT|1|2|3"), source="other")
    assert isinstance(here, ContactAnswered)
    assert isinstance(there, ContactAnswered)
    assert here.id != there.id
    assert here.contact != there.contact


def test_a_line_end_of_windows_changes_nothing() -> None:
    assert events(of_call("CONNECT|1|2|3") + "\r") == events(of_call("CONNECT|1|2|3"))


def test_a_second_queue_brings_the_same_creation_and_another_offer() -> None:
    created, offered = events(f"1792490400|{CALL}|sales|NONE|ENTERQUEUE||030901820|1")
    again, second = events(f"1792490500|{CALL}|support|NONE|ENTERQUEUE||030901820|1")
    assert created.id == again.id
    assert offered.id != second.id


@pytest.mark.parametrize("callid", ["", "NONE", "REALTIME", "MANAGER", "CLI"])
def test_an_event_about_a_call_that_names_none_has_no_identity(callid: str) -> None:
    with pytest.raises(Malformed, match="CONNECT names no call") as caught:
        parsed(f"1792490400|{callid}|support|Tom Ode|CONNECT|12|1|3")
    assert caught.value.reason == "identity"


def test_a_pause_of_nobody_has_no_identity() -> None:
    with pytest.raises(Malformed, match="PAUSE names no agent") as caught:
        parsed("1792490400|NONE|support|NONE|PAUSE|lunch")
    assert caught.value.reason == "identity"


@pytest.mark.parametrize(
    ("caller", "identifiers"),
    [
        ("030901820", ("tel:+4930901820",)),
        ("004930901820", ("tel:+4930901820",)),
        ("+49 (30) 90-1820", ("tel:+4930901820",)),
        ("201", ()),
        ("", ()),
        ("anonymous", ()),
        ("Restricted", ()),
        ("<unknown>", ()),
        ("sip:+4930901820@example.org", ()),
        ("+49309018201234567890", ()),
    ],
)
def test_a_caller_has_an_identifier_only_when_the_number_is_one(caller: str, identifiers: tuple[str, ...]) -> None:
    for event in events(f"1792490400|{CALL}|support|NONE|ENTERQUEUE||{caller}|1"):
        assert isinstance(event, ContactCreated | ContactOffered)
        assert event.identifiers == identifiers


def test_without_a_region_only_international_numbers_are_told() -> None:
    national, _ = events(f"1792490400|{CALL}|support|NONE|ENTERQUEUE||030901820|1", region=None)
    international, _ = events(f"1792490400|{CALL}|support|NONE|ENTERQUEUE||+4930901820|1", region=None)
    assert isinstance(national, ContactCreated)
    assert isinstance(international, ContactCreated)
    assert (national.identifiers, international.identifiers) == ((), ("tel:+4930901820",))


# --- bars inside names ------------------------------------------------------------------------------------------


def test_a_bar_in_an_agents_name_shifts_nothing() -> None:
    answered = only(f"1792490412|{CALL}|support|Tom|Ode|CONNECT|12|1792490409.45|3")
    assert isinstance(answered, ContactAnswered)
    assert (answered.agent, answered.queue, answered.waited) == ("Tom|Ode", "support", 12.0)


@pytest.mark.parametrize(
    "data", ["|+4930901820|1|Ann|Bo", "http://crm/?a=1|b=2|+4930901820|1", "|+4930901820", "|+4930901820|1|2"]
)
def test_a_bar_in_a_callers_name_or_in_a_url_leaves_the_number_where_it_is(data: str) -> None:
    created, _ = events(f"1792490400|{CALL}|support|NONE|ENTERQUEUE|{data}")
    assert isinstance(created, ContactCreated)
    assert created.identifiers == ("tel:+4930901820",)


# --- what can't be read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reason", "message"),
    [
        ("", "syntax", "1 fields"),
        ("hello world", "syntax", "at least 5 are expected"),
        (f"1792490412|{CALL}|support|Tom Ode||12", "syntax", "the event, is empty"),
        (f"yesterday|{CALL}|support|Tom Ode|CONNECT|12|1|3", "time", "field 1 is 'yesterday'"),
        (f"2026-10-20 10:00:00|{CALL}|support|Tom Ode|CONNECT|12", "time", "whole seconds since 1970"),
        (f"-5|{CALL}|support|Tom Ode|CONNECT|12|1|3", "time", "field 1 is '-5'"),
        (f"999999999999|{CALL}|support|Tom Ode|CONNECT|12|1|3", "time", "field 1"),
        (of_call("CONNECT|soon|1|3"), "syntax", r"CONNECT: data field 1 \(hold time\) is 'soon'"),
        (of_call("COMPLETECALLER|12|1_0|1"), "syntax", r"data field 2 \(talk time\) is '1_0'"),
        (of_call("COMPLETECALLER|12"), "schema", "COMPLETECALLER has 1 data fields, at least 2 are expected"),
        (of_call("ABANDON|1"), "schema", "at least 3"),
    ],
)
def test_a_malformed_line_fails_with_a_reason_that_says_where(line: str, reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        parsed(line)
    assert caught.value.reason == reason


def test_another_encoding_fails_at_the_byte_that_is_wrong() -> None:
    with pytest.raises(Malformed, match=r"byte 38 \(0xf6\) is not UTF-8") as caught:
        FORMAT.parse(
            "1792490412|1792490399.42|support|Tom \xf6de|CONNECT|1|2|3".encode("latin-1"), Context("pbx", {}, 0)
        )
    assert caught.value.reason == "syntax"


def test_a_wait_that_a_step_of_the_clock_made_negative_was_not_measured() -> None:
    answered = only(of_call("CONNECT|-3|1792490409.45|3"))
    assert isinstance(answered, ContactAnswered)
    assert answered.waited is None


@given(st.text(alphabet=st.sampled_from("|\r\n 0179.ABCONE") | st.characters(codec="utf-8"), max_size=80))
def test_whatever_a_line_holds_it_is_read_ignored_or_malformed(line: str) -> None:
    with suppress(Malformed):
        assert isinstance(parsed(line), Events | Ignored)


@given(st.sampled_from(sorted(DATA_FIELDS)), st.lists(st.text(st.sampled_from("|-19aB/"), max_size=12), max_size=7))
def test_whatever_data_a_known_event_has_it_is_read_ignored_or_malformed(event: str, data: list[str]) -> None:
    with suppress(Malformed):
        assert isinstance(parsed(of_call("|".join([event, *data]))), Events | Ignored)


# --- what the connectors ask ------------------------------------------------------------------------------------


def test_a_call_is_its_own_key_and_an_agent_is_where_there_is_no_call() -> None:
    assert FORMAT.key(of_call("CONNECT|1").encode(), {}) == CALL.encode()
    assert FORMAT.key(b"1792490600|NONE|support|Tom Ode|PAUSE|lunch", {}) == b"Tom Ode"
    assert FORMAT.key(b"1792490600|NONE|NONE|NONE|QUEUESTART|", {}) is None
    assert FORMAT.key(b"hello", {}) is None


@pytest.mark.parametrize("event", sorted(AGENT_STATES))
@pytest.mark.parametrize("callid", ["NONE", CALL])
def test_what_an_agent_does_has_the_agents_key_by_whatever_call_it_was_done(callid: str, event: str) -> None:
    assert FORMAT.key(f"1792490600|{callid}|support|Tom Ode|{event}|".encode(), {}) == b"Tom Ode"
    assert FORMAT.key(f"1792490600|{callid}|support|NONE|{event}|".encode(), {}) is None


def test_the_time_of_a_line_is_told_in_ms_and_not_at_all_where_it_can_not_be_read() -> None:
    assert FORMAT.time(of_call("CONNECT|1").encode(), {}) == 1792490412_000
    assert FORMAT.time(b"hello", {}) is None
    assert FORMAT.time(b"x1|2", {}) is None
