"""Short messages (短信): what one is, where it stands, and what news of it means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from infra.kit.backoff import Backoff
from infra.kit.errors import Conflict
from telephony.numbers import PhoneNumber

KEY_LENGTH = 80
LONGEST_TEXT = 500
"""Characters of one message; carriers split it into parts of 67, and providers refuse more than some such number."""

_ONE_PART = 70
_OF_SEVERAL = 67
_BACKOFF = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=10))


class MessageKind(StrEnum):
    """What a message is for; domestic providers have an approved template for each."""

    code = "code"
    """A code (验证码) that shows whose number it is."""
    receipt = "receipt"
    """That a matter was registered, with its number."""
    progress = "progress"
    """What has become of it meanwhile."""
    answer = "answer"
    """What came of it."""
    rating = "rating"
    """A request to rate, with a link."""
    notice = "notice"
    """Anything else that the city has to tell one citizen."""
    message = "message"
    """What an agent says in a conversation."""


class MessageState(StrEnum):
    """Where a message stands."""

    waiting = "waiting"
    sending = "sending"
    sent = "sent"
    delivered = "delivered"
    failed = "failed"
    unknown = "unknown"


class MessageEvent(StrEnum):
    """What can happen to a message."""

    claimed = "claimed"
    """Somebody hands it to the provider now."""
    postponed = "postponed"
    """The provider has not taken it, for certain; it may later."""
    refused = "refused"
    """The provider has not taken it and never will, or its time is over."""
    lost = "lost"
    """Nobody can tell whether the provider has taken it."""
    accepted = "accepted"
    """The provider has taken it."""
    delivered = "delivered"
    """It is on the citizen's telephone."""
    undelivered = "undelivered"
    """The provider could not deliver it."""
    absent = "absent"
    """The provider's own books show that it never got a message whose fate was unknown."""
    resent = "resent"
    """A person lets it be sent again."""
    given_up = "given_up"
    """A person lets it be."""


_S, _E = MessageState, MessageEvent

TRANSITIONS: Mapping[tuple[MessageState | None, MessageEvent], MessageState] = MappingProxyType(
    {
        (_S.waiting, _E.claimed): _S.sending,
        (_S.waiting, _E.refused): _S.failed,
        (_S.sending, _E.postponed): _S.waiting,
        (_S.sending, _E.refused): _S.failed,
        (_S.sending, _E.lost): _S.unknown,
        (_S.sending, _E.accepted): _S.sent,
        # What was lost on the way comes to light: in the provider's books, in its news, or never.
        (_S.unknown, _E.accepted): _S.sent,
        (_S.unknown, _E.postponed): _S.waiting,
        (_S.unknown, _E.refused): _S.failed,
        (_S.unknown, _E.lost): _S.unknown,
        (_S.unknown, _E.delivered): _S.delivered,
        (_S.unknown, _E.undelivered): _S.failed,
        (_S.unknown, _E.absent): _S.waiting,
        (_S.unknown, _E.resent): _S.waiting,
        (_S.unknown, _E.given_up): _S.failed,
        (_S.sent, _E.delivered): _S.delivered,
        (_S.sent, _E.undelivered): _S.failed,
        (_S.sent, _E.accepted): _S.sent,
        # News may overtake the answer to the request that it is about, come twice, and come in any order: what is
        # known of the citizen's telephone stands.
        (_S.sending, _E.delivered): _S.delivered,
        (_S.sending, _E.undelivered): _S.failed,
        (_S.delivered, _E.accepted): _S.delivered,
        (_S.delivered, _E.delivered): _S.delivered,
        (_S.delivered, _E.undelivered): _S.delivered,
        (_S.failed, _E.accepted): _S.failed,
        (_S.failed, _E.delivered): _S.delivered,
        (_S.failed, _E.undelivered): _S.failed,
        # A person had it sent again, or it was thought absent, and the first one was on its way after all.
        (_S.waiting, _E.accepted): _S.sent,
        (_S.waiting, _E.delivered): _S.delivered,
        (_S.waiting, _E.undelivered): _S.waiting,
    }
)
"""(state, event) → state."""

OPEN = frozenset({MessageState.waiting, MessageState.sending, MessageState.unknown})
"""States in which it is not settled that the provider has the message or never will."""


class MessageRefused(Conflict):
    """This cannot happen to a message in this state."""

    slug = "message-refused"
    title_zh = "短信当前状态不允许此操作，请刷新后再试"
    title_en = "The message's state does not allow this, reload and try again"


def next_state(state: MessageState, event: MessageEvent) -> MessageState:
    """Return the state that the event leads to.

    Raises:
        MessageRefused: The table has no such pair.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise MessageRefused(
            f"a message that is {state} cannot be {event}", f"状态为 {state} 的短信不能执行 {event}"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortMessage:
    """A message to one telephone. `repr()` hides number and text.

    Attributes:
        key: Ours for it, unique: the same message handed over again has the same and is sent once.
        phone: Whose telephone.
        kind: What it is for.
        text: What the citizen reads, whole, without the sender's signature.
        parameters: The parts of the text that vary, by name, for providers that fill templates of their own:
            `code`, `minutes`, `number` (of the ticket), `link`.
        valid_until: When it is no longer worth sending, e.g. a code that has expired; None: it always is.
    """

    key: str
    phone: PhoneNumber
    kind: MessageKind
    text: str = field(repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    valid_until: datetime | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.key) <= KEY_LENGTH:
            raise ValueError(f"a key has 1 to {KEY_LENGTH} characters")
        if not self.text:
            raise ValueError("a message says something")
        if self.valid_until is not None and self.valid_until.tzinfo is None:
            raise ValueError("valid_until needs a time zone")

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNews:
    """What has become of a message that was handed over, for whoever wrote it.

    Attributes:
        key: The writer's own for it.
        state: Where it stands now.
        provider_id: What the provider knows it by; empty if it never got there.
        error_code: The provider's own, where it failed; empty without.
        at: When that was known.
    """

    key: str
    state: MessageState
    provider_id: str = ""
    error_code: str = ""
    at: datetime


def fitted(text: str, limit: int = LONGEST_TEXT) -> str:
    """Return the text with no more characters than `limit`, cut with an ellipsis where there are more."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def parts(text: str) -> int:
    """Return how many messages the carrier counts: 70 characters (UCS-2 code units) in one, 67 in each of several."""
    units = len(text.encode("utf-16-be")) // 2
    return 1 if units <= _ONE_PART else -(-units // _OF_SEVERAL)


def retry_after(tries: int, asked: float = 0.0, jitter: float | None = None) -> timedelta:
    """Return how long to wait after a failed try.

    Args:
        tries: How many were made, at least one.
        asked: The seconds that the provider asked for; it waits no shorter.
        jitter: Between 0 and 1, so that many do not come back at once; None: any.
    """
    return max(_BACKOFF.after(tries, jitter), timedelta(seconds=asked))
