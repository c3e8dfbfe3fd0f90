"""A letter to the mayor on a real screen: it comes from a Dovecot, is answered on the page, and the answer goes out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack
from email.message import EmailMessage
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from agent_console.pages import DIST
from infra.kit.identity import Role
from tests.browser.chromium import new_desk
from tests.browser.waiting import eventually
from tests.installation import Installation, Person
from tests.mail_servers import PASSWORD, DovecotServer, Sink, own_dovecot, start_sink
from tests.parts import missing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.asyncio(loop_scope="session"),
]
LEAD = "2001"
MAYOR = "mayor@linjiang.example"
CITIZEN = "liming@citizen.example"


class City:
    """A hotline without telephones, and the servers of its mailbox."""

    def __init__(self, installation: Installation, dovecot: DovecotServer, sink: Sink) -> None:
        self.installation = installation
        self._dovecot = dovecot
        self._sink = sink

    async def gets(self, subject: str, text: str, *, answers: str = "") -> None:
        """The mailbox gets a letter."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = f"李明 <{CITIZEN}>", MAYOR, subject
        mail["Message-ID"] = f"<{uuid4().hex}@citizen.example>"
        if answers:
            mail["In-Reply-To"] = answers
        mail.set_content(text, charset="gbk", cte="base64")
        await asyncio.to_thread(self._dovecot.put, mail, user=MAYOR)

    async def sent(self, count: int) -> EmailMessage:
        """Return the last of so many mails that went out, once it has."""

        async def mails() -> list[EmailMessage]:
            return [mail for _, _, mail in self._sink.mails]

        found = await eventually(mails, lambda all_: len(all_) >= count, f"{count} mails are sent")
        return found[count - 1]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    if not (DIST / "index.html").is_file():
        missing("The built pages", "infra/setup.sh pages")
    with ExitStack() as stack:
        dovecot = stack.enter_context(own_dovecot())
        sink = stack.enter_context(start_sink())
        installation = Installation(
            tmp_path_factory.mktemp("city"),
            {
                "telephony": {"enabled": False},
                "mayor_mailbox": {
                    "address": MAYOR,
                    "imap_host": "127.0.0.1",
                    "imap_port": dovecot.port,
                    "imap_security": "none",
                    "imap_password": PASSWORD,
                    "smtp_host": "127.0.0.1",
                    "smtp_port": sink.port,
                    "smtp_security": "none",
                },
            },
        )
        await installation.prepare((LEAD, "周敏", Role.LEAD))
        await installation.start()
        try:
            yield City(installation, dovecot, sink)
        finally:
            installation.stop()


async def test_letter_and_what_is_added_to_it_stand_on_the_page_and_are_answered_there(
    browser: Browser, city: City
) -> None:
    await city.gets("路灯不亮", "滨江路 18 号门前的路灯三天不亮。")
    receipt = await city.sent(1)
    await city.gets("Re: 路灯不亮", "隔壁 20 号的也不亮。", answers=receipt["Message-ID"])
    desk = await new_desk(browser, city.installation.url)
    async with Person(city.installation, LEAD) as lead:

        async def notes() -> list[str]:
            page = await lead.call("GET", "/tickets?channel=mayor-mailbox", expect=200)
            path = f"/tickets/{page['items'][0]['id']}/notes"
            found = await lead.call("GET", path, expect=200)
            return [path, *(one["text"] for one in found["items"])]

        path, *_ = await eventually(notes, lambda found: len(found) > 1, "the letter is added")
    try:
        await desk.log_in(LEAD)
        await expect(desk.at("status-menu")).to_be_visible()
        await desk.page.goto(f"{city.installation.url}/#{path.removesuffix('/notes')}")
        await expect(desk.at("ticket")).to_contain_text("滨江路 18 号门前的路灯三天不亮。")
        await expect(desk.at("ticket")).to_contain_text("市长信箱")
        await expect(desk.at("outside-notes")).to_contain_text("隔壁 20 号的也不亮。")
        await desk.at("forward-way-answer").click()
        await desk.at("ticket-answer").fill("两处路灯均已修复，感谢您的来信。")
        await desk.at("ticket-answer-submit").click()
        # Nobody knows his number, so nobody rings him: what is answered is soon archived.
        answered = re.compile("closed|callback|archived")
        await expect(desk.at("ticket-state")).to_have_attribute("data-state", answered)
        answer = await city.sent(2)
        assert "两处路灯均已修复" in answer.get_content()
        assert desk.problems == []
    finally:
        await desk.close()
