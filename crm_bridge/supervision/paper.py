"""What is asked for when a paper is to be issued, and what is kept of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Self

from crm_bridge.supervision.letter import Letter
from crm_bridge.supervision.rules import Rung
from infra.kit.errors import FieldError, Invalid

_A_YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """When, where and with whom."""

    at: datetime
    place: str
    participants: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Who answers for a listed matter, and what is to be done about it."""

    leader: str
    measures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPaper:
    """What a dispatcher filled in.

    Attributes:
        n: The assignment that is meant; None for the ticket as a whole.
        main: Codes of the units addressed, in the order in which the paper names them.
        copies: Codes of the units that get a copy.
        grounds: Why, in a sentence; empty when a rule issues it.
        demands: What is demanded, a paragraph each; empty for what the rung always demands.
        reply_days: Working days for the reply; None for the rung's own. A meeting's count from its minutes.
        meeting: Of a coordination meeting.
        listing: Of listed supervision.
    """

    rung: Rung
    ticket_id: int
    n: int | None
    main: tuple[str, ...]
    copies: tuple[str, ...] = ()
    grounds: str = ""
    demands: tuple[str, ...] = ()
    reply_days: int | None = None
    meeting: Meeting | None = None
    listing: Listing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """What a coordination meeting came to.

    Attributes:
        attended: Who was there.
        text: What was said.
        decisions: What was decided, one each; units report on them.
        reply_days: Working days for that report; None for the setting.
    """

    attended: str
    text: str
    decisions: tuple[str, ...]
    reply_days: int | None = None

    def mended(self, mend: Callable[[str], str]) -> Minutes:
        """Return the minutes with every text mended; a decision of which nothing is left goes."""
        return replace(
            self,
            attended=mend(self.attended),
            text=mend(self.text),
            decisions=tuple(line for line in map(mend, self.decisions) if line),
        )

    def stored(self) -> dict[str, Any]:
        """Return the minutes as JSON keeps them."""
        return {"attended": self.attended, "text": self.text, "decisions": list(self.decisions)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a paper said when it was issued.

    Attributes:
        letter: The document.
        title: The matter without the citizen; empty when the ticket hides him.
        place: Where, down to the building; empty when hidden or unknown.
    """

    letter: Letter
    title: str
    place: str
    meeting: Meeting | None = None
    listing: Listing | None = None

    def stored(self) -> dict[str, Any]:
        """Return the snapshot as JSON keeps it."""
        meeting, listing = self.meeting, self.listing
        return {
            "letter": self.letter.stored(),
            "title": self.title,
            "place": self.place,
            "meeting": meeting
            and {
                "at": meeting.at.isoformat(),
                "place": meeting.place,
                "participants": list(meeting.participants),
            },
            "listing": listing and {"leader": listing.leader, "measures": list(listing.measures)},
        }

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Return the snapshot that was stored.

        Raises:
            ValueError: It is not one.
            KeyError: A part of it is missing.
        """
        meeting, listing = stored["meeting"], stored["listing"]
        return cls(
            letter=Letter.of(stored["letter"]),
            title=stored["title"],
            place=stored["place"],
            meeting=meeting
            and Meeting(
                at=datetime.fromisoformat(meeting["at"]),
                place=meeting["place"],
                participants=tuple(meeting["participants"]),
            ),
            listing=listing
            and Listing(leader=listing["leader"], measures=tuple(listing["measures"])),
        )


_COMPLAINTS = MappingProxyType(
    {
        "/main": ("请至少选择一个主送单位", "Choose at least one main recipient"),
        "/meeting": (
            "专题调度须填写会议时间、地点和参会人员，其他类型不填",
            "A coordination meeting needs time, place and participants; no other paper has them",
        ),
        "/meeting/at": (
            "会议时间应晚于现在，并在一年之内",
            "The meeting must be in the future, and within a year",
        ),
        "/listing": (
            "挂牌督办须填写责任领导和整改措施，其他类型不填",
            "Listed supervision needs a responsible leader and measures; no other paper has them",
        ),
        "/reply_days": (
            "专题调度的反馈时限在填写会议纪要时确定",
            "The limit of a meeting is set with its minutes",
        ),
    }
)


def require_contents(new: NewPaper, now: datetime) -> None:
    """Return if the paper holds what its rung must hold, and nothing that belongs to another.

    Raises:
        Invalid: It does not; each field is named.
    """
    meeting, is_meeting = new.meeting, new.rung is Rung.meeting
    wrong = {
        "/main": not new.main,
        "/meeting": (meeting is not None) != is_meeting,
        "/meeting/at": is_meeting and meeting is not None and not now < meeting.at < now + _A_YEAR,
        "/listing": (new.listing is not None) != (new.rung is Rung.listed),
        "/reply_days": is_meeting and new.reply_days is not None,
    }
    if any(wrong.values()):
        raise Invalid(
            "correct the fields that are named",
            "请修改标出的各项",
            fields=[
                FieldError(pointer=pointer, message_zh=chinese, message_en=english)
                for pointer, (chinese, english) in _COMPLAINTS.items()
                if wrong[pointer]
            ],
        )
