"""The guide: asks a citizen what, where, for pictures and how to be reached, and ends in a ticket. Pure.

Every message of the citizen is one turn. What he has said is never lost: whoever stops answering, or wants a person,
keeps what he has told so far.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from crm_bridge.conversations.rules import Utterance
from infra.kit.errors import Invalid
from telephony.numbers import PhoneNumber

LEAST_WORDS = 4
"""A matter has at least this many characters."""
MOST_TEXT = 4000
MOST_PLACE = 200
_MOST_REPEATS = 2

_MARKS = re.compile(r"[\s。．.！!，,、“”\"'《》【】\[\]]+")
REPORT = frozenset({"1", "我要反映", "反映问题", "我要投诉", "自助登记", "登记"})
"""With one of these the citizen asks for the guide."""
PERSON = frozenset({"人工", "转人工", "人工服务", "人工客服", "话务员"})
CANCEL = frozenset({"取消", "退出", "不反映了"})
SKIP = frozenset({"0", "跳过", "没有", "无", "没", "不清楚", "匿名", "不用", "不留"})
DONE = SKIP | frozenset({"完成", "好了", "就这些", "发完了", "没有了"})


class Step(StrEnum):
    """What the guide asks for."""

    what = "what"
    where = "where"
    pictures = "pictures"
    contact = "contact"


class Line(StrEnum):
    """What the guide says; `wording` has the words."""

    ask_what = "ask_what"
    ask_what_again = "ask_what_again"
    ask_where = "ask_where"
    ask_pictures = "ask_pictures"
    picture_taken = "picture_taken"
    text_added = "text_added"
    ask_contact = "ask_contact"
    ask_contact_again = "ask_contact_again"
    registered = "registered"
    handed_over = "handed_over"
    cancelled = "cancelled"
    welcome = "welcome"
    still_waiting = "still_waiting"
    said_goodbye = "said_goodbye"


class Outcome(StrEnum):
    """How a turn ends."""

    goes_on = "goes_on"
    complete = "complete"
    """Everything was asked: the ticket can be registered."""
    person = "person"
    cancelled = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """What the guide has been told so far. `repr()` hides it.

    Attributes:
        step: What was asked last.
        what: The matter.
        where: Its place, in words.
        latitude: Of the place, in degrees of WGS84; None when only words are known.
        longitude: Of the place, in degrees of WGS84.
        files: How many files came.
        phone: Where the citizen can be rung, digits only; empty when he gave none.
        repeats: How often the same question has been asked again.
    """

    step: Step = Step.what
    what: str = field(default="", repr=False)
    where: str = field(default="", repr=False)
    latitude: float | None = field(default=None, repr=False)
    longitude: float | None = field(default=None, repr=False)
    files: int = 0
    phone: str = field(default="", repr=False)
    repeats: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return what is stored; sealed, as it is about the citizen."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Return what was stored."""
        return cls(**{**stored, "step": Step(stored["step"])})

    @property
    def place(self) -> str:
        """The place in words, or its coordinates where only they are known; empty without one."""
        if self.where or self.latitude is None or self.longitude is None:
            return self.where
        return f"{self.latitude:.6f}, {self.longitude:.6f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one message of the citizen leads to.

    Attributes:
        guide: What is known then.
        outcome: How it ends.
        say: What the guide says; None for nothing.
    """

    guide: Guide
    outcome: Outcome = Outcome.goes_on
    say: Line | None = None


def word(text: str) -> str:
    """Return a short text as it is compared with the guide's words: without blanks and marks around it."""
    return _MARKS.sub("", text)


def asks_for_guide(utterance: Utterance) -> bool:
    """Return whether the citizen wants to be guided."""
    return word(utterance.text) in REPORT


def begin(phone: PhoneNumber | None) -> Turn:
    """Return the first turn, for a citizen whose number may be known already."""
    return Turn(guide=Guide(phone=phone.digits if phone else ""), say=Line.ask_what)


