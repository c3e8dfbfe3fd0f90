from dataclasses import replace

import pytest

from channels.contacts.rules import Enclosure
from channels.wechat.stub.server import StubWeChat
from channels.wechat.stub.state import Fault
from infra.kit.clock import ManualClock
from infra.kit.errors import Refused, TryLater
from tests.integration.channels.wechat.account import ACCOUNT, IMPATIENT_SECONDS, Ours

MEDIA = "/cgi-bin/media/get"
PICTURE = b"\xff\xd8\xff\xe0" + bytes(1000)


@pytest.mark.parametrize("kind", ["image/jpeg", "audio/amr", "video/mp4"])
async def test_file_is_fetched_whole(
    clock: ManualClock, ours: Ours, stub: StubWeChat, kind: str
) -> None:
    media_id = stub.citizens.keep(PICTURE, kind)
    channel = ours.official(stub.url)
    assert await channel.fetch(Enclosure(media_id=media_id)) == PICTURE


async def test_file_that_is_gone_is_refused_for_good(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    with pytest.raises(Refused, match="40007"):
        await ours.official(stub.url).fetch(Enclosure(media_id="gone"))


async def test_file_that_is_too_large_is_refused_for_good(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    media_id = stub.citizens.keep(PICTURE + bytes(1024 * 1024), "image/jpeg")
    channel = ours.official(stub.url, media_megabytes=1)
    with pytest.raises(Refused, match="1 MB"):
        await channel.fetch(Enclosure(media_id=media_id))


@pytest.mark.parametrize(
    "fault", [Fault(code=-1), Fault(status=502), Fault(silent=True), Fault(seconds=10)], ids=str
)
async def test_file_is_tried_again_after_a_fault(
    clock: ManualClock, ours: Ours, stub: StubWeChat, fault: Fault
) -> None:
    media_id = stub.citizens.keep(PICTURE, "image/jpeg")
    channel = ours.official(stub.url, timeout_seconds=IMPATIENT_SECONDS)
    stub.fail(MEDIA, fault, fault)  # the client asks again once by itself when it was hung up on
    with pytest.raises(TryLater):
        await channel.fetch(Enclosure(media_id=media_id))
    stub.state.faults.clear()
    assert await channel.fetch(Enclosure(media_id=media_id)) == PICTURE


async def test_file_is_fetched_with_a_new_token_when_the_old_one_has_ended(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    media_id = stub.citizens.keep(PICTURE, "image/jpeg")
    channel = ours.official(stub.url)
    await channel.fetch(Enclosure(media_id=media_id))
    stub.state.revoke(ACCOUNT.appid)
    assert await channel.fetch(Enclosure(media_id=media_id)) == PICTURE


async def test_file_without_a_media_id_is_refused(clock: ManualClock, ours: Ours) -> None:
    with pytest.raises(Refused, match="MediaId"):
        await ours.official().fetch(Enclosure(content=b"x"))


async def test_menu_is_put_up_as_it_is_set(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    menu = [
        {"name": "我要反映", "key": "report"},
        {"name": "查进度", "url": "https://12345.example.gov.cn/citizen/"},
        {
            "name": "更多",
            "buttons": [
                {"name": "小程序", "mini_page": "pages/index/index"},
                {"name": "人工", "key": "agent"},
            ],
        },
    ]
    await ours.official(stub.url, menu=menu, mini_appid="wx7").put_up_menu()
    assert stub.state.menus[ACCOUNT.appid]["button"] == [
        {"type": "click", "name": "我要反映", "key": "report"},
        {"type": "view", "name": "查进度", "url": "https://12345.example.gov.cn/citizen/"},
        {
            "name": "更多",
            "sub_button": [
                {
                    "type": "miniprogram",
                    "name": "小程序",
                    "appid": "wx7",
                    "pagepath": "pages/index/index",
                    "url": "https://mp.weixin.qq.com",
                },
                {"type": "click", "name": "人工", "key": "agent"},
            ],
        },
    ]


async def test_empty_menu_takes_the_old_one_down(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    await ours.official(stub.url).put_up_menu()
    await ours.official(stub.url, menu=[]).put_up_menu()
    assert ACCOUNT.appid not in stub.state.menus


@pytest.mark.parametrize(
    "menu",
    [
        [{"name": "a"}],
        [{"name": "a", "key": "report", "url": "https://x"}],
        [{"name": "a", "key": "no-words"}],
        [{"name": "a", "key": "report"}] * 4,
    ],
)
def test_menu_that_does_nothing_stops_the_start(
    clock: ManualClock, ours: Ours, menu: list[dict[str, str]]
) -> None:
    with pytest.raises(ValueError, match=r"menu|button"):
        ours.official(menu=menu)


TEMPLATES = {kind: {"id": "T", "fields": {"thing1": "{text}"}} for kind in ("answer", "rating")}


async def test_account_that_is_set_up_well_has_no_findings(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    for channel in (
        ours.official(stub.url, templates=TEMPLATES),
        ours.mini(stub.url, templates=TEMPLATES),
    ):
        assert list(await channel.check()) == []


@pytest.mark.parametrize(
    ("changed", "setting", "fatal"),
    [
        ({"appid": ""}, "wechat.appid", True),
        ({"appid": "wx-unknown"}, "wechat.appid", True),
        ({"secret": ""}, "wechat.secret", True),
        ({"secret": "wrong"}, "wechat.secret", True),
        ({"token": ""}, "wechat.token", True),
        ({"encoding_aes_key": "short"}, "wechat.encoding_aes_key", True),
        ({"encryption": "plain"}, "wechat.encryption", False),
        ({"templates": {}}, "wechat.templates.answer", False),
        ({"api_url": "http://127.0.0.1:1"}, "wechat.api_url", True),
    ],
    ids=str,
)
async def test_what_is_misconfigured_is_named(
    clock: ManualClock,
    ours: Ours,
    stub: StubWeChat,
    changed: dict[str, object],
    setting: str,
    fatal: bool,
) -> None:
    more = {"templates": TEMPLATES, **changed}
    url = str(more.pop("api_url", stub.url))
    found = {one.setting: one for one in await ours.official(url, **more).check()}
    assert found[setting].fatal is fatal
    assert found[setting].message_zh
    assert found[setting].message_en


@pytest.mark.parametrize(
    ("code", "setting"), [(40164, "secret"), (48001, "appid"), (40243, "secret")]
)
async def test_what_wechat_says_against_the_account_is_named(
    clock: ManualClock, ours: Ours, stub: StubWeChat, code: int, setting: str
) -> None:
    stub.fail("/cgi-bin/stable_token", Fault(code=code))
    channel = ours.official(stub.url, templates=TEMPLATES)
    (found,) = await channel.check()
    assert found.setting == f"wechat.{setting}"
    assert str(code) in found.message_zh


async def test_stub_refuses_who_is_no_account(
    stub: StubWeChat, clock: ManualClock, ours: Ours
) -> None:
    stub.state.accounts[ACCOUNT.appid] = replace(ACCOUNT, secret="changed")
    with pytest.raises(Refused):
        await ours.official(stub.url).put_up_menu()


async def test_wechat_that_answers_no_json_is_tried_later(
    clock: ManualClock, ours: Ours, stub: StubWeChat
) -> None:
    stub.fail("/cgi-bin/stable_token", Fault(status=302))
    with pytest.raises(TryLater):
        await ours.official(stub.url).put_up_menu()


async def test_follower_of_a_bound_account_has_a_unionid(ours: Ours, stub: StubWeChat) -> None:
    stub.state.unionids["o-li"] = "u-li"
    channel = ours.official(stub.url)
    assert await channel.unionid_of("o-li") == "u-li"
    assert await channel.unionid_of("o-stranger") == ""


@pytest.mark.parametrize("fault", [Fault(code=-1), Fault(status=500), Fault(code=48001)], ids=str)
async def test_unionid_is_asked_for_later_when_wechat_says_nothing(
    ours: Ours, stub: StubWeChat, fault: Fault
) -> None:
    stub.fail("/cgi-bin/user/info", fault)
    with pytest.raises(TryLater):
        await ours.official(stub.url).unionid_of("o-li")
