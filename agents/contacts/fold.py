"""A contact's facts as a pure fold over its log: in the order of time, whatever the order of arrival."""

from collections.abc import Iterable
from operator import attrgetter

from agents.contacts import entry as kinds
from agents.contacts.case import SOLVED
from agents.contacts.contact import Contact, tells_more
from agents.contacts.entry import Entry
from agents.contacts.offer import ANSWERED, BY_END, SUPERSEDED, SYSTEM, WITHDRAWN, LongestWait, Offer

# What is read by clocks, and of properties by policies.
_EVENTFUL = frozenset((kinds.REPLIED, kinds.SETTLED, kinds.ASKED, kinds.OPENED, kinds.UPDATED, kinds.SURVEYED))


def refold(contact: Contact, entries: Iterable[Entry], longest_wait: LongestWait) -> None:
    """Work out `contact` anew from the entries of its log."""
    contact.started = contact.ended = contact.left_ivr = contact.identifier = contact.status = None
    contact.eventful = tells_more(contact.kept)
    contact.merged = contact.resumed = contact.outbound = False
    contact.last = contact.transfers = 0
    contact.offers = []
    contact.unoffered = ()
    contact.anomalies = ()
    for entry in entries:
        apply(contact, entry, longest_wait)


def expire(contact: Contact, horizon: int) -> bool:
    """Let offers go whose longest wait ended by `horizon` (ms, inclusive). Returns whether any did."""
    any_left = False
    for offer in contact.offers:
        if offer.outcome is None and offer.at + offer.max_wait <= horizon:
            offer.leave(SYSTEM, offer.max_wait, None)
            any_left = True
    return any_left


def apply(contact: Contact, entry: Entry, longest_wait: LongestWait) -> bool:
    """Take the next entry of the log: none that was taken stands after it.

    Returns whether it may have changed what is measured or promised.
    """
    kind, time = entry.kind, entry.time
    if contact.packed:
        _begun_again(contact, kind)
    if contact.started is None:
        contact.started = time
    contact.last = time
    if entry.told is not None:
        contact.eventful = True
    if contact.identifier is None and entry.identifiers:
        contact.identifier = entry.identifiers[0]
    # A wait is over only after its last instant: what happens at that instant still counts.
    left = False
    for waiting in contact.offers:
        if waiting.outcome is None and waiting.at + waiting.max_wait < time:
            left = expire(contact, time - 1)
            break
    if kind == kinds.OFFERED:
        _offered(contact, entry, longest_wait)
    elif kind == kinds.ANSWERED:
        _answered(contact, entry)
    elif kind == kinds.ENDED or kind == kinds.MERGED:
        _ended(contact, entry)
    elif kind == kinds.LEFT:
        _left(contact, entry)
    elif kind == kinds.TRANSFERRED:
        contact.transfers += 1
        offer = _conversation(contact, entry, running=True)
        if offer is not None:
            _complete(offer, entry)
    elif kind == kinds.LEFT_IVR:
        contact.resumed = False
        if contact.left_ivr is None:
            contact.left_ivr = time
    elif kind in _EVENTFUL:
        _noted(contact, entry)
    elif kinds.HOLD_STARTED <= kind <= kinds.WRAPUP_ENDED:
        return _handled(contact, entry) or left
    else:
        if kind == kinds.CREATED and entry.detail == "outbound":
            contact.outbound = True
            return left or entry.told is not None or contact.unoffered != ()
        return left or entry.told is not None
    return True


def _begun_again(contact: Contact, kind: int) -> None:
    """A settled contact stays over until something begins it again."""
    if kind in kinds.BEGINNINGS:
        if contact.ended == contact.settled:
            # What came before adds to what it was.
            contact.ended = contact.started = None
    elif contact.started is None:
        contact.ended = contact.settled


def _noted(contact: Contact, entry: Entry) -> None:
    """What else tells of a contact than queues and calls."""
    contact.eventful = True
    if entry.kind == kinds.REPLIED:
        _replied(contact, entry)
    elif entry.kind == kinds.SETTLED:
        contact.status = entry.detail
        _settled(contact, entry)
    elif entry.kind == kinds.OPENED:
        contact.status = entry.detail
        contact.ended = None
    elif entry.kind == kinds.ASKED:
        _asked(contact)


def _asked(contact: Contact) -> None:
    """A customer who writes on after the end waits again, unless it was solved or went into another contact."""
    is_over = contact.ended is not None or contact.left_ivr is not None
    if is_over and contact.channel != "phone" and not contact.merged and contact.status not in SOLVED:
        contact.ended = None
        contact.resumed = True


def _offered(contact: Contact, entry: Entry, longest_wait: LongestWait) -> None:
    contact.ended = None
    for offer in contact.offers:
        # Nobody waits twice in one queue: the end of the first wait was lost.
        if offer.outcome is None and offer.queue == entry.queue:
            offer.leave(SYSTEM, entry.time - offer.at, entry.id, SUPERSEDED)
    contact.offers.append(Offer(entry.id, entry.queue, entry.time, longest_wait(entry.queue, entry.time)))


def _answered(contact: Contact, entry: Entry) -> None:
    offer = _stopped(contact, entry)
    if offer is None:
        if entry.agent is not None and _is_handed_on(contact):
            offer = Offer(entry.id, entry.queue, entry.time, 0)
            contact.unoffered = (*contact.unoffered, offer)
        else:
            _odd(contact, "answered without an open offer")
            return
    wait = entry.time - offer.at if entry.waited is None else entry.waited
    offer.leave(ANSWERED, wait, entry.id)
    offer.agent = entry.agent
    offer.answered = entry.time


