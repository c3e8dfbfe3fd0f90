"""Takes in what is posted over Open311: reports, and notes on requests that everybody may see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from channels.contacts.rules import Contact, Received
from channels.open311.rules import TEXT_LENGTH, Form, Note, Report, clean, identity_of, one, problem
from channels.protocol import Channel
from crm_bridge.notes.service import Notes
from crm_bridge.open311.documents import Value
from crm_bridge.open311.publication import Publication
from crm_bridge.open311.rules import moment_of
from crm_bridge.open311.services import Services
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import Invalid
from infra.kit.identity import Principal


class KeyFinder(Protocol):
    """Knows whose an `api_key` is."""

    async def find(self, token: str) -> Principal | None:
        """Return who shows this token, or None if it opens nothing.

        Raises:
            TooMany: The key asks more often than it may.
        """
        ...


class Reports:
    """Takes in reports and notes.

    Args:
        database: Where notes are written.
        clock: Gives the time at which something comes.
        channel: Makes contacts of reports.
        take: Takes a contact in, once however often it is delivered.
        keys: Knows whose an `api_key` is.
        services: Says what can be reported.
        publication: Says what notes can be put to.
        notes: Writes notes.
        poke: Wakes the relay.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        channel: Channel[Report | Note],
        take: Callable[[Contact], Awaitable[Received]],
        keys: KeyFinder,
        services: Services,
        publication: Publication,
        notes: Notes,
        poke: Callable[[], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._channel = channel
        self._take = take
        self._keys = keys
        self._services = services
        self._publication = publication
        self._notes = notes
        self._poke = poke

    async def report(self, form: Form, token: str, request_key: str) -> list[Value]:
        """Take in a report and return the answer: its number, or a token as long as it has none.

        Raises:
            NotAuthenticated: The key is missing, unknown or may not report.
            NotFound: There is no such service.
            Invalid: Fields are missing or wrong.
        """
        sender, now = await self._keys.find(token) if token else None, self._clock.now()
        self._channel.verify(Note(sender=sender, form=form, received_at=now))
        code = one(form, "service_code")
        if not code:
            raise _missing("service_code")
        service = await self._services.one(code)
        raw = Report(
            sender=sender,
            form=form,
            received_at=now,
            service=service.name,
            questions=service.questions,
            request_key=request_key,
        )
        answers: list[Value] = []
        for contact in self._channel.parse(raw):
            received = await self._take(contact)
            number = received.ticket_number
            known = {"service_request_id": number} if number else {"token": contact.external_id}
            answers.append({**known, "service_notice": None, "account_id": None})
        return answers

    async def note(self, form: Form, token: str, request_key: str) -> list[Value]:
        """Put a note to a request and return its id; the state of the request is the city's own.

        Raises:
            NotAuthenticated: The key is missing, unknown or may not report.
            NotFound: There is no such request.
            Invalid: Fields are missing or wrong.
        """
        sender, now = await self._keys.find(token) if token else None, self._clock.now()
        self._channel.verify(Note(sender=sender, form=form, received_at=now))
        number, text = one(form, "service_request_id"), clean(one(form, "description"))
        if not number:
            raise _missing("service_request_id")
        if not 1 <= len(text) <= TEXT_LENGTH:
            raise Invalid(
                fields=[
                    problem(
                        "description",
                        f"应为 1 至 {TEXT_LENGTH} 个字",
                        f"must be 1 to {TEXT_LENGTH} characters",
                    )
                ]
            )
        said_at = moment_of({"updated_datetime": one(form, "updated_datetime")}, "updated_datetime")
        ticket_id = await self._publication.ticket_id(number)
        who = sender.number if sender else ""
        async with self._database.transaction() as session:
            note_id = await self._notes.add(
                session,
                ticket_id,
                source=f"open311:{who}",
                external_id=_note_key(sender, form, request_key, now),
                text=text,
                said_at=said_at or now,
            )
        self._poke()
        return [{"update_id": f"note-{note_id}", "service_request_id": number}]


def _note_key(sender: Principal | None, form: Form, request_key: str, now: datetime) -> str:
    own = one(form, "update_id") or one(form, "update_id_ext")
    if own:
        return identity_of(sender, {}, f"{one(form, 'service_request_id')} {own}", now)
    return identity_of(sender, form, request_key, now)


def _missing(name: str) -> Invalid:
    return Invalid(fields=[problem(name, "此项必填", "was not provided")])
