"""Reads what the city's web site posts: one JSON object a form."""

from __future__ import annotations

from typing import Annotated

import pydantic
from pydantic import Field, StringConstraints

from channels.web_form.rules import (
    ADDRESS_LENGTH,
    KEY_PATTERN,
    NAME_LENGTH,
    TEXT_LENGTH,
    TITLE_LENGTH,
    Form,
    MatterType,
)
from infra.kit.errors import FieldError, Invalid
from infra.kit.problems import invalid
from telephony.numbers import PhoneNumber


class SiteForm(pydantic.BaseModel):
    """The body that the city's web site posts. What it says beyond this is kept with the contact."""

    model_config = pydantic.ConfigDict(extra="allow", str_strip_whitespace=True)

    id: Annotated[str, StringConstraints(pattern=KEY_PATTERN)]
    type: MatterType = "help"
    title: Annotated[str, StringConstraints(max_length=TITLE_LENGTH)] = ""
    text: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LENGTH)]
    address: Annotated[str, StringConstraints(max_length=ADDRESS_LENGTH)] = ""
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None
    name: Annotated[str, StringConstraints(max_length=NAME_LENGTH)] = ""
    phone: Annotated[str, StringConstraints(max_length=30)] = ""
    confidential: bool = False
    call_me_not: bool = False


def form_of(body: bytes) -> Form:
    """Return the form that a web site has posted.

    Raises:
        Invalid: It is no JSON, or fields are missing or wrong; each is named.
    """
    try:
        sent = SiteForm.model_validate_json(body)
    except pydantic.ValidationError as error:
        raise invalid(error) from None
    if (sent.latitude is None) is not (sent.longitude is None):
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/longitude",
                    message_zh="经纬度应同时提供",
                    message_en="Send latitude and longitude together",
                )
            ]
        )
    return Form(
        key=sent.id,
        type=sent.type,
        title=sent.title,
        text=sent.text,
        address=sent.address,
        latitude=sent.latitude,
        longitude=sent.longitude,
        name=sent.name,
        phone=_phone(sent.phone),
        confidential=sent.confidential,
        call_me_not=sent.call_me_not,
        extra=dict(sent.model_extra or {}),
    )


def _phone(text: str) -> PhoneNumber | None:
    if not text:
        return None
    try:
        return PhoneNumber.parse(text)
    except Invalid:
        raise Invalid(
            fields=[
                FieldError(
                    pointer="/phone",
                    message_zh="不是有效的电话号码",
                    message_en="Not a telephone number",
                )
            ]
        ) from None
