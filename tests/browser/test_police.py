"""One key to 110, in the real console, with two real Asterisks and a 110 platform; and the citizen's own call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from pydantic import SecretStr
from sqlmodel import select

from channels.police_110 import stub
from channels.police_110.settings import Police110Settings
from channels.police_110.stub import Stub110
from channels.police_110.wire import Kind
from crm_bridge.citizen_pages.passes import Passes
from crm_bridge.police.tables import HandoverRow
from infra.kit.clock import SystemClock
from infra.kit.vault import open_vault
from telephony.numbers import PhoneNumber
from telephony.phone_network.records import What, read
from tests.browser.citizen import Telephone as Citizen
from tests.browser.citizen import new_telephone
from tests.browser.conftest import OpenDesk
from tests.browser.hotline import AGENTS, CONSOLE, Hotline
from tests.browser.waiting import eventually
from tests.faults.hotline import rows
from tests.faults.telephone import Telephone, telephone
from tests.installation import Installation
from tests.integration import pbx

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asterisk,
    pytest.mark.timeout(150),
    pytest.mark.asyncio(loop_scope="session"),
]

SECRET = "a-secret-of-both-sides"
MOBILE = PhoneNumber("13800015121")


@dataclass
class Joined:
    """A hotline that is joined to a 110 platform."""

    hotline: Hotline
    police: Stub110

    def of_police(self) -> list[What]:
        """What the network saw of calls to 110."""
        records = read(self.hotline.exchange.network)
        return [seen.event for seen in records if seen.citizen == "110"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def joined(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Joined]:
    theirs = Police110Settings(
        secret=SecretStr(SECRET), own_id="110", platform_id="12345", url="http://127.0.0.1:9"
    )
    async with (
        stub.running(theirs, SystemClock()) as police,
        pbx.exchange(survey_repeats=1) as exchange,
    ):
        known = exchange.hotline.model_dump(mode="json", exclude={"ami_secret"}, exclude_none=True)
        installation = Installation(
            tmp_path_factory.mktemp("joined"),
            {
                "telephony": {"start_asterisk": False},
                "asterisk": known,
                # An agent here works over the API alone: without a page he would leave while a citizen still dials.
                "console": {**CONSOLE, "away_seconds": 600},
                "citizen": {"work_bits": 8},
                "police_110": {"enabled": True, "secret": SECRET, "url": police.url},
            },
        )
        url = f"{installation.url}/channels/police-110"
        police.settings = theirs.model_copy(update={"url": url})
        police.officer = lambda message: [
            police.answer(Kind.accepted, message, handled_by="江滨派出所")
        ]
        await installation.prepare(*AGENTS)
        try:
            await installation.start()
            yield Joined(Hotline(exchange=exchange, installation=installation), police)
        finally:
            await asyncio.to_thread(installation.stop)


async def test_one_key_hands_the_call_to_110_and_the_agent_leaves_the_two_talking(
    joined: Joined, open_desk: OpenDesk
) -> None:
    desk = await open_desk(joined.hotline.installation.url, "1001")
    await desk.go_online()
    async with joined.hotline.citizen("13800011120", stay_seconds=60):
        await desk.rings("138****1120")
        await desk.answer()
        await desk.at("form-text").fill("有人持刀闯入，请立即出警。")
        await desk.page.keyboard.press("F7")
        await desk.at("police-ring").click()
        await expect(desk.at("police-strip")).to_have_attribute("data-state", "joined")
        await expect(desk.at("police-matter")).to_contain_text("110 已受理")
        (transfer,) = joined.police.taken
        assert transfer.matter is not None
        assert transfer.matter.caller_phone == "13800011120"
        assert transfer.matter.text == "有人持刀闯入，请立即出警。"
        await desk.hears_and_is_heard()

        await desk.at("police-leave").click()
        await desk.shows_call("idle")
        await desk.shows_status("wrap_up")
        assert joined.of_police() == [What.called, What.answered]
        async with joined.hotline.person("1001") as person:
            path = f"/police/handovers/{(await handovers(joined))[0]}"

            async def steps() -> list[tuple[str, str]]:
                found = await person.call("GET", path, expect=200)
                return [(line["step"], line["holder"]) for line in found["custody"]]

            await eventually(
                steps,
                lambda seen: ("agent_left", "police") in seen,
                "the log says that the agent has left",
            )
            assert ("call_joined", "both") in await steps()
    await eventually(
        lambda: _now(joined.of_police()),
        lambda seen: seen == [What.called, What.answered, What.ended],
        "110 has hung up with the citizen",
    )


async def test_a_citizen_who_hangs_up_is_told_to_the_agent_who_ends_the_talk_with_110(
    joined: Joined, open_desk: OpenDesk
) -> None:
    desk = await open_desk(joined.hotline.installation.url, "1003")
    await desk.go_online()
    before = len(joined.of_police())
    async with joined.hotline.citizen("13800011121", stay_seconds=120):
        await desk.rings("138****1121")
        await desk.answer()
        await desk.page.keyboard.press("F7")
        await desk.at("police-ring").click()
        await expect(desk.at("police-strip")).to_have_attribute("data-state", "joined")
        await hang_up_citizens(joined)
        await expect(desk.at("police-strip")).to_have_attribute("data-state", "without_citizen")
        await expect(desk.at("police-call")).to_have_text("市民已挂断，现在只有您与 110 在通话")
        await desk.shows_call("talking")
        await desk.shows_status("on_call")
        await desk.hears_and_is_heard()

        await desk.at("police-end").click()
        await desk.shows_call("idle")
        await desk.shows_status("wrap_up")
        await expect(desk.at("police-strip")).to_have_count(0)
    await eventually(
        lambda: _now(joined.of_police()[before:]),
        lambda seen: seen == [What.called, What.answered, What.ended],
        "110 has gone with the agent",
    )
    async with joined.hotline.person("1003") as person:
        path = f"/police/handovers/{(await handovers(joined))[-1]}"

        async def steps() -> list[str]:
            return [
                line["step"]
                for line in (await person.call("GET", path, expect=200))["custody"]
                if line["step"] in {"call_joined", "citizen_left", "call_ended"}
            ]

        await eventually(
            steps,
            lambda seen: seen == ["call_joined", "citizen_left", "call_ended"],
            "the log says who left when",
        )


async def hang_up_citizens(joined: Joined) -> None:
    """End the part of whoever called the hotline; whom the hotline has called goes on."""
    network = joined.hotline.exchange.network_process
    for line in (await network.console("core show channels concise")).splitlines():
        channel, context, *_ = f"{line}!".split("!")
        if channel.startswith("PJSIP/") and context != "from-hotline":
            await network.console(f"channel request hangup {channel}")


async def _now(value: Any) -> Any:
    return value


async def handovers(joined: Joined) -> list[int]:
    """The rows of all matters that were handed over."""
    return [row.id for row in await rows(joined.hotline.installation, select(HandoverRow))]


async def test_a_citizen_calls_from_the_page_and_the_agent_sees_where_he_is(
    joined: Joined, browser: Browser
) -> None:
    url, hotline = joined.hotline.installation.url, joined.hotline
    citizen = await new_telephone(browser, hotline.installation)
    try:
        await citizen.context.grant_permissions(["microphone", "geolocation"], origin=url)
        async with hotline.person("1002") as person:
            account = await person.call("GET", "/session/phone", expect=200)
            port = hotline.exchange.hotline.sip_port
            async with telephone(port, account["username"], account["password"]) as agents:
                await eventually(lambda: registers(agents), bool, "the telephone is registered")
                await person.call("PUT", "/presence", {"state": "online"}, expect=200)
                await citizen.open("")
                await has_shown_his_number(citizen, joined.hotline.installation)
                await citizen.at("door-call").click()
                await expect(citizen.at("call-phone")).to_be_checked()
                await citizen.at("call-place").check()
                await citizen.at("call-start").click()
                await expect(citizen.at("call")).to_have_attribute("data-state", "talking")

                async def current() -> Any:
                    return (await person.call("GET", "/calls/current", expect=200))["call"]

                call = await eventually(
                    current, lambda now: now and now["state"] == "answered", "the agent answers"
                )
                assert call["caller_masked"] == MOBILE.masked
                path = f"/calls/{call['id']}/one-touch"

                async def beside() -> Any:
                    return (await person.call("GET", path, expect=200))["one_touch"]

                shown = await eventually(beside, bool, "what goes with the call is known")
                assert (shown["kind"], shown["latitude"]) == ("page", 30.27415)
                await citizen.at("call-hangup").click()
                await expect(citizen.at("call-over")).to_be_visible()
                await eventually(current, lambda now: now is None, "the call is over")
        assert citizen.problems == []
    finally:
        await citizen.close()


async def has_shown_his_number(citizen: Citizen, installation: Installation) -> None:
    """Let a page have what the code of a short message brings: a pass for its citizen's number."""
    vault = open_vault(installation.settings.security.data_key_file)
    made = Passes(SystemClock(), vault, timedelta(days=1)).of_phone(MOBILE)
    shown = {"phone": MOBILE.digits, "pass": made.text, "until": made.expires_at.isoformat()}
    await citizen.page.evaluate(
        "shown => sessionStorage.setItem('lianxin-citizen.proven', JSON.stringify(shown))", shown
    )
    await citizen.page.reload()


async def registers(made: Telephone) -> bool:
    """Whether the PBX takes the telephone; the account is minted a moment after the login."""
    try:
        await made.register()
    except PermissionError:
        return False
    return True
