"""Webhooks: what is told to other systems, how it is signed, and how long it is tried. Pure.

A request is signed over its moment and its exact bytes, so that nobody can alter it or send it again later:

    Lianxin-Signature: t=1772415000,v1=5f2c…,v1=09ab…

`t` is the moment of sending in seconds since 1970; each `v1` is the HMAC-SHA-256, in hexadecimal digits, of `t`, a full
stop and the body, by one secret. There are two `v1` while a new secret and the one before it both hold. A receiver
checks in a few lines:

    def genuine(header: str, body: bytes, secret: str, now: float) -> bool:
        parts = [part.split("=", 1) for part in header.split(",")]
        moment = next(value for name, value in parts if name == "t")
        wanted = hmac.new(secret.encode(), moment.encode() + b"." + body, "sha256").hexdigest()
        fresh = abs(now - int(moment)) <= 300
        return fresh and any(name == "v1" and hmac.compare_digest(value, wanted) for name, value in parts)
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from infra.kit.backoff import Backoff
from infra.kit.errors import Invalid

SIGNATURE_HEADER = "Lianxin-Signature"
DESTINATION = "webhook"
"""The outbox destination that is told to subscriptions."""

ANY = "*"
PING = "webhook.ping"
EVENT_TYPES = ("ticket.created", "ticket.assigned", "ticket.changed", "ticket.noted")
"""What a subscription can name; `*` is all of them, and whatever is told in later versions."""

URL_LENGTH = 500
_BACKOFF = Backoff(first=timedelta(seconds=5), longest=timedelta(hours=2), growth=3)
_GONE = 410
_TOO_MANY = 429
_UNAVAILABLE = 503
_LONGEST_ASKED = timedelta(hours=1)

_FACTS = frozenset(
    {
        "ticket_id",
        "number",
        "event",
        "state",
        "from_state",
        "version",
        "round",
        "type",
        "category",
        "urgency",
        "channel",
        "lane",
        "n",
        "unit",
        "units",
        "role",
        "assignment_state",
        "at",
        "created_at",
        "dispatched_at",
        "sign_due_at",
        "due_at",
        "closed_at",
        "rating",
    }
)
_CODE = re.compile(r"[A-Za-z0-9_.:+/-]{0,60}", re.ASCII)
_NAT64 = IPv6Network("64:ff9b::/96")


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    waiting = "waiting"
    """To be sent, for the first time or again."""
    delivered = "delivered"
    """The receiver has answered with a 2xx."""
    dead = "dead"
    """Given up; a person may send it again."""


class Failure(StrEnum):
    """Why an attempt has failed. The receiver's own words are never kept."""

    status = "status"
    """It answered with another status than 2xx."""
    redirect = "redirect"
    """It sent us elsewhere, which we do not follow."""
    timeout = "timeout"
    refused = "refused"
    """Nobody listens there, or the connection broke."""
    unknown_host = "unknown_host"
    tls = "tls"
    private_address = "private_address"
    """The name leads into our own network."""
    protocol = "protocol"
    """What came back is no HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one attempt.

    Attributes:
        status: Of the answer; None without one.
        failure: None when the receiver took it.
        retry_after: What the receiver asked for, in seconds; None if it asked for nothing.
        milliseconds: From the first byte sent to the status line.
    """

    status: int | None
    failure: Failure | None
    retry_after: float | None = None
    milliseconds: int


def signature(secrets: Sequence[str], body: bytes, at: datetime) -> str:
    """Return the value of the signature header, with one `v1` for each secret that holds."""
    moment = str(int(at.timestamp()))
    signed = moment.encode() + b"." + body
    digests = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={moment}", *(f"v1={digest}" for digest in digests)])


def wants(types: Sequence[str], kind: str) -> bool:
    """Return whether a subscription to these types is told of an event of this kind."""
    return ANY in types or kind in types


def facts(data: Mapping[str, object]) -> dict[str, object]:
    """Return what of an event's data may leave the city: ids, numbers, states, units and moments.

    Everything else is left out, whatever it is called: a value must be a number, a truth value or a short code of
    plain letters, so that neither a name nor what a citizen wrote can pass by mistake.
    """
    return {
        name: value for name, value in data.items() if name in _FACTS and _publishable(name, value)
    }


def _publishable(name: str, value: object) -> bool:
    if name == "units" and isinstance(value, (list, tuple)):
        return all(isinstance(code, str) and _CODE.fullmatch(code) for code in value)
    if isinstance(value, str):
        return _CODE.fullmatch(value) is not None
    return value is None or isinstance(value, (int, bool))


def next_attempt(
    attempts: int, now: datetime, until: datetime, outcome: Outcome, jitter: float | None = None
) -> datetime | None:
    """Return when a delivery that failed is sent again, or None when it is given up.

    Args:
        attempts: How often it has been sent, this failure included.
        now: The present moment.
        until: After this it is given up.
        outcome: The failure; a receiver that is gone for good (410) ends it, `Retry-After` puts it off.
        jitter: Between 0 and 1, so that what failed together does not come back together; None: any.
    """
    if outcome.status == _GONE or now >= until:
        return None
    wait = _BACKOFF.after(attempts, jitter)
    if outcome.retry_after is not None and outcome.status in (_TOO_MANY, _UNAVAILABLE):
        wait = max(wait, min(timedelta(seconds=outcome.retry_after), _LONGEST_ASKED))
    # The last one comes at the very end, so that a receiver which was away for the whole day but one minute gets it.
    return min(now + wait, until)


def origin_of(url: str, *, allow_http: bool, allow_private: bool) -> str:
    """Return host and port of an address that webhooks may be sent to.

    Args:
        url: As it was typed.
        allow_http: Whether it may go without TLS.
        allow_private: Whether it may lie in our own network.

    Raises:
        Invalid: It is no address, or one that we do not send to.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        raise Invalid("not a web address", "不是有效的网址") from None
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host or len(url) > URL_LENGTH:
        raise Invalid(
            "give an address like https://example.com/hook",
            "请填写形如 https://example.com/hook 的网址",
        )
    if any(sign.isspace() or not sign.isprintable() for sign in url):
        raise Invalid(
            "the address holds blanks or invisible characters", "网址中含有空白或不可见字符"
        )
    if parts.scheme == "http" and not allow_http:
        raise Invalid("the address must begin with https://", "网址须以 https:// 开头")
    if parts.username is not None or parts.password is not None:
        raise Invalid("leave name and password out of the address", "网址中不得包含用户名或密码")
    if parts.fragment:
        raise Invalid("leave the part from # on out of the address", "网址中不得包含 # 之后的部分")
    if not allow_private and (host == "localhost" or is_private_literal(host)):
        raise Invalid("the address lies in a private network", "该地址位于内部网络，不能使用")
    return f"{host}:{port}"


def is_private_literal(host: str) -> bool:
    """Return whether a host is an address in figures that is not public; a name is not, whatever it leads to."""
    try:
        return not is_public(host)
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet.

    An IPv4 address that an IPv6 one wraps (mapped, 6to4, Teredo, NAT64) counts as what is inside.

    Raises:
        ValueError: It is no IP address.
    """
    found = ip_address(address.partition("%")[0])
    inner = _wrapped(found) if isinstance(found, IPv6Address) else None
    if inner is not None and not _global(inner):
        return False
    return inner is not None or _global(found)


def _global(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return (
        address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    )
