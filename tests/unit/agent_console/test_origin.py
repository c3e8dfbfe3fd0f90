from __future__ import annotations

import asyncio
from ipaddress import ip_network

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from agent_console.origin import FRONT, ForeignOrigin, Front, require_own_origin, sender


class Wire(asyncio.Transport):
    """A connection that knows only its peer."""

    def __init__(self, peer: str) -> None:
        super().__init__({"peername": (peer, 40000)})


def request(
    front: Front, *headers: tuple[str, str], peer: str = "10.0.0.1", host: str = "app:8080"
) -> web.Request:
    app = web.Application()
    app[FRONT] = front
    return make_mocked_request(
        "POST", "/", CIMultiDict([("Host", host), *headers]), app=app, transport=Wire(peer)
    )


BEHIND = Front(
    public_url="https://12345.example.gov.cn",
    trusted_proxies=(ip_network("10.0.0.1"), ip_network("10.1.0.0/16")),
)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.7"], "203.0.113.7"),  # the left one is a claim
        ("10.0.0.1", ["203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7", "10.1.2.3"], "203.0.113.7"),
        ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7, nonsense, 10.1.2.3"], "10.1.2.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("203.0.113.9", ["127.0.0.1"], "203.0.113.9"),  # a stranger may write what he likes
    ],
)
def test_only_a_trusted_proxy_says_who_asks(peer: str, forwarded: list[str], address: str) -> None:
    asked = request(BEHIND, *(("X-Forwarded-For", hops) for hops in forwarded), peer=peer)
    assert sender(asked) == address


def test_without_trusted_proxies_the_peer_asks() -> None:
    asked = request(Front(), ("X-Forwarded-For", "203.0.113.7"))
    assert sender(asked) == "10.0.0.1"


@pytest.mark.parametrize("origin", ["https://12345.example.gov.cn", "http://app:8080"])
def test_the_public_address_and_the_own_host_are_our_own(origin: str) -> None:
    require_own_origin(request(BEHIND, ("Origin", origin)))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
@pytest.mark.parametrize("front", [BEHIND, Front()])
def test_another_sites_page_is_refused(origin: str, front: Front) -> None:
    with pytest.raises(ForeignOrigin):
        require_own_origin(request(front, ("Origin", origin)))
