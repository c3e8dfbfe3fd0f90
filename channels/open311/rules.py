"""Open311 GeoReport v2: what a client posts, parsed once. Pure.

See http://wiki.open311.org/GeoReport_v2 (POST Service Request). The form's fields are the specification's; answers to a
service's own questions come as `attribute[CODE]=value`, several as `attribute[CODE][]=value`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from urllib.parse import urlsplit

from channels.contacts.rules import Contact, Message
from infra.kit.errors import FieldError, Invalid, LianxinError
from infra.kit.identity import Principal
from telephony.numbers import PhoneNumber

CHANNEL = "open311"
SCOPE = "open311.write"

TEXT_LENGTH = 4000
"""The specification's limit of a description."""
ADDRESS_LENGTH = 200
_SHORT = 200
_URL_LENGTH = 500
_ATTRIBUTE = re.compile(r"attribute\[([^\[\]]{1,40})\](?:\[\])?")
_ALLOWED = frozenset("\n\r\t")
_OWN_IDS = ("external_id", "fixmystreet_id")

Form = Mapping[str, Sequence[str]]
"""A posted form: every field with all its values, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a service asks for beyond the specification's own fields.

    Attributes:
        code: Its name in the form.
        description: What the citizen reads.
        datatype: `string`, `number`, `datetime`, `text`, `singlevaluelist` or `multivaluelist`.
        required: Whether a report without it is refused.
        variable: False when it only tells the citizen something.
        hint: Helps the citizen to answer.
        values: Keys and names to choose from, for the two lists.
    """

    code: str
    description: str
    datatype: str
    required: bool = False
    variable: bool = True
    hint: str = ""
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A service request as it was posted. `str()` shows nothing of it.

    Attributes:
        sender: Whose `api_key` came with it; None when nobody's.
        form: The form.
        received_at: When it came.
        service: Name of the service that `service_code` means.
        questions: What that service asks for.
        request_key: The `Idempotency-Key` of the request, if it had one.
    """

    sender: Principal | None
    form: Form = field(repr=False)
    received_at: datetime
    service: str
    questions: Sequence[Question] = ()
    request_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a citizen or another site adds to a request, as FixMyStreet's extension posts it: no new contact."""

    sender: Principal | None
    form: Form = field(repr=False)
    received_at: datetime


def contact_of(report: Report) -> Contact:
    """Return the contact that a report is; the same report gives the same one.

    Raises:
        Invalid: Fields are missing or wrong; each is named.
    """
    form, wrong = report.form, list[FieldError]()
    latitude, longitude = _place(form, wrong)
    address = _text(form, "address_string", ADDRESS_LENGTH, wrong) or _text(
        form, "address_id", ADDRESS_LENGTH, wrong
    )
    if latitude is None and not address and not wrong:
        wrong.append(
            problem(
                "lat",
                "请提供 lat 和 long、address_string 或 address_id",
                "give lat and long, address_string or address_id",
            )
        )
    description = _text(form, "description", TEXT_LENGTH, wrong)
    media = _web_address(form, wrong)
    phone = _phone(form, wrong)
    answers = _answers(report, wrong)
    if wrong:
        raise Invalid("correct the fields that are named", "请修改标出的各项", fields=wrong)
    lines = [description or report.service, *answers, *([media] if media else [])]
    return Contact(
        channel=CHANNEL,
        external_id=identity_of(report.sender, form, report.request_key, report.received_at),
        received_at=report.received_at,
        phone=phone,
        message=Message(
            title=f"{report.service}：{description}"[:60] if description else report.service,
            text="\n".join(lines),
            address=address,
            category=one(form, "service_code"),
            latitude=latitude,
            longitude=longitude,
            media=media,
        ),
    )