def turn(guide: Guide, said: Utterance) -> Turn:
    """Return what follows from a message of the citizen."""
    spoken = word(said.text)
    if spoken in PERSON:
        return Turn(guide=guide, outcome=Outcome.person, say=Line.handed_over)
    if spoken in CANCEL:
        return Turn(guide=guide, outcome=Outcome.cancelled, say=Line.cancelled)
    kept = _with_files_and_place(guide, said)
    match guide.step:
        case Step.what:
            return _told_what(kept, said)
        case Step.where:
            return _told_where(kept, said)
        case Step.pictures:
            return _sent_pictures(kept, said)
        case Step.contact:
            return _told_contact(kept, said)


def _with_files_and_place(guide: Guide, said: Utterance) -> Guide:
    # Pictures and a place are welcome at any step.
    kept = replace(guide, files=guide.files + said.files)
    if said.latitude is not None:
        where = said.address[:MOST_PLACE] or guide.where
        kept = replace(kept, latitude=said.latitude, longitude=said.longitude, where=where)
    elif said.address:
        kept = replace(kept, where=said.address[:MOST_PLACE])
    return kept


def _told_what(guide: Guide, said: Utterance) -> Turn:
    what = _joined(guide.what, said.text)
    guide = replace(guide, what=what)
    if len(word(what)) < LEAST_WORDS:
        if said.files or said.latitude is not None:
            return Turn(guide=guide, say=Line.ask_what_again)
        if guide.repeats >= _MOST_REPEATS:
            return Turn(guide=guide, outcome=Outcome.person, say=Line.handed_over)
        return Turn(guide=replace(guide, repeats=guide.repeats + 1), say=Line.ask_what_again)
    return _ask_next(guide)


def _told_where(guide: Guide, said: Utterance) -> Turn:
    text = said.text.strip()
    if said.latitude is None and not said.address:
        if not text:
            # Only a file: the place is still to come.
            return Turn(guide=guide, say=Line.ask_where)
        if word(text) not in SKIP:
            guide = replace(guide, where=text[:MOST_PLACE])
    elif text:
        guide = replace(guide, what=_joined(guide.what, text))
    return _ask_next(replace(guide, step=Step.pictures), Line.ask_pictures)


def _sent_pictures(guide: Guide, said: Utterance) -> Turn:
    if word(said.text) in DONE and not said.files:
        return _after_pictures(guide)
    if said.text.strip():
        guide = replace(guide, what=_joined(guide.what, said.text))
        return Turn(guide=guide, say=Line.text_added)
    # Nine pictures sent at once are thanked for once.
    first = said.files > 0 and guide.files == said.files
    return Turn(guide=guide, say=Line.picture_taken if first else None)


def _told_contact(guide: Guide, said: Utterance) -> Turn:
    text = said.text.strip()
    if not text:
        return Turn(guide=guide)
    if word(text) in SKIP:
        return Turn(guide=guide, outcome=Outcome.complete)
    try:
        phone = PhoneNumber.parse(text)
    except Invalid:
        phone = None
    if phone is not None and len(phone.digits) >= 7:
        return Turn(guide=replace(guide, phone=phone.digits), outcome=Outcome.complete)
    if guide.repeats >= _MOST_REPEATS:
        return Turn(guide=replace(guide, what=_joined(guide.what, text)), outcome=Outcome.complete)
    return Turn(guide=replace(guide, repeats=guide.repeats + 1), say=Line.ask_contact_again)


def _ask_next(guide: Guide, say: Line | None = None) -> Turn:
    if say is not None:
        return Turn(guide=replace(guide, repeats=0), say=say)
    if guide.place:
        return Turn(guide=replace(guide, step=Step.pictures, repeats=0), say=Line.ask_pictures)
    return Turn(guide=replace(guide, step=Step.where, repeats=0), say=Line.ask_where)


def _after_pictures(guide: Guide) -> Turn:
    if guide.phone:
        return Turn(guide=guide, outcome=Outcome.complete)
    return Turn(guide=replace(guide, step=Step.contact, repeats=0), say=Line.ask_contact)


def _joined(before: str, more: str) -> str:
    return "\n".join(part for part in (before, more.strip()) if part)[:MOST_TEXT]
