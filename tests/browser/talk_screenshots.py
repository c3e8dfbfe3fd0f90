"""Pictures of a conversation over WeChat: `python -m tests.browser.talk_screenshots [FOLDER]`.

Without a folder the two pictures of the README are made anew; with one, pictures of the page in every size, language
and theme are put there as well.
"""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw
from playwright.async_api import Browser, expect

from infra.kit.identity import Role
from tests.browser.chromium import chromium, new_desk
from tests.browser.desk import Desk
from tests.browser.desk_screenshots import Camera, readme
from tests.browser.screenshots import README_FOLDER
from tests.installation import Person
from tests.integration.run.wechat_city import WeChatCity, installed, made_ready, told, wechat

AGENT = "1001"
CITIZEN, WAITING = "o-lamp-of-binjiang", "o-noise-of-qiaoxi"


def lamp() -> bytes:
    """A lamp that does not burn, as a telephone takes it at night."""
    picture = Image.new("RGB", (640, 480), (22, 28, 44))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 360, 640, 480), fill=(44, 46, 54))
    draw.rectangle((310, 110, 322, 400), fill=(92, 98, 110))
    draw.rectangle((322, 110, 430, 120), fill=(92, 98, 110))
    draw.polygon(((420, 120), (470, 120), (456, 142), (434, 142)), fill=(120, 124, 132))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()


async def writes(city: WeChatCity, openid: str, text: str) -> None:
    """Let a citizen write."""
    pushed = await city.wechat.citizens.write(city.official, openid, text)
    assert pushed.status == 200


async def says(desk: Desk, city: WeChatCity, text: str) -> None:
    """Answer the citizen, and return when he has it."""
    await desk.at("talk-text").fill(text)
    await desk.at("talk-text").press("Enter")
    await told(city, CITIZEN, text[:8])


async def talk(desk: Desk, city: WeChatCity) -> None:
    """A citizen tells of a lamp, and the agent asks and registers."""
    await writes(city, CITIZEN, "望江路 18 号门口的路灯三天不亮了，老人晚上出门看不见路。")
    await desk.at("talk-accept").click()
    await expect(desk.at("talk-text")).to_be_visible()
    await says(desk, city, "您好，请问是哪一盏？方便的话请拍一张照片发过来。")
    await city.wechat.citizens.send_file(city.official, CITIZEN, "image", lamp(), "image/jpeg")
    await expect(desk.at("talk-file").locator("img")).to_be_visible()
    await writes(city, CITIZEN, "公交站旁边那一盏。")
    await says(desk, city, "收到，马上为您登记，转路灯管理所今晚检修。")
    await writes(city, WAITING, "朝阳里夜市油烟太大，凌晨一点还在营业。")
    await expect(desk.at("talk-offer")).to_be_visible()


async def take_all(browser: Browser, city: WeChatCity, camera: Camera) -> None:
    """Take the conversation in the middle, while another is offered."""
    async with Person(city.installation, AGENT) as agent:
        desk = await new_desk(browser, city.installation.url, scale=1.5)
        await desk.log_in(AGENT)
        await expect(desk.at("status-menu")).to_be_visible()
        await agent.call("PUT", "/presence", {"state": "online"}, expect=200)
        await talk(desk, city)
        await readme(desk, "talk")
        await camera.take(desk, "talk")
        await desk.close()


async def main(folder: Path | None) -> None:
    """Make the pictures."""
    with TemporaryDirectory() as home:
        async with wechat() as stub, chromium() as browser:
            city = installed(
                Path(home),
                stub,
                casework={"attachments_dir": f"{home}/attachments"},
                conversations={"offer_seconds": 120},
            )
            await made_ready(city, (AGENT, "李静", Role.AGENT))
            try:
                await take_all(browser, city, Camera(folder))
            finally:
                city.installation.stop()


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for place in filter(None, (README_FOLDER, chosen)):
        place.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen))
