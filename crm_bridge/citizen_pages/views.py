"""What the citizen pages send and are answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints

from channels.web_form.rules import (
    ADDRESS_LENGTH,
    MOST_FILES,
    NAME_LENGTH,
    TEXT_LENGTH,
    TITLE_LENGTH,
    FormKind,
    MatterType,
)
from crm_bridge.callbacks.written import REASON_LENGTH
from crm_bridge.citizen_pages.matters import Opened
from crm_bridge.citizen_pages.rules import Purpose
from crm_bridge.progress.rules import STAGE_WORDS, Stage
from crm_bridge.progress.views import AnswerFileView
from crm_bridge.tickets.vocabulary import TicketType
from infra.kit.http import ApiModel

_NUMBER_LENGTH = 15
Text40 = Annotated[str, StringConstraints(max_length=40)]
Token = Annotated[str, StringConstraints(max_length=200)]
Phone = Annotated[str, StringConstraints(min_length=3, max_length=30)]
Mail = Annotated[
    str,
    StringConstraints(max_length=254, pattern=r"^([^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+)?$"),
]


class PageView(ApiModel):
    """What the pages need to know before anything is asked.

    Attributes:
        limits: Within what each type is answered once a unit has it, as `5wd` or `24h`.
        part_bytes: In pieces of which size a file is sent.
        letters: Whether letters to the mayor are taken.
        one_touch: Whether the hotline can be called from the page.
    """

    city_zh: str
    city_en: str
    hotline: str
    limits: dict[TicketType, str]
    files: int
    file_bytes: int
    part_bytes: int
    letters: bool
    one_touch: bool


class Proof(ApiModel):
    """A challenge with the nonce that solves it: SHA-256 of both begins with so many zero bits."""

    challenge: Token
    nonce: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]


class NewChallenge(ApiModel):
    """What a proof of work is wanted for."""

    purpose: Purpose


class ChallengeView(ApiModel):
    """A proof of work to make."""

    challenge: str
    bits: int
    expires_at: datetime


class NewCode(ApiModel):
    """A request for a code by short message."""

    phone: Phone
    proof: Proof


class CodeView(ApiModel):
    """A code is on its way."""

    expires_at: datetime
    again_at: datetime


class EnteredCode(ApiModel):
    """A code as the citizen read it."""

    phone: Phone
    code: Annotated[str, StringConstraints(min_length=4, max_length=10)]


class PhonePassView(ApiModel):
    """Shows that the number is the holder's."""

    phone_pass: str
    expires_at: datetime


class NewUpload(ApiModel):
    """A file to be sent."""

    name: Annotated[str, StringConstraints(max_length=255)]
    size: Annotated[int, Field(ge=1)]
    proof: Proof


class UploadView(ApiModel):
    """How far a file has come: the next piece begins at `received`."""

    upload: str
    size: int
    received: int
    taken: bool


class PartStart(ApiModel):
    """Where in the file a piece begins."""

    start: Annotated[int, Field(ge=0)]


class NewReport(ApiModel):
    """A matter or a letter; without `phone` it is anonymous."""

    kind: FormKind = FormKind.matter
    type: MatterType = "help"
    title: Annotated[str, StringConstraints(max_length=TITLE_LENGTH)] = ""
    text: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LENGTH)]
    address: Annotated[str, StringConstraints(max_length=ADDRESS_LENGTH)] = ""
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    uploads: list[Token] = Field(default_factory=list, max_length=MOST_FILES)
    name: Annotated[str, StringConstraints(max_length=NAME_LENGTH)] = ""
    phone: Annotated[str, StringConstraints(max_length=30)] = ""
    phone_pass: Token = ""
    mail: Mail = ""
    confidential: bool = False
    call_me_not: bool = False
    proof: Proof


class FiledView(ApiModel):
    """What was sent is on disk; `query_code` is for whoever left no number."""

    number: str
    query_code: str | None
    ticket_pass: str


class FindMatter(ApiModel):
    """By what a ticket is asked for: number and telephone number, or number and query code."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=_NUMBER_LENGTH)]
    phone: Annotated[str, StringConstraints(max_length=30)] = ""
    query_code: Text40 = ""
    phone_pass: Token = ""
    proof: Proof


class OpenMatter(ApiModel):
    """A pass that opens a ticket."""

    ticket_pass: Token


class StepView(ApiModel):
    """One thing that has happened."""

    at: datetime
    stage: Stage
    text_zh: str
    text_en: str


class MatterView(ApiModel):
    """A ticket as its citizen sees it; `ticket_pass` opens it again."""

    number: str
    type: TicketType
    title: str
    stage: Stage
    stage_zh: str
    stage_en: str
    registered_at: datetime
    changed_at: datetime
    steps: list[StepView]
    answer: str | None
    files: list[AnswerFileView]
    unit_zh: str | None
    unit_en: str | None
    due_at: datetime | None
    rating: int | None
    can_rate: bool
    ticket_pass: str

    @classmethod
    def of(cls, opened: Opened, path_of: Callable[[int], str]) -> Self:
        """Return the view of a ticket that was found; `path_of` gives where a file is downloaded."""
        progress = opened.progress
        words = STAGE_WORDS[progress.stage]
        return cls(
            number=progress.number,
            type=progress.type,
            title=progress.title,
            stage=progress.stage,
            stage_zh=words.zh,
            stage_en=words.en,
            registered_at=progress.registered_at,
            changed_at=progress.changed_at,
            steps=[
                StepView(at=step.at, stage=step.stage, text_zh=step.zh, text_en=step.en)
                for step in progress.steps
            ],
            answer=progress.answer,
            files=[AnswerFileView.of(one, path_of) for one in progress.files],
            unit_zh=progress.unit.zh if progress.unit else None,
            unit_en=progress.unit.en if progress.unit else None,
            due_at=progress.due_at,
            rating=progress.rating,
            can_rate=progress.can_rate,
            ticket_pass=opened.ticket_pass,
        )


class NewRating(ApiModel):
    """What a citizen says of his matter: the digits of the telephone's keys."""

    ticket_pass: Token
    satisfied: Literal[1, 2, 3, 4, 5]
    contacted: Literal[1, 2] | None = None
    solved: Literal[1, 2, 3] | None = None
    reason: Annotated[str, StringConstraints(max_length=REASON_LENGTH)] = ""


class RatingView(ApiModel):
    """The rating that stands."""

    rating: int
