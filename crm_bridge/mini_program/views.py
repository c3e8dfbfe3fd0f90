"""What the mini program sends and is answered."""

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
    MatterType,
)
from crm_bridge.callbacks.written import REASON_LENGTH
from crm_bridge.mini_program.matters import Matter
from crm_bridge.progress.rules import STAGE_WORDS, Stage, TicketProgress
from crm_bridge.progress.views import AnswerFileView
from crm_bridge.tickets.vocabulary import TicketType
from infra.kit.http import ApiModel

Code = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Login(ApiModel):
    """What `wx.login` gave."""

    code: Code


class SessionView(ApiModel):
    """A login: `token` is shown as bearer token from now on; `phone` is masked."""

    token: str
    expires_at: datetime
    phone: str | None


class PhoneCode(ApiModel):
    """What `<button open-type="getPhoneNumber">` gave as `e.detail.code`."""

    code: Code


class PhoneView(ApiModel):
    """The number that WeChat has vouched for, masked."""

    phone: str


class TypeView(ApiModel):
    """Something that can be wanted of the city."""

    code: TicketType
    name_zh: str
    name_en: str


class CategoryView(ApiModel):
    """A kind of matter."""

    code: str
    name_zh: str
    name_en: str
    parent: str | None


class LimitsView(ApiModel):
    """The most characters of each field, the most files of a report, the most megabytes of a file."""

    title: int = TITLE_LENGTH
    text: int = TEXT_LENGTH
    address: int = ADDRESS_LENGTH
    files: int = MOST_FILES
    megabytes: int


class FormView(ApiModel):
    """What the form needs to know; `templates` go to `wx.requestSubscribeMessage`, three at most."""

    city_zh: str
    city_en: str
    hotline: str
    types: list[TypeView]
    categories: list[CategoryView]
    limits: LimitsView
    templates: list[str]


class FileView(ApiModel):
    """A file that was sent."""

    id: int
    name: str
    size: int
    type: str


class NewReport(ApiModel):
    """A matter; `latitude` and `longitude` are degrees of GCJ-02, as `wx.chooseLocation` gives them.

    `phone` needs to be the number that WeChat has vouched for, or to come with a `phone_pass`; without it that number
    is taken, if there is one. An anonymous report has neither.
    """

    type: MatterType = "help"
    title: Annotated[str, StringConstraints(max_length=TITLE_LENGTH)] = ""
    text: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LENGTH)]
    category: Annotated[str, StringConstraints(max_length=20)] = ""
    address: Annotated[str, StringConstraints(max_length=ADDRESS_LENGTH)] = ""
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    name: Annotated[str, StringConstraints(max_length=NAME_LENGTH)] = ""
    phone: Annotated[str, StringConstraints(max_length=30)] = ""
    phone_pass: Annotated[str, StringConstraints(max_length=200)] = ""
    anonymous: bool = False
    confidential: bool = False
    attachments: list[Annotated[int, Field(ge=1, lt=2**31)]] = Field(
        default_factory=list, max_length=MOST_FILES
    )


class FiledView(ApiModel):
    """What was sent is on disk, under this number."""

    number: str


class MatterList(ApiModel):
    """Which part of the list is wanted."""

    cursor: str | None = Field(default=None, max_length=100)
    limit: int = Field(default=20, ge=1, le=50)


class MatterSummary(ApiModel):
    """A ticket as its citizen sees it in a list."""

    number: str
    title: str
    type: TicketType
    state: Stage
    state_zh: str
    state_en: str
    registered_at: datetime
    changed_at: datetime
    can_rate: bool

    @classmethod
    def of(cls, progress: TicketProgress) -> Self:
        """Return the view of a ticket."""
        words = STAGE_WORDS[progress.stage]
        return cls(
            number=progress.number,
            title=progress.title,
            type=progress.type,
            state=progress.stage,
            state_zh=words.zh,
            state_en=words.en,
            registered_at=progress.registered_at,
            changed_at=progress.changed_at,
            can_rate=progress.can_rate,
        )


class MatterPageView(ApiModel):
    """A part of my tickets, the youngest first."""

    items: list[MatterSummary]
    next_cursor: str | None


class StepView(ApiModel):
    """One thing that has happened."""

    at: datetime
    state: Stage
    text_zh: str
    text_en: str


class MatterView(MatterSummary):
    """A ticket as its citizen sees it."""

    text: str
    address: str
    steps: list[StepView]
    answer: str | None
    files: list[AnswerFileView]
    unit_zh: str | None
    unit_en: str | None
    due_at: datetime | None
    rating: int | None

    @classmethod
    def whole(cls, matter: Matter, path_of: Callable[[int], str]) -> Self:
        """Return the view of a ticket with all that its citizen sees; `path_of` gives where a file is downloaded."""
        progress = matter.progress
        return cls(
            **MatterSummary.of(progress).model_dump(),
            text=matter.text,
            address=matter.address,
            steps=[
                StepView(at=step.at, state=step.stage, text_zh=step.zh, text_en=step.en)
                for step in progress.steps
            ],
            answer=progress.answer,
            files=[AnswerFileView.of(one, path_of) for one in progress.files],
            unit_zh=progress.unit.zh if progress.unit else None,
            unit_en=progress.unit.en if progress.unit else None,
            due_at=progress.due_at,
            rating=progress.rating,
        )


class NewRating(ApiModel):
    """What a citizen says of his matter: the digits of the telephone's keys."""

    satisfied: Literal[1, 2, 3, 4, 5]
    contacted: Literal[1, 2] | None = None
    solved: Literal[1, 2, 3] | None = None
    reason: Annotated[str, StringConstraints(max_length=REASON_LENGTH)] = ""


class RatingView(ApiModel):
    """The rating that stands."""

    rating: int