def _is_handed_on(contact: Contact) -> bool:
    """Whether an agent may come to it without an offer: it was handed on, or we called, and nobody else has it."""
    if contact.ended is not None or not (contact.outbound or contact.transfers):
        return False
    return not any(_is_under_way(offer) for offer in (*contact.offers, *contact.unoffered))


def _is_under_way(offer: Offer) -> bool:
    return offer.outcome is None or (offer.outcome == ANSWERED and offer.completed is None)


def _replied(contact: Contact, entry: Entry) -> None:
    """A message of ours answers whoever waits for one, in whatever queue; no call is answered by one."""
    if contact.channel != "phone":
        for offer in contact.offers:
            if offer.outcome is None:
                offer.leave(ANSWERED, entry.time - offer.at, entry.id)
                offer.agent, offer.answered = entry.agent, entry.time


def _settled(contact: Contact, entry: Entry) -> None:
    """Work that is set solved makes nobody wait any longer, answered or not; a caller on the line waits on."""
    if contact.channel != "phone":
        for offer in contact.offers:
            if offer.outcome is None:
                offer.leave(WITHDRAWN, entry.time - offer.at, entry.id)


def _left(contact: Contact, entry: Entry) -> None:
    offer = _stopped(contact, entry)
    if offer is None:
        # An end that was told a little early closed the offer; what the queue itself says is truer.
        offer = next((o for o in contact.offers if o.implied == BY_END and _in_queue(o, entry)), None)
    if offer is None:
        _odd(contact, "left a queue without an open offer")
        return
    wait = entry.time - offer.at if entry.waited is None else entry.waited
    offer.leave(entry.detail or SYSTEM, wait, entry.id)


def _ended(contact: Contact, entry: Entry) -> None:
    if contact.ended is None:
        contact.ended = entry.time
    contact.merged = contact.merged or entry.kind == kinds.MERGED
    contact.resumed = False
    last = _conversation(contact, entry, running=True)
    if last is not None:
        _complete(last, entry)
    for offer in contact.offers:
        if offer.outcome is None:
            if entry.kind == kinds.MERGED:
                reason = WITHDRAWN
            else:
                # Whoever hangs up in the queue has abandoned.
                reason = "abandoned" if entry.detail == "customer" else SYSTEM
            offer.leave(reason, entry.time - offer.at, entry.id, BY_END)
        elif offer.outcome == ANSWERED and offer.completed is None:
            _close(offer, entry.time)
    if contact.unoffered and contact.unoffered[-1].completed is None:
        _close(contact.unoffered[-1], entry.time)


def _handled(contact: Contact, entry: Entry) -> bool:
    """Hold and wrap-up, whose times count where the source measured none. Returns whether a measured time changed."""
    kind, time = entry.kind, entry.time
    offer = _conversation(contact, entry, running=kind in (kinds.HOLD_STARTED, kinds.HOLD_ENDED))
    if offer is None:
        _odd(contact, "hold or wrap-up without a conversation")
    elif kind == kinds.HOLD_STARTED:
        if offer.hold_since is None:
            offer.hold_since = time
    elif kind == kinds.HOLD_ENDED:
        _unhold(offer, time)
    elif kind == kinds.WRAPUP_STARTED:
        if offer.wrapup_since is None:
            offer.wrapup_since = time
    elif offer.wrapup_since is not None:
        offer.wrapup += time - offer.wrapup_since
        offer.wrapup_since = None
        # A conversation is measured when it is over, and then as its source measured it.
        return offer.completed is not None and offer.handled is None
    return False


def _stopped(contact: Contact, entry: Entry) -> Offer | None:
    """The offer whose wait this entry ends.

    Of several, the one whose wait the source measured, else the oldest. One that was superseded at this very
    instant is among them: with times in seconds, leaving a queue and entering it again look simultaneous.
    """
    found: Offer | None = None
    nearest = 0
    for offer in contact.offers:
        if offer.outcome is None or (offer.implied == SUPERSEDED and offer.stop == entry.time):
            if not _in_queue(offer, entry):
                continue
            if entry.waited is None:
                return offer
            gap = abs(entry.time - entry.waited - offer.at)
            if found is None or gap < nearest:
                found, nearest = offer, gap
    return found


def _conversation(contact: Contact, entry: Entry, *, running: bool) -> Offer | None:
    """The conversation that an entry speaks of: of its queue and agent where it names them, the latest."""
    fallback: Offer | None = None
    offers = contact.offers
    if contact.unoffered:
        offers = sorted((*offers, *contact.unoffered), key=attrgetter("at"))
    for offer in reversed(offers):
        if offer.outcome != ANSWERED or (running and offer.completed is not None):
            continue
        if not _in_queue(offer, entry):
            continue
        if entry.agent is None or offer.agent is None or entry.agent == offer.agent:
            return offer
        fallback = fallback or offer
    return fallback


def _in_queue(offer: Offer, entry: Entry) -> bool:
    return entry.queue is None or offer.queue is None or offer.queue == entry.queue


def _complete(offer: Offer, entry: Entry) -> None:
    _close(offer, entry.time)
    offer.talked, offer.held, offer.handled = entry.talked, entry.held, entry.handled


def _close(offer: Offer, time: int) -> None:
    _unhold(offer, time)
    offer.completed = time


def _unhold(offer: Offer, time: int) -> None:
    if offer.hold_since is not None:
        offer.hold += time - offer.hold_since
        offer.hold_since = None


def _odd(contact: Contact, what: str) -> None:
    contact.anomalies = (*contact.anomalies, what)
