"""The mayor's mailbox end to end: from a mail in a real Dovecot to the desk, answers over SMTP, and the rating."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, closing
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from infra.kit.identity import Role
from tests.installation import Installation, Person
from tests.integration.run.wechat_city import until
from tests.mail_servers import PASSWORD, DovecotServer, Sink, own_dovecot, start_sink
from tests.parts import free_port

pytestmark = pytest.mark.timeout(180)
MAYOR = "mayor@linjiang.example"
LEAD = "2001"
REPORT = b"%PDF-1.7\r\n" + bytes(range(256)) * 40
JPEG = (
    "ffd8ffe000104a46494600010100000100010000ffdb004300080606070605080707070909080a0c140d0c0b0b0c19"
    "12130f141d1a1f1e1d1a1c1c20242e2720222c231c1c2837292c30313434341f27393d38323c2e333432ffc0000b08"
    "000100010101110000ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400b510"
    "0002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1"
    "f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a6364656667"
    "68696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2"
    "c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda0008010100003f00"
    "fbd3ffd9"
)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[DovecotServer]:
    with own_dovecot() as server:
        yield server


@pytest.fixture
def sink() -> Iterator[Sink]:
    with start_sink() as running:
        yield running


@pytest.fixture
async def city(tmp_path: Path, dovecot: DovecotServer, sink: Sink) -> AsyncIterator[Installation]:
    port = free_port()
    made = Installation(
        tmp_path,
        {
            "telephony": {"enabled": False},
            "server": {"port": port, "public_url": f"http://127.0.0.1:{port}"},
            "mayor_mailbox": {
                "address": MAYOR,
                "imap_host": "127.0.0.1",
                "imap_port": dovecot.port,
                "imap_security": "none",
                "imap_password": PASSWORD,
                "imap_user": f"{uuid4().hex[:12]}@linjiang.example",
                "smtp_host": "127.0.0.1",
                "smtp_port": sink.port,
                "smtp_security": "none",
                "deadline_seconds": 5,
            },
        },
        port=port,
    )
    await made.prepare((LEAD, "王芳", Role.LEAD))
    await made.start()
    yield made
    made.stop()


class Citizen:
    """Somebody who writes to the mayor from his own mailbox."""

    def __init__(self, city: Installation, dovecot: DovecotServer, sink: Sink) -> None:
        self._user = city.sections["mayor_mailbox"]["imap_user"]
        self._dovecot = dovecot
        self._sink = sink
        self.address = f"{uuid4().hex[:8]}@citizen.example"

    async def writes(self, subject: str, text: str, *, to: EmailMessage | None = None) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = f"李明 <{self.address}>", MAYOR, subject
        mail["Message-ID"] = f"<{uuid4().hex}@citizen.example>"
        if to is not None:
            mail["In-Reply-To"] = to["Message-ID"]
        mail.set_content(text, charset="gb18030", cte="base64")
        mail.add_attachment(bytes.fromhex(JPEG), "image", "jpeg", filename="现场照片.jpg")
        await asyncio.to_thread(self._dovecot.put, mail, user=self._user)

    async def gets(self, count: int) -> EmailMessage:
        """Return the last of so many mails, once it has come."""

        async def find() -> EmailMessage | None:
            mine = [mail for _, to, mail in self._sink.mails if to == [self.address]]
            return mine[count - 1] if len(mine) >= count else None

        return await until(find)


async def ticket_of(
    lead: Person, fits: Callable[[dict[str, Any]], bool], *, seconds: float = 30
) -> dict[str, Any]:
    async def find() -> dict[str, Any] | None:
        page = await lead.call("GET", "/tickets?channel=mayor-mailbox", expect=200)
        return next((one for one in page["items"] if fits(one)), None)

    return await until(find, seconds)


async def mailbox_at(lead: Person) -> dict[str, Any]:
    channels = await lead.call("GET", "/channels", expect=200)
    (mailbox,) = [one for one in channels["items"] if one["name"] == "mayor-mailbox"]
    return dict(mailbox)


async def hindered(lead: Person) -> None:
    """Return when the receipt was not taken, waits, and is not just being tried."""

    async def find() -> bool | None:
        mailbox = await mailbox_at(lead)
        return True if mailbox["waiting"] == 1 and mailbox["hindrance"] else None

    await until(find, 60)


def text_of(mail: EmailMessage) -> str:
    text: str = mail.get_content()
    return text


async def test_letter_is_registered_answered_and_rated_in_one_thread(
    city: Installation, dovecot: DovecotServer, sink: Sink
) -> None:
    citizen = Citizen(city, dovecot, sink)
    async with AsyncExitStack() as stack:
        lead = await stack.enter_async_context(Person(city, LEAD))
        await citizen.writes("路灯不亮", "滨江路 18 号门前的路灯三天不亮。")
        ticket = await ticket_of(lead, lambda one: one["title"] == "路灯不亮")
        receipt = await citizen.gets(1)
        assert ticket["number"] in receipt["Subject"]
        assert receipt["Auto-Submitted"] == "auto-replied"

        await citizen.writes("Re: 路灯不亮", "隔壁的也不亮。", to=receipt)

        async def noted() -> list[str] | None:
            found = await lead.call("GET", f"/tickets/{ticket['id']}/notes", expect=200)
            return [one["text"] for one in found["items"]] or None

        assert await until(noted) == ["隔壁的也不亮。"]
        page = await lead.call("GET", "/tickets?channel=mayor-mailbox", expect=200)
        assert len(page["items"]) == 1

        path = f"/tickets/{ticket['id']}"
        shown = await lead.call("GET", path, expect=200)
        await lead.call(
            "POST",
            f"{path}/answer",
            {
                "version": shown["version"],
                "text": "路灯已于今晨修复，感谢您的来信。",
                "attachments": [await lead.upload("验收单.pdf", REPORT)],
            },
            expect=200,
            headers={"Idempotency-Key": uuid4().hex},
        )
        answer = await citizen.gets(2)
        words, attached = answer.iter_parts()
        assert "路灯已于今晨修复" in words.get_content()
        assert (attached.get_filename(), attached.get_content()) == ("验收单.pdf", REPORT)
        assert answer["Auto-Submitted"] is None
        assert answer["In-Reply-To"]

        rating = await citizen.gets(3)
        link = re.search(r"#/rate/(\S+)", text_of(rating))
        assert link is not None
        await lead.call(
            "POST",
            "/citizen/ratings",
            {"ticket_pass": link[1], "satisfied": 1, "solved": 1},
            expect=201,
            headers={"Idempotency-Key": uuid4().hex},
        )
        shown = await lead.call("GET", f"/tickets/{ticket['id']}", expect=200)
        assert shown["rating"] == 1
        # The file stands on the citizen's page too, for whoever holds its path.
        page = await lead.call("POST", "/citizen/matter", {"ticket_pass": link[1]}, expect=200)
        (file,) = page["files"]
        async with aiohttp.ClientSession(city.url) as stranger:
            async with stranger.get(file["path"]) as given:
                assert (given.status, await given.read()) == (200, REPORT)
            async with stranger.get(f"{file['path'][:-1]}~") as refused:
                assert refused.status == 403


async def test_nothing_is_lost_or_doubled_when_the_process_is_killed_and_mail_servers_are_away(
    city: Installation, dovecot: DovecotServer, sink: Sink
) -> None:
    citizen = Citizen(city, dovecot, sink)
    sink.refuse_recipient = "451 4.3.0 try again"
    async with Person(city, LEAD) as lead:
        await citizen.writes("第一封", "路灯不亮")
        await ticket_of(lead, lambda one: one["title"] == "第一封")
        await hindered(lead)
    city.kill()
    await asyncio.to_thread(dovecot.stop)
    await city.start()
    await asyncio.to_thread(dovecot.start)
    await citizen.writes("第二封", "井盖缺失")
    async with Person(city, LEAD) as lead:
        # While the server was away it was asked ever more rarely, at last once a minute.
        await ticket_of(lead, lambda one: one["title"] == "第二封", seconds=90)
        page = await lead.call("GET", "/tickets?channel=mayor-mailbox", expect=200)
        assert sorted(one["title"] for one in page["items"]) == ["第一封", "第二封"]
        # What could not be sent is shown, and waits.
        assert (await mailbox_at(lead))["waiting"] == 2
    assert [mail for _, to, mail in sink.mails if to == [citizen.address]] == []


async def test_receipt_that_the_mail_server_does_not_take_is_shown_and_comes_once_it_does(
    city: Installation, dovecot: DovecotServer, sink: Sink
) -> None:
    citizen = Citizen(city, dovecot, sink)
    sink.refuse_recipient = "451 4.3.0 try again"
    await citizen.writes("路灯", "路灯不亮")
    async with Person(city, LEAD) as lead:

        async def well() -> bool | None:
            mailbox = await mailbox_at(lead)
            return True if (mailbox["waiting"], mailbox["hindrance"]) == (0, None) else None

        await ticket_of(lead, lambda one: one["title"] == "路灯", seconds=90)
        await hindered(lead)
        sink.refuse_recipient = ""
        with closing(sqlite3.connect(city.folder / "lianxin.db", timeout=20)) as database, database:
            # The server has asked for more patience than a test has.
            database.execute("UPDATE replies SET next_at = '2026-01-01 00:00:00.000000'")
        await until(well, 60)
    assert len([mail for _, to, mail in sink.mails if to == [citizen.address]]) == 1
