"""What the mini program asks for: everything but the form needs a login with WeChat."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from channels.attachments.service import Attachment
from channels.web_form.rules import KEY_PATTERN, clean
from crm_bridge.callbacks.written import REASON_LENGTH, WrittenRating
from crm_bridge.mini_program import views
from crm_bridge.mini_program.matters import Matters
from crm_bridge.mini_program.people import People, Person
from crm_bridge.mini_program.reports import Reports
from crm_bridge.mini_program.rules import Report, problem
from infra.kit.clock import Clock
from infra.kit.errors import Invalid, TooMany
from infra.kit.http import IDEMPOTENCY_HEADER
from infra.kit.idempotency import IdempotencyKey
from infra.kit.rate import Rate
from telephony.numbers import PhoneNumber

_BEARER = "Bearer "
ShowsPhone = Callable[[str, PhoneNumber], bool]
"""Tells whether a pass, made by a code by short message, shows that a number is its holder's."""


class MiniProgram:
    """Answers the mini program.

    Args:
        clock: Measures how often is asked.
        form: Gives what the form needs to know.
        knock: Raises `TooMany` when an address asks too often.
        people: Lets people in.
        reports: Takes reports and files.
        matters: Shows tickets.
        shows_phone: Knows whose a number is that WeChat has not vouched for.
        file_path: Gives the path under which a citizen downloads a file of ours.
        address_of: Says from whose machine a request comes.
        logins_per_minute: How many logins one address may try.
    """

    def __init__(
        self,
        clock: Clock,
        form: Callable[[], Awaitable[views.FormView]],
        knock: Callable[[str], None],
        people: People,
        reports: Reports,
        matters: Matters,
        shows_phone: ShowsPhone,
        file_path: Callable[[int], str],
        address_of: Callable[[web.Request], str],
        logins_per_minute: int,
    ) -> None:
        self._form = form
        self._knock = knock
        self._clock = clock
        self._people = people
        self._reports = reports
        self._matters = matters
        self._shows_phone = shows_phone
        self._file_path = file_path
        self._address_of = address_of
        self._logins = Rate(logins_per_minute)

    async def form(self, request: web.Request) -> views.FormView:
        """Return what the form needs to know.

        Raises:
            TooMany: Its address asks too often.
        """
        self._knock(self._address_of(request))
        return await self._form()

    async def who(self, request: web.Request) -> Person:
        """Return who has sent a request.

        Raises:
            NotAuthenticated: Nobody who is logged in.
            TooMany: His address asks too often.
        """
        self._knock(self._address_of(request))
        return await self._people.who(token_of(request))

    async def log_in(self, request: web.Request, body: views.Login) -> views.SessionView:
        """Begin a login."""
        wait = self._logins.wait(self._address_of(request), self._clock.monotonic())
        if wait > 0:
            raise TooMany("too many logins", "登录过于频繁，请稍候", retry_after=wait)
        login = await self._people.log_in(body.code)
        return views.SessionView(
            token=login.token,
            expires_at=login.expires_at,
            phone=login.phone.masked if login.phone else None,
        )

    async def log_out(self, request: web.Request) -> None:
        """End the login of a request."""
        await self._people.log_out(token_of(request))

    async def show_phone(self, person: Person, body: views.PhoneCode) -> views.PhoneView:
        """Keep the number that WeChat vouches for."""
        phone = await self._people.show_phone(person, body.code)
        return views.PhoneView(phone=phone.masked)

    @property
    def file_bytes(self) -> int:
        """The most bytes of a file."""
        return self._reports.file_bytes

    async def take_file(self, person: Person, name: str, content: bytes) -> Attachment:
        """Keep a file for a report that is still being written."""
        return await self._reports.take_file(person, name, content)

    async def report(
        self, person: Person, body: views.NewReport, key: IdempotencyKey | None
    ) -> views.FiledView:
        """Take a report in."""
        if key is None or not re.fullmatch(KEY_PATTERN, key.key):
            raise _wrong(
                f"/headers/{IDEMPOTENCY_HEADER}",
                "应为 16 至 64 个字母、数字、- 或 _",
                "Must be 16 to 64 letters, digits, - or _",
            )
        if (body.latitude is None) is not (body.longitude is None):
            raise _wrong("/longitude", "经纬度应同时提供", "Send latitude and longitude together")
        report = Report(
            key=key.key,
            type=body.type,
            title=body.title,
            text=body.text,
            category=body.category,
            address=body.address,
            latitude=body.latitude,
            longitude=body.longitude,
            name=body.name,
            phone=None if body.anonymous else self._phone(person, body),
            anonymous=body.anonymous,
            confidential=body.confidential,
            attachments=body.attachments,
        )
        return views.FiledView(number=await self._reports.file(person, report))

    async def listed(self, person: Person, query: views.MatterList) -> views.MatterPageView:
        """Return a part of his tickets."""
        page = await self._matters.listed(person, query.cursor, query.limit)
        items = [views.MatterSummary.of(progress) for progress in page.items]
        return views.MatterPageView(items=items, next_cursor=page.next_cursor)

    async def find(self, person: Person, number: str) -> views.MatterView:
        """Return one of his tickets."""
        return views.MatterView.whole(await self._matters.find(person, number), self._file_path)

    async def rate(
        self, person: Person, number: str, body: views.NewRating, key: IdempotencyKey | None
    ) -> views.RatingView:
        """Keep what he says of one of his tickets."""
        said = WrittenRating(
            satisfied=body.satisfied,
            contacted=body.contacted,
            solved=body.solved,
            reason=clean(body.reason)[:REASON_LENGTH],
        )
        return views.RatingView(rating=await self._matters.rate(person, number, said, key))

    def _phone(self, person: Person, body: views.NewReport) -> PhoneNumber | None:
        if not body.phone:
            return person.phone
        phone = PhoneNumber.parse(body.phone)
        if phone != person.phone and not self._shows_phone(body.phone_pass, phone):
            # Somebody else's number would make him the one who is rung, and his tickets be seen beside this one.
            raise _wrong(
                "/phone",
                "请点击“使用微信手机号”，或先用短信验证码验证该号码",
                "Use WeChat's number, or show by a code that this one is yours",
            )
        return phone


def token_of(request: web.Request) -> str:
    """Return the bearer token of a request; empty without one."""
    header = request.headers.get("Authorization", "")
    return header.removeprefix(_BEARER).strip() if header.startswith(_BEARER) else ""


def _wrong(pointer: str, zh: str, en: str) -> Invalid:
    return Invalid(fields=[problem(pointer, zh, en)])
