from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.police_110.channel import Police110Channel
from channels.police_110.settings import Police110Settings
from channels.police_110.wire import Kind, Message, read
from channels.protocol import Delivery
from infra.kit.clock import ManualClock
from infra.kit.errors import Invalid

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
TRANSFER: dict[str, Any] = {
    "message_id": "jj-20260302-1",
    "kind": "transfer",
    "transfer_id": "JJ20260302000017",
    "sent_at": "2026-03-02T09:30:00+08:00",
    "matter": {
        "title": "邻里噪声",
        "text": "楼上装修，晚上十点还在施工。",
        "address": "江滨路 8 号",
        "longitude": 120.1,
        "latitude": 30.2,
        "caller_phone": "+86 138-0001-5121",
        "caller_name": "李明",
    },
}


def channel(clock: ManualClock) -> Police110Channel:
    return Police110Channel(Police110Settings(secret="a-secret-of-both-sides"), clock)


def delivery(message: object) -> Delivery:
    return Delivery(method="POST", body=json.dumps(message).encode(), received_at=NOW)


def changed(**matter: Any) -> dict[str, Any]:
    return {**TRANSFER, "matter": {**TRANSFER["matter"], **matter}}


def test_a_transfer_is_a_contact_with_the_citizens_number_and_place(clock: ManualClock) -> None:
    (contact,) = channel(clock).parse(delivery(TRANSFER))
    assert (contact.channel, contact.external_id) == ("police-110", "JJ20260302000017")
    assert contact.phone is not None
    assert contact.phone.digits == "13800015121"
    assert contact.message is not None
    assert (contact.message.latitude, contact.message.longitude) == (30.2, 120.1)
    assert contact.name == "李明"


def test_a_number_that_is_none_loses_nobody_his_matter(clock: ManualClock) -> None:
    (contact,) = channel(clock).parse(delivery(changed(caller_phone="分机 12")))
    assert contact.phone is None
    assert contact.extra["caller_phone"] == "分机 12"


def test_what_nobody_here_knows_is_kept(clock: ManualClock) -> None:
    (contact,) = channel(clock).parse(
        delivery({**changed(police_station="江滨所"), "batch": [1, {"a": None}]})
    )
    assert contact.extra["matter"] == {"police_station": "江滨所"}
    assert contact.extra["batch"] == [1, {"a": None}]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({**TRANSFER, "transfer_id": ""}, ""),
        ({**TRANSFER, "matter": None}, ""),
        ({**TRANSFER, "kind": "arrest"}, "/kind"),
        ({**TRANSFER, "message_id": "a b"}, "/message_id"),
        ({**TRANSFER, "sent_at": "2026-03-02T09:30:00"}, "/sent_at"),
        (changed(text=" "), "/matter/text"),
        (changed(text="a\x00b"), "/matter/text"),
        (changed(text="x" * 8001), "/matter/text"),
        (changed(latitude=None), "/matter"),
        (changed(longitude=181), "/matter/longitude"),
        (changed(longitude="nan"), "/matter/longitude"),
        ({**TRANSFER, "kind": "refused"}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place_and_without_its_words(
    wrong: object, pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read(json.dumps(wrong).encode())
    assert refused.value.fields[0].pointer == pointer
    assert "施工" not in repr(refused.value.fields)


@pytest.mark.parametrize("kind", [Kind.accepted, Kind.refused, Kind.finished, Kind.supplement])
def test_an_answer_at_the_address_of_transfers_is_told_where_to_go(
    clock: ManualClock, kind: Kind
) -> None:
    answer = {**TRANSFER, "kind": kind.value, "reason": "不属公安职责", "text": "已处置"}
    with pytest.raises(Invalid, match="/channels/police-110/answers"):
        channel(clock).parse(delivery(answer))


def test_what_is_sent_is_read_as_it_was() -> None:
    message = read(json.dumps(TRANSFER).encode())
    assert read(message.encoded()) == message


def test_messages_show_nothing_of_a_citizen_in_logs() -> None:
    shown = repr(read(json.dumps(changed(witness="王芳")).encode()))
    for private in ("13800015121", "138-0001", "李明", "江滨路", "施工", "噪声", "120.1", "王芳"):
        assert private not in shown


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*Message.model_fields, "more"]), _JSON, max_size=8))
def test_any_json_is_read_or_refused(message: dict[str, Any]) -> None:
    for body in ({**TRANSFER, **message}, message):
        with contextlib.suppress(Invalid):
            read(json.dumps(body).encode())


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        read(body)
