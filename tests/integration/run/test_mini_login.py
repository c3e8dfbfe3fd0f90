"""Who uses the mini program: logins with WeChat, and nothing without one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from channels.wechat.stub.state import Fault, Person
from tests.integration.run.mini_city import running_mini_city, telephone, vouched
from tests.integration.run.wechat_city import Telephone, WeChatCity, new_key

pytestmark = [pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="module")]
LOGIN = "/sns/jscode2session"
ROUTES = [
    ("PUT", "/phone", {"code": "x"}),
    ("POST", "/attachments", None),
    ("POST", "/reports", {"text": "路灯不亮"}),
    ("GET", "/tickets", None),
    ("GET", "/tickets/20260302-000001", None),
    ("POST", "/tickets/20260302-000001/rating", {"satisfied": 1}),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WeChatCity]:
    """One city for all of them, as its start takes a while; every test has people of its own."""
    async with running_mini_city(tmp_path_factory.mktemp("mini")) as running:
        yield running


async def test_form_says_what_can_be_reported_without_a_login(city: WeChatCity) -> None:
    form = await Telephone(city, Person(openid="nobody")).call("GET", "/form", expect=200)
    assert [one["name_zh"] for one in form["types"]] == [
        "咨询",
        "求助",
        "投诉",
        "举报",
        "建议",
        "表扬",
    ]
    assert form["templates"] == ["T1"]
    assert form["hotline"] == "12345"
    assert form["limits"]["text"] == 4000
    assert any(one["parent"] for one in form["categories"])


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=str)
@pytest.mark.parametrize("token", ["", "no-such-token", "x" * 5000])
async def test_nothing_is_told_or_taken_without_a_login(
    city: WeChatCity, method: str, path: str, body: object, token: str
) -> None:
    stranger = Telephone(city, Person(openid="stranger"))
    stranger.token = token
    await stranger.call(method, path, body, expect=401, key=new_key())


async def test_code_is_good_once(city: WeChatCity) -> None:
    one = Telephone(city, Person(openid="openid-of-once"))
    code = city.wechat.citizens.code_for(one.person)
    await one.call("POST", "/sessions", {"code": code}, expect=201)
    for bad in (code, "never-given"):
        refused = await one.call("POST", "/sessions", {"code": bad}, expect=422)
        assert refused["fields"][0]["pointer"] == "/code"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(code=40226), 403),
        (Fault(code=45011), 503),
        (Fault(code=-1), 503),
        (Fault(status=500), 503),
        (Fault(code=40125), 503),
    ],
    ids=str,
)
async def test_login_that_wechat_refuses_says_what_to_do(
    city: WeChatCity, fault: Fault, status: int
) -> None:
    one = Telephone(city, Person(openid="openid-of-refused"))
    city.wechat.fail(LOGIN, fault)
    code = city.wechat.citizens.code_for(one.person)
    refused = await one.call("POST", "/sessions", {"code": code}, expect=status)
    assert refused["detail_zh"]
    assert city.mini.secret not in str(refused)


async def test_logged_out_telephone_is_let_in_no_more(city: WeChatCity) -> None:
    one = await telephone(city, "leaver")
    await one.call("GET", "/tickets", expect=200)
    await one.call("DELETE", "/sessions/current", expect=204)
    await one.call("GET", "/tickets", expect=401)


async def test_number_stays_known_at_the_next_login(city: WeChatCity) -> None:
    one = await telephone(city, "returner", phone="13600015121")
    await vouched(one)
    assert (await one.log_in())["phone"] == "136****5121"


async def test_nothing_of_who_somebody_is_lies_open(city: WeChatCity) -> None:
    one = await telephone(city, "private", phone="13400015121")
    await vouched(one)
    await one.call("POST", "/reports", {"text": "噪音扰民"}, expect=201, key=new_key())
    folder = city.installation.folder
    kept = b"".join(file.read_bytes() for file in folder.glob("lianxin.db*"))
    logged = city.installation.log().encode()
    for secret in ("openid-of-private", "u-private", "13400015121", one.token):
        assert secret.encode() not in kept
        assert secret.encode() not in logged
