"""What an installation can set for replies to citizens."""

from __future__ import annotations

import string
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from channels.protocol import ReplyKind


def _with(*known: str) -> AfterValidator:
    def check(text: str) -> str:
        try:
            places = [place for place in string.Formatter().parse(text) if place[1] is not None]
        except ValueError as error:
            raise ValueError(f"not a text with places {{…}}: {error} 花括号不成对") from None
        if any(name not in known or spec or turned for _, name, spec, turned in places):
            raise ValueError(
                f"only {{{'}, {'.join(known)}}} may stand in it 只能使用 {{{'}、{'.join(known)}}}"
            )
        return text

    return AfterValidator(check)


class ReplySettings(BaseModel):
    """What citizens are told in writing, and how long it is tried."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: tuple[ReplyKind, ...] = Field(
        default=(ReplyKind.receipt, ReplyKind.answer, ReplyKind.rating),
        description="What a citizen who wrote is told by itself: receipt, progress, answer, rating. "
        "Messages of agents always go out.",
    )
    receipt_channels: tuple[str, ...] = Field(
        default=("mayor-mailbox",),
        description="Over which channels a receipt goes out; the others show the number as soon as something is sent.",
    )
    tell_extensions: bool = Field(
        default=True,
        description="Whether a citizen who wrote is told by itself, whatever `kinds` says, that it takes longer. "
        "Until it has reached him he waits among those that the centre tells: a provider that may still say that it "
        "could not deliver it must have said that it was delivered, which a mail server never does.",
    )
    sms_kinds: tuple[ReplyKind, ...] = Field(
        default=(ReplyKind.answer, ReplyKind.rating),
        description="What goes by short message when the citizen's own channel cannot carry it "
        "and his number is known.",
    )
    receipt_text: Annotated[str, _with("number")] = Field(
        default="您好，您反映的事项已登记，工单编号 {number}。我们会尽快办理并答复您。",
        description="Text of a receipt.",
    )
    progress_text: Annotated[str, _with("number")] = Field(
        default="您好，工单 {number} 已转有关单位办理，办理结果将及时告知您。",
        description="Text when a unit has got the ticket.",
    )
    extension_text: Annotated[str, _with("number", "day")] = Field(
        default="您好，工单 {number} 需要更多时间办理，预计 {day} 前答复您，请您谅解。",
        description="Text when the ticket's unit was given more time; `day` is until when.",
    )
    answer_text: Annotated[str, _with("number", "answer")] = Field(
        default="您好，您反映的事项（工单编号 {number}）已有答复：\n{answer}",
        description="Text of an answer.",
    )
    rating_text: Annotated[str, _with("number", "link")] = Field(
        default="您好，工单 {number} 已办结，请您对办理情况作出评价：{link}",
        description="Text of a request to rate.",
    )
    send_seconds: float = Field(
        default=15.0,
        gt=0,
        le=120,
        description="How long a provider may take; after that nobody knows whether it has taken the reply.",
    )
    give_up_hours: float = Field(
        default=24.0, gt=0, description="How long a reply is tried again before it is given up."
    )
    at_once: int = Field(
        default=8,
        ge=1,
        le=100,
        description="How many replies may be on their way over one channel.",
    )

    @property
    def give_up(self) -> timedelta:
        """How long a reply is tried again."""
        return timedelta(hours=self.give_up_hours)
