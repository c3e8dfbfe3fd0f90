"""What the citizen pages ask for. Nobody logs in: so everything is limited, and only what was asked rightly is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from aiohttp import web

from channels.web_form.rules import KEY_PATTERN, Form, clean
from crm_bridge.callbacks.written import REASON_LENGTH, WrittenRating
from crm_bridge.citizen_pages import views
from crm_bridge.citizen_pages.gate import Count, Gate, Solved
from crm_bridge.citizen_pages.matters import Asked, Matters, Opened
from crm_bridge.citizen_pages.passes import Passes
from crm_bridge.citizen_pages.reports import Reports
from crm_bridge.citizen_pages.rules import Purpose
from crm_bridge.citizen_pages.settings import CitizenPageSettings
from crm_bridge.citizen_pages.uploads import Upload, Uploads
from infra.kit.errors import FieldError, Invalid
from infra.kit.http import IDEMPOTENCY_HEADER
from infra.kit.idempotency import IdempotencyKey
from infra.kit.rate import counted_as
from telephony.numbers import PhoneNumber


class CodeSent(Protocol):
    """A code is on its way."""

    @property
    def expires_at(self) -> datetime:
        """Until when it is valid."""
        ...

    @property
    def again_at(self) -> datetime:
        """From when on another one may be asked for."""
        ...


class Codes(Protocol):
    """Sends codes by short message and checks them."""

    async def request(self, phone: PhoneNumber) -> CodeSent:
        """Send a code to a number.

        Raises:
            TooMany: The number has asked too often.
            TryLater: It cannot be sent now.
            CannotReply: The number cannot get one.
        """
        ...

    async def check(self, phone: PhoneNumber, code: str) -> None:
        """Return if this is the code that was sent last.

        Raises:
            Invalid: It is not.
        """
        ...


class CitizenPages:
    """Answers the citizen pages.

    Args:
        settings: How much is taken.
        page: What the pages need to know before anything is asked.
        gate: Lets people in.
        codes: Sends codes.
        passes: Shows whose a number is.
        uploads: Takes files.
        reports: Takes forms.
        matters: Shows tickets.
        address_of: Says from whose machine a request comes.
    """

    def __init__(
        self,
        settings: CitizenPageSettings,
        page: Callable[[], views.PageView],
        gate: Gate,
        codes: Codes,
        passes: Passes,
        uploads: Uploads,
        reports: Reports,
        matters: Matters,
        address_of: Callable[[web.Request], str],
    ) -> None:
        self._settings = settings
        self.page = page
        self._gate = gate
        self._codes = codes
        self._passes = passes
        self._uploads = uploads
        self._reports = reports
        self._matters = matters
        self._address_of = address_of

    def knock(self, request: web.Request) -> str:
        """Return from which address a request comes, as it is counted.

        Raises:
            TooMany: Too much comes from there.
        """
        address = counted_as(self._address_of(request))
        self._gate.knock(address)
        return address

    async def challenge(self, purpose: Purpose, address: str) -> views.ChallengeView:
        """Return a proof of work to make."""
        made = await self._gate.challenge(purpose, address)
        return views.ChallengeView(challenge=made.text, bits=made.bits, expires_at=made.expires_at)

    async def send_code(self, body: views.NewCode, address: str) -> views.CodeView:
        """Send a code by short message."""
        phone = _mobile(body.phone)
        most = self._settings.codes_per_address
        limit = Count(what="code", who=address, most=most)
        await self._gate.admit(Purpose.code, _solved(body.proof), address, [limit])
        sent = await self._codes.request(phone)
        return views.CodeView(expires_at=sent.expires_at, again_at=sent.again_at)

    async def check_code(self, body: views.EnteredCode) -> views.PhonePassView:
        """Return what shows that the number is his who has read the code."""
        phone = _mobile(body.phone)
        await self._codes.check(phone, body.code)
        made = self._passes.of_phone(phone)
        return views.PhonePassView(phone_pass=made.text, expires_at=made.expires_at)

    async def begin_upload(self, body: views.NewUpload, address: str) -> views.UploadView:
        """Begin a file."""
        megabytes = self._settings.upload_megabytes_per_address
        limit = Count(
            what="upload_kilobytes",
            who=address,
            most=megabytes * 1024,
            more=max(1, min(body.size, self._uploads.limit) // 1024),
        )
        await self._gate.admit(Purpose.upload, _solved(body.proof), address, [limit])
        return _upload(await self._uploads.begin(body.name, body.size))

    async def upload(self, token: str) -> views.UploadView:
        """Return how far a file has come."""
        return _upload(await self._uploads.state(token))

    async def take_part(self, token: str, start: int, content: bytes) -> views.UploadView:
        """Take the next piece of a file."""
        return _upload(await self._uploads.take_part(token, start, content))

    async def report(
        self, body: views.NewReport, key: IdempotencyKey | None, address: str
    ) -> views.FiledView:
        """Take a matter or a letter in."""
        if key is None or not re.fullmatch(KEY_PATTERN, key.key):
            raise _wrong(
                f"/headers/{IDEMPOTENCY_HEADER}",
                "应为 16 至 64 个字母、数字、- 或 _",
                "Must be 16 to 64 letters, digits, - or _",
            )
        if (body.latitude is None) is not (body.longitude is None):
            raise _wrong("/longitude", "经纬度应同时提供", "Send latitude and longitude together")
        if len(body.uploads) > self._settings.files:
            most = self._settings.files
            raise _wrong("/uploads", f"最多 {most} 个文件", f"{most} files at most")
        form = Form(
            key=key.key,
            kind=body.kind,
            type=body.type,
            title=body.title,
            text=body.text,
            address=body.address,
            latitude=body.latitude,
            longitude=body.longitude,
            name=body.name if body.phone else "",
            phone=_mobile(body.phone) if body.phone else None,
            mail=body.mail,
            confidential=body.confidential,
            call_me_not=body.call_me_not,
        )
        filed = await self._reports.file(
            form, body.uploads, body.phone_pass, _solved(body.proof), address
        )
        return views.FiledView(
            number=filed.number, query_code=filed.query_code, ticket_pass=filed.ticket_pass
        )

    async def find(self, body: views.FindMatter, address: str) -> views.MatterView:
        """Return the ticket that a citizen asks for."""
        if not body.phone and not body.query_code:
            raise _wrong(
                "/phone", "请填写手机号或查询码", "Enter a telephone number or a query code"
            )
        asked = Asked(
            number=body.number,
            phone=_phone(body.phone) if body.phone else None,
            query_code=body.query_code,
            phone_pass=body.phone_pass,
        )
        return self._view(await self._matters.find(asked, _solved(body.proof), address))

    async def open(self, ticket_pass: str) -> views.MatterView:
        """Return the ticket that a pass opens."""
        return self._view(await self._matters.open(ticket_pass))

    async def rate(self, body: views.NewRating, key: IdempotencyKey | None) -> views.RatingView:
        """Take a rating."""
        said = WrittenRating(
            satisfied=body.satisfied,
            contacted=body.contacted,
            solved=body.solved,
            reason=clean(body.reason)[:REASON_LENGTH],
        )
        return views.RatingView(rating=await self._matters.rate(body.ticket_pass, said, key))

    def _view(self, opened: Opened) -> views.MatterView:
        return views.MatterView.of(opened, self._passes.file_path)


def _solved(proof: views.Proof) -> Solved:
    return Solved(text=proof.challenge, nonce=proof.nonce)


def _upload(upload: Upload) -> views.UploadView:
    return views.UploadView(
        upload=upload.token, size=upload.size, received=upload.received, taken=upload.taken
    )


def _phone(text: str) -> PhoneNumber:
    try:
        return PhoneNumber.parse(text)
    except Invalid:
        raise _wrong("/phone", "请填写正确的电话号码", "Enter a telephone number") from None


def _mobile(text: str) -> PhoneNumber:
    phone = _phone(text)
    if not phone.is_mobile:
        raise _wrong("/phone", "请填写 11 位手机号", "Enter a mobile number of eleven digits")
    return phone


def _wrong(pointer: str, zh: str, en: str) -> Invalid:
    return Invalid(en, zh, fields=[FieldError(pointer=pointer, message_zh=zh, message_en=en)])
