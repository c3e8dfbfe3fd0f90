"""What can become of a reply, and when it is tried again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from channels.protocol import DeliveryState
from infra.kit.backoff import Backoff
from infra.kit.errors import Conflict

KEY_LENGTH = 70
_BACKOFF = Backoff(first=timedelta(seconds=2), longest=timedelta(minutes=10))


class ReplyState(StrEnum):
    """Where a reply stands."""

    queued = "queued"
    sending = "sending"
    """A worker has it in hand: from here on the provider may have it."""
    sent = "sent"
    delivered = "delivered"
    read = "read"
    failed = "failed"
    unknown = "unknown"
    """Nobody can tell whether the provider has taken it: a person decides, no machine sends it again."""


class ReplyEvent(StrEnum):
    """What can happen to a reply."""

    claimed = "claimed"
    put_off = "put_off"
    """The provider has not taken it, for certain; it may later."""
    rerouted = "rerouted"
    """It goes another way."""
    taken = "taken"
    lost = "lost"
    """The worker died or the provider fell silent while it was being sent."""
    given_up = "given_up"
    told_delivered = "told_delivered"
    told_read = "told_read"
    told_failed = "told_failed"
    sent_again = "sent_again"
    """A person decided so."""
    dropped = "dropped"
    """A person decided that it is not sent again."""


OPEN = frozenset({ReplyState.queued, ReplyState.sending})
"""Still to be sent: what comes behind it in the same order waits."""

_S, _E = ReplyState, ReplyEvent
TRANSITIONS: Mapping[tuple[ReplyState, ReplyEvent], ReplyState] = MappingProxyType(
    {
        (_S.queued, _E.claimed): _S.sending,
        (_S.queued, _E.given_up): _S.failed,
        (_S.sending, _E.put_off): _S.queued,
        (_S.sending, _E.rerouted): _S.queued,
        (_S.sending, _E.taken): _S.sent,
        (_S.sending, _E.lost): _S.unknown,
        (_S.sending, _E.given_up): _S.failed,
        # A provider's news may overtake the answer to the very request that it is about.
        (_S.sending, _E.told_delivered): _S.delivered,
        (_S.sending, _E.told_read): _S.read,
        (_S.sending, _E.told_failed): _S.failed,
        (_S.sent, _E.told_delivered): _S.delivered,
        (_S.sent, _E.told_read): _S.read,
        (_S.sent, _E.told_failed): _S.failed,
        # The provider took it and could not deliver it after all.
        (_S.sent, _E.rerouted): _S.queued,
        (_S.sent, _E.given_up): _S.failed,
        (_S.delivered, _E.told_read): _S.read,
        # The worker that was taken for dead was only slow, or the provider tells what became of it.
        (_S.unknown, _E.taken): _S.sent,
        (_S.unknown, _E.told_delivered): _S.delivered,
        (_S.unknown, _E.told_read): _S.read,
        (_S.unknown, _E.told_failed): _S.failed,
        (_S.unknown, _E.sent_again): _S.queued,
        (_S.unknown, _E.dropped): _S.failed,
        (_S.failed, _E.sent_again): _S.queued,
    }
)
"""All that can happen; news that comes twice or too late changes nothing (`next_state` returns None)."""

_DELIVERED = frozenset({ReplyState.delivered, ReplyState.read})

NEWS: Mapping[DeliveryState, ReplyEvent] = MappingProxyType(
    {
        DeliveryState.sent: ReplyEvent.taken,
        DeliveryState.delivered: ReplyEvent.told_delivered,
        DeliveryState.read: ReplyEvent.told_read,
        DeliveryState.failed: ReplyEvent.told_failed,
    }
)
"""What happens to a reply when a provider tells of it."""

TOLD = frozenset({ReplyEvent.told_delivered, ReplyEvent.told_read, ReplyEvent.told_failed})
"""What a provider says, in whatever order."""


class ReplyRefused(Conflict):
    """This cannot be done to a reply in its state."""

    slug = "reply-refused"
    title_zh = "该回复当前状态不允许此操作，请刷新后再试"
    title_en = "The reply's state does not allow this, reload and try again"


def next_state(state: ReplyState, event: ReplyEvent) -> ReplyState | None:
    """Return the state after an event; None for news that changes nothing.

    Raises:
        ReplyRefused: The event cannot happen in this state.
    """
    following = TRANSITIONS.get((state, event))
    if following is None and event not in TOLD:
        raise ReplyRefused(f"{event} cannot happen to a reply that is {state}")
    return following


def reached(state: ReplyState, provider_id: str | None) -> bool:
    """Return whether a reply counts as having reached its citizen.

    Args:
        state: Where it stands; a provider that has taken it may still say that it could not deliver it.
        provider_id: What the provider knows it by; None when it tells nothing more of it, so that `sent` must do.
    """
    return state in _DELIVERED or (state is ReplyState.sent and provider_id is None)


def retry_at(
    tries: int, now: datetime, until: datetime, after: float, jitter: float | None = None
) -> datetime | None:
    """Return when a reply is tried again; None when it is to be given up.

    Args:
        tries: How often it was tried on this way before.
        now: The present moment.
        until: After this it is given up.
        after: Seconds that the provider asks to wait at least.
        jitter: From 0 to 1, so that many do not come back at the same moment; None: any.
    """
    at = now + max(_BACKOFF.after(tries + 1, jitter), timedelta(seconds=min(after, 86_400.0)))
    return at if at <= until else None
