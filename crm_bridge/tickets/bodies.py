"""What is sent with the acts on tickets: one form each, every text bounded."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crm_bridge.forms import Id, Moment, Text, Version
from crm_bridge.tickets.service import ADDRESS_LENGTH, TITLE_LENGTH
from crm_bridge.tickets.vocabulary import Lane, ReturnGrounds, TicketType, Urgency
from infra.kit.http import ApiModel

MOST_HELPERS = 10
MOST_FILES = 20

Words = Annotated[Text, Field(min_length=2, max_length=4000)]
Reason = Annotated[Text, Field(min_length=2, max_length=500)]
Remark = Annotated[Text, Field(max_length=500)]
Line = Annotated[Text, Field(min_length=1, max_length=60)]
UnitCode = Annotated[Text, Field(min_length=1, max_length=20)]
Helpers = Annotated[list[UnitCode], Field(min_length=1, max_length=MOST_HELPERS)]


class Versioned(ApiModel):
    """Everything that changes a ticket says which version was on the screen."""

    version: Version


class ReasonBody(Versioned):
    """Something that needs a reason."""

    reason: Reason


class DecisionBody(Versioned):
    """What the centre decides; whoever refuses says why."""

    approve: bool
    reason: Remark = ""


class ReplyBody(Versioned):
    """What a unit has done; `without_helpers` says why it does not wait for those that help."""

    text: Words
    measures: Annotated[Text, Field(max_length=2000)] = ""
    contacted: bool
    attachments: Annotated[list[Id], Field(max_length=MOST_FILES)] = Field(default_factory=list)
    without_helpers: Remark = ""


class ReturnBody(Versioned):
    """Why a unit gives it back."""

    grounds: ReturnGrounds
    text: Annotated[Text, Field(min_length=2, max_length=2000)]
    suggested_unit: UnitCode | None = None


class ExtensionBody(Versioned):
    """By how many days."""

    days: int = Field(ge=1, le=999)
    reason: Reason


class HelpBody(Versioned):
    """Which units are wanted beside one's own."""

    units: Helpers
    reason: Reason


class LaneBody(Versioned):
    """How it is handled: `text` is the plan (complex) or the explanation (unreasonable)."""

    lane: Lane
    text: Annotated[Text, Field(max_length=2000)] = ""
    talk_by: Moment | None = None


class TalkBody(Versioned):
    """A talk with the citizen."""

    text: Annotated[Text, Field(min_length=2, max_length=2000)]
    talked_at: Moment


class DispatchBody(Versioned):
    """To whom it goes; without `limit` it has the usual one."""

    lead: UnitCode
    helpers: Annotated[list[UnitCode], Field(max_length=MOST_HELPERS)] = Field(default_factory=list)
    designated: bool = False
    limit: Annotated[Text, Field(max_length=10)] | None = None
    note: Remark = ""


class HelpersBody(Versioned):
    """Who helps from now on."""

    units: Helpers
    note: Remark = ""


class AuditBody(Versioned):
    """Whether the reply is accepted; whoever sends it back says why."""

    accept: bool
    reason: Remark = ""


class NotAcceptedBody(Versioned):
    """Why the matter is not accepted, and where the citizen is to turn."""

    grounds: Reason
    where_to_turn: Reason


class PassOnBody(Versioned):
    """To which platform it is passed."""

    platform: Line
    reference: Annotated[Text, Field(max_length=60)] = ""


class PassingBody(Versioned):
    """Whether the other platform has taken it; if not, why."""

    confirmed: bool
    reference: Annotated[Text, Field(max_length=60)] = ""
    reason: Remark = ""


class JoinBody(Versioned):
    """Which ticket it follows."""

    main_id: Id


class InstructionsBody(Versioned):
    """A leader's instructions."""

    text: Annotated[Text, Field(min_length=2, max_length=2000)]


class AmendBody(ReasonBody):
    """What of the registration is put right; what is left out stays."""

    type: TicketType | None = None
    category: Annotated[Text, Field(min_length=1, max_length=20)] | None = None
    urgency: Urgency | None = None
    title: Annotated[Text, Field(min_length=2, max_length=TITLE_LENGTH)] | None = None
    address: Annotated[Text, Field(max_length=ADDRESS_LENGTH)] | None = None
    confidential: bool | None = None

    def changes(self) -> dict[str, str | bool]:
        """Return the new values by their names."""
        return self.model_dump(exclude={"version", "reason"}, exclude_none=True)


class ToldBody(Versioned):
    """How the citizen was told, and what."""

    how: Line
    text: Annotated[Text, Field(min_length=2, max_length=1000)]


class GrantBody(ApiModel):
    """Who may see whose the ticket is, and for how long."""

    user_number: Annotated[Text, Field(min_length=1, max_length=40)]
    hours: int = Field(ge=1, le=72)
    reason: Reason


class RevealBody(ApiModel):
    """What the number is needed for."""

    purpose: Annotated[Text, Field(min_length=2, max_length=100)]
