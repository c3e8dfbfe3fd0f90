"""The samples of calls, of the counter and of Open311, whose contacts come over ways of their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from channels.counter import CounterChannel, Visit
from channels.open311.channel import Open311Channel
from channels.open311.rules import Note, Report
from channels.voice import VoiceChannel
from infra.kit.identity import Principal, Role
from telephony.calls.rules import Call, CallChange, CallState, ChangeKind, Direction
from telephony.numbers import PhoneNumber
from tests.contract.channels.samples import Sample

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
CALL = CallChange(
    kind=ChangeKind.offered,
    at=NOW,
    call=Call(
        pbx="pbx-1",
        linkedid="1740879000.7",
        direction=Direction.inbound,
        state=CallState.offered,
        caller=PhoneNumber("13800015121"),
        queue="hotline",
        agent=None,
        offered_at=NOW,
    ),
)
REPORT = Report(
    sender=Principal(
        user_id=0,
        number="key:7",
        name="随手拍",
        role=Role.MACHINE,
        permissions=frozenset({"open311.write"}),
    ),
    form={
        "api_key": ["lx_7_secret"],
        "service_code": ["2004"],
        "lat": ["37.76524078"],
        "long": ["-122.4212043"],
        "phone": ["13800015121"],
        "description": ["路灯不亮"],
    },
    received_at=NOW,
    service="路灯与井盖",
)
NOTE = Note(
    sender=REPORT.sender,
    form={"service_request_id": ["20260302-000001"], "description": ["仍然不亮"]},
    received_at=NOW,
)

VOICE = Sample(
    channel=VoiceChannel(), contact=CALL, something_else=replace(CALL, kind=ChangeKind.ended)
)
VISIT = Visit(form_id="0a1b2c", at=NOW, phone=PhoneNumber("13800015121"))
COUNTER = Sample(channel=CounterChannel(), contact=VISIT, something_else=replace(VISIT, form_id=""))
OPEN311 = Sample(channel=Open311Channel(), contact=REPORT, something_else=NOTE)