def identity_of(sender: Principal | None, form: Form, request_key: str, at: datetime) -> str:
    """Return what a posted form is known by, so that the same one sent again is no second one.

    A client that has its own number for a report is believed (`Idempotency-Key`, or the attributes `external_id` and
    `fixmystreet_id`). Without one, an equal form on the same day (UTC) is the same report: the specification knows no
    other way to tell a repetition, and citizens do report the same thing again months later.
    """
    who = sender.number if sender else ""
    own = request_key or next(
        filter(None, (one(form, f"attribute[{name}]") for name in _OWN_IDS)), ""
    )
    if own:
        said: object = ["own", own]
    else:
        fields = {name: list(values) for name, values in form.items() if name != "api_key"}
        said = ["form", at.date().isoformat(), fields]
    text = json.dumps([who, said], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def one(form: Form, name: str) -> str:
    """Return the first value of a field without surrounding blanks; empty if it is missing."""
    values = form.get(name, ())
    return values[0].strip() if values else ""


def clean(text: str) -> str:
    """Return a text without control characters, which no screen shows and PostgreSQL does not keep."""
    return "".join(
        sign for sign in text if unicodedata.category(sign) not in ("Cc", "Cs") or sign in _ALLOWED
    )


def problem(name: str, zh: str, en: str) -> FieldError:
    """Return what is wrong with one field of a form."""
    return FieldError(pointer=f"/{name}", message_zh=zh, message_en=en)


def _text(form: Form, name: str, longest: int, wrong: list[FieldError]) -> str:
    text = clean(one(form, name))
    if len(text) > longest:
        wrong.append(problem(name, f"最多 {longest} 个字", f"at most {longest} characters"))
    return text


def _place(form: Form, wrong: list[FieldError]) -> tuple[float | None, float | None]:
    latitude, longitude = one(form, "lat"), one(form, "long")
    if not latitude and not longitude:
        return None, None
    found = _degrees(latitude, 90), _degrees(longitude, 180)
    for name, value in zip(("lat", "long"), found, strict=True):
        if value is None:
            wrong.append(
                problem(
                    name,
                    "应为 WGS84 经纬度（度）",
                    "must be degrees of WGS84, with both lat and long",
                )
            )
    return found if None not in found else (None, None)


def _degrees(text: str, most: int) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= most else None


def _web_address(form: Form, wrong: list[FieldError]) -> str:
    url = clean(one(form, "media_url"))
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or len(url) > _URL_LENGTH or any(sign.isspace() for sign in url):
        wrong.append(problem("media_url", "应为有效的网址", "must be a web address"))
        return ""
    return url


def _phone(form: Form, wrong: list[FieldError]) -> PhoneNumber | None:
    text = one(form, "phone")
    if not text:
        return None
    try:
        return PhoneNumber.parse(text)
    except LianxinError as error:
        wrong.append(problem("phone", error.detail_zh, error.detail_en))
        return None


def _answers(report: Report, wrong: list[FieldError]) -> list[str]:
    given: dict[str, list[str]] = {}
    for name, values in report.form.items():
        found = _ATTRIBUTE.fullmatch(name)
        if found:
            kept = (clean(value.strip()) for value in values)
            given.setdefault(found[1], []).extend(value for value in kept if value)
    lines = []
    for question in report.questions:
        answers = given.get(question.code, [])
        name = f"attribute[{question.code}]"
        if question.variable and question.required and not answers:
            wrong.append(problem(name, "此项必填", "this attribute is required"))
        for answer in answers:
            refused = _refusal(question, answer)
            if refused:
                wrong.append(problem(name, *refused))
        if len(answers) > 1 and question.datatype != "multivaluelist":
            wrong.append(problem(name, "只能有一个值", "takes one value only"))
        if answers:
            shown = "、".join(question.values.get(answer, answer) for answer in answers)
            lines.append(f"{question.description}：{shown}")
    return lines


def _refusal(question: Question, answer: str) -> tuple[str, str] | None:
    if question.values and answer not in question.values:
        choices = ", ".join(question.values)
        return f"请选择其中一项：{choices}", f"choose one of: {choices}"
    if question.datatype == "number" and _degrees(answer, 10**15) is None:
        return "应为数字", "must be a number"
    if question.datatype == "datetime":
        try:
            datetime.fromisoformat(answer)
        except ValueError:
            return "应为 ISO 8601 日期时间", "must be an ISO 8601 date and time"
    longest = TEXT_LENGTH if question.datatype == "text" else _SHORT
    if len(answer) > longest:
        return f"最多 {longest} 个字", f"at most {longest} characters"
    return None
