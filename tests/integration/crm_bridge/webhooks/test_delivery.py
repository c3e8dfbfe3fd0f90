"""What happens to tickets reaches another system: signed, in order, again when it fails, and nothing secret."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from crm_bridge.tickets.vocabulary import TicketType
from crm_bridge.webhooks.settings import WebhookSettings
from crm_bridge.webhooks.subscription import Form
from tests.integration.crm_bridge.webhooks.house import ADMINISTRATOR, LOOPBACK, Switchboard
from tests.integration.crm_bridge.webhooks.receiver import Receiver, receiving, status


async def test_event_arrives_signed_with_ids_and_states_only(
    board: Switchboard, receiver: Receiver
) -> None:
    await board.ticket(1)
    _, secret = await board.subscribe(receiver.url)
    await board.happen(1, state="closed", unit="CG01", title="夜间施工噪声", phone="13800015121")
    assert await board.send() == 1
    (event,) = receiver.requests
    (delivery,) = await board.deliveries()
    assert event == {
        "id": delivery.event_id,
        "type": "ticket.changed",
        "at": board.clock.now().isoformat(),
        "data": {"ticket_id": 1, "version": 1, "state": "closed", "unit": "CG01"},
    }
    assert receiver.all_genuine(secret, board.clock.now().timestamp())
    (attempt,) = await board.log()
    assert (attempt.n, attempt.status, attempt.failure) == (1, 204, None)


async def test_secret_lies_sealed_in_the_database(board: Switchboard, receiver: Receiver) -> None:
    _, secret = await board.subscribe(receiver.url)
    await board.happen(1)
    async with board.database.reading() as session:
        connection = await session.connection()
        raw = (await connection.exec_driver_sql("SELECT * FROM webhooks")).all()
    assert secret.startswith("whsec_")
    assert secret not in repr(raw)


async def test_each_subscription_gets_what_it_wants_under_one_id(
    board: Switchboard, receiver: Receiver
) -> None:
    await board.ticket(1)
    await board.subscribe(receiver.url, "ticket.created")
    await board.subscribe(receiver.url, "*")
    await board.subscribe(receiver.url, "*", active=False)
    await board.happen(1, kind="ticket.created")
    await board.happen(1, kind="ticket.changed")
    await board.send()
    assert sorted(event["type"] for event in receiver.requests) == [
        "ticket.changed",
        "ticket.created",
        "ticket.created",
    ]
    assert len(receiver.accepted) == 2


@pytest.mark.parametrize("secret_kind", [{"confidential": True}, {"type": TicketType.report}])
async def test_ticket_that_hides_its_citizen_is_told_only_to_whom_it_is_allowed(
    board: Switchboard, receiver: Receiver, secret_kind: dict[str, Any]
) -> None:
    await board.ticket(1, **secret_kind)
    async with receiving() as trusted:
        await board.subscribe(receiver.url)
        await board.subscribe(trusted.url, hidden=True)
        await board.happen(1)
        await board.send()
        assert (len(receiver.requests), len(trusted.requests)) == (0, 1)


async def test_failing_delivery_holds_back_its_ticket_and_subscription_and_no_other(
    board: Switchboard, receiver: Receiver
) -> None:
    first, second = 1, 2
    await board.ticket(first)
    await board.ticket(second)
    broken = True

    async def answer(event: dict[str, Any]) -> web.StreamResponse:
        fails = broken and event["data"]["ticket_id"] == first
        return web.Response(status=500 if fails else 200)

    receiver.answer = answer
    async with receiving() as other:
        await board.subscribe(receiver.url)
        await board.subscribe(other.url)
        await board.happen(first, second, first, second, first)
        await board.send()
        assert receiver.versions() == {second: [1, 2]}
        assert other.versions() == {first: [1, 2, 3], second: [1, 2]}
        await board.happen(first)
        assert await board.send() == 1  # the one for the other subscription
    broken = False
    board.clock.advance(10)
    await board.send()
    assert receiver.versions() == {second: [1, 2], first: [1, 2, 3, 4]}


@pytest.mark.parametrize(
    ("answer", "failure", "code"),
    [
        (status(500), "status", 500),
        (status(404), "status", 404),
        (status(302, Location="http://127.0.0.1:1/"), "redirect", 302),
    ],
)
async def test_refused_event_is_tried_again_until_it_is_taken(
    board_alone: Switchboard, receiver: Receiver, answer: Any, failure: str, code: int
) -> None:
    board = board_alone
    await board.subscribe(receiver.url, hidden=True)
    receiver.answer = answer
    await board.happen(1)
    for _ in range(3):
        assert await board.send() == 1
        assert await board.send() == 0
        board.clock.advance(60)
    receiver.answer = status(200)
    await board.send()
    assert await board.states() == ["delivered"]
    log = await board.log()
    assert [(row.n, row.failure and row.failure.value) for row in log] == [
        (1, failure),
        (2, failure),
        (3, failure),
        (4, None),
    ]
    assert log[0].status == code
    assert len(set(receiver.bodies)) == 1
    assert len({event["id"] for event in receiver.requests}) == 1


async def test_silent_receiver_times_out(board_alone: Switchboard, receiver: Receiver) -> None:
    board = board_alone
    board.settings = LOOPBACK.model_copy(update={"timeout_seconds": 0.2})
    forever = asyncio.Event()

    async def answer(_event: dict[str, Any]) -> web.StreamResponse:
        await forever.wait()
        raise AssertionError

    receiver.answer = answer
    await board.subscribe(receiver.url, hidden=True)
    await board.happen(1)
    assert await board.send() == 1
    (attempt,) = await board.log()
    assert (attempt.failure, attempt.status) == ("timeout", None)


async def test_receiver_that_never_ends_its_answer_costs_nothing(board_alone: Switchboard) -> None:
    board = board_alone

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    app = web.Application()
    app.router.add_post("/hook", endless)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        await board.subscribe(url, hidden=True)
        await board.happen(1)
        await board.send()
    finally:
        await runner.cleanup()
    assert await board.states() == ["delivered"]


async def test_nobody_listening_is_noted_as_refused(board_alone: Switchboard) -> None:
    board = board_alone
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening
        await board.subscribe(f"http://127.0.0.1:{taken.getsockname()[1]}/", hidden=True)
        await board.happen(1)
        await board.send()
    (attempt,) = await board.log()
    assert (attempt.failure, attempt.status) == ("refused", None)


async def test_answer_that_is_no_http_is_noted(board_alone: Switchboard) -> None:
    board = board_alone

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await board.subscribe(f"http://127.0.0.1:{port}/", hidden=True)
        await board.happen(1)
        await board.send()
    (attempt,) = await board.log()
    assert attempt.failure == "protocol"


async def test_after_a_day_it_is_given_up_and_the_younger_go_on(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    await board.subscribe(receiver.url, hidden=True)

    async def answer(event: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=500 if event["data"]["version"] == 1 else 200)

    receiver.answer = answer
    await board.happen(1)
    for _ in range(26):
        await board.send()
        board.clock.advance(3600)
    await board.happen(1)
    await board.send()
    assert await board.states() == ["dead", "delivered"]
    (shown,) = (await board.reader.all()).items
    assert (shown.dead, shown.waiting) == (1, 0)


async def test_gone_receiver_is_not_asked_twice(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    await board.subscribe(receiver.url, hidden=True)
    receiver.answer = status(410)
    await board.happen(1)
    assert await board.send() == 1
    assert await board.states() == ["dead"]


async def test_sent_again_it_has_the_same_id_and_bytes_and_is_accepted_once(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    await board.subscribe(receiver.url, hidden=True)
    await board.happen(1)
    await board.send()
    (delivery,) = await board.deliveries()
    assert delivery.id is not None
    await board.webhooks.resend(ADMINISTRATOR, delivery.id)
    await board.send()
    assert len(receiver.requests) == 2
    assert len(receiver.accepted) == 1
    assert len(set(receiver.bodies)) == 1
    assert await board.states() == ["delivered"]


async def test_all_that_was_given_up_is_sent_again_in_order(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    webhook_id, _ = await board.subscribe(receiver.url, hidden=True)
    receiver.answer = status(410)
    await board.happen(1, 1, 2, 1)
    await board.send()
    assert set(await board.states()) == {"dead"}
    receiver.answer = status(200)
    receiver.requests.clear()
    assert await board.webhooks.resend_dead(ADMINISTRATOR, webhook_id) == 4
    await board.send()
    assert receiver.versions() == {1: [1, 2, 3], 2: [1]}


async def test_what_is_sent_again_and_fails_holds_back_nothing_new(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    await board.subscribe(receiver.url, hidden=True)
    receiver.answer = status(410)
    await board.happen(1)
    await board.send()

    async def answer(event: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=500 if event["data"]["version"] == 1 else 200)

    receiver.answer = answer
    (dead,) = await board.deliveries()
    assert dead.id is not None
    await board.webhooks.resend(ADMINISTRATOR, dead.id)
    await board.happen(1)
    await board.send()
    assert await board.states() == ["waiting", "delivered"]


async def test_after_a_new_secret_the_old_one_opens_too_for_a_day(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    webhook_id, old = await board.subscribe(receiver.url, hidden=True)
    new = await board.webhooks.rotate(ADMINISTRATOR, webhook_id)
    await board.happen(1)
    await board.send()
    now = board.clock.now().timestamp()
    assert receiver.all_genuine(old, now)
    assert receiver.all_genuine(new, now)
    board.clock.advance(86_401)
    receiver.headers.clear()
    receiver.bodies.clear()
    await board.happen(1)
    await board.send()
    now = board.clock.now().timestamp()
    assert receiver.all_genuine(new, now)
    assert not receiver.all_genuine(old, now)


async def test_switched_off_it_is_sent_nothing_and_goes_on_when_switched_on(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    webhook_id, _ = await board.subscribe(receiver.url, hidden=True)
    form = Form(name="省平台", url=receiver.url, types=("*",), hidden=True)
    await board.happen(1)
    await board.webhooks.change(ADMINISTRATOR, webhook_id, replace(form, active=False))
    await board.happen(1)
    assert await board.send() == 0
    await board.webhooks.change(ADMINISTRATOR, webhook_id, form)
    assert await board.send() == 1
    assert receiver.versions() == {1: [1]}


async def test_removed_subscription_is_sent_nothing_more(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    webhook_id, _ = await board.subscribe(receiver.url, hidden=True)
    await board.happen(1)
    await board.webhooks.remove(ADMINISTRATOR, webhook_id)
    await board.happen(1)
    assert await board.send() == 0
    assert await board.states() == ["dead"]


async def test_slow_receiver_is_in_nobodys_way_and_gets_no_more_than_its_share(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    board.settings = LOOPBACK.model_copy(update={"at_once": 2})
    go_on = asyncio.Event()

    async def answer(_event: dict[str, Any]) -> web.StreamResponse:
        await go_on.wait()
        return web.Response()

    receiver.answer = answer
    await board.subscribe(receiver.url, hidden=True)
    async with receiving() as quick:
        await board.subscribe(quick.url, hidden=True)
        await board.happen(*range(1, 31))
        running = asyncio.create_task(board.deliverer().run())
        try:
            await quick.until(30)
            assert (receiver.most_at_once, len(receiver.accepted)) == (2, 0)
            go_on.set()
            await receiver.until(30)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert receiver.most_at_once == 2
    assert len(quick.requests) == 30


async def test_two_workers_send_each_event_once_and_in_order(
    board: Switchboard, receiver: Receiver
) -> None:
    await board.subscribe(receiver.url, hidden=True)
    tickets = [n % 5 + 1 for n in range(40)]
    await board.happen(*tickets)
    workers = [asyncio.create_task(board.deliverer().run()) for _ in range(3)]
    try:
        await receiver.until(40)
        while "waiting" in await board.states():  # noqa: ASYNC110  # the last outcomes are being written
            await asyncio.sleep(0.01)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    assert len(receiver.requests) == len(receiver.accepted) == 40
    assert receiver.versions() == {ticket: list(range(1, 9)) for ticket in range(1, 6)}


async def test_worker_that_wakes_up_late_changes_nothing(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    await board.subscribe(receiver.url, hidden=True)
    await board.happen(1)
    asleep = asyncio.Event()

    async def answer(_event: dict[str, Any]) -> web.StreamResponse:
        if len(receiver.requests) == 1:
            await asleep.wait()
            return web.Response(status=500)
        return web.Response()

    receiver.answer = answer
    async with board.sender() as sender:
        late = asyncio.create_task(board.deliverer(sender).run_once())
        await receiver.until(1)
        board.clock.advance(60)  # its lease has run out
        assert await board.deliverer(sender).run_once() == 1
        assert await board.states() == ["delivered"]
        asleep.set()
        await late
    assert await board.states() == ["delivered"]
    assert [row.n for row in await board.log()] == [2]


async def test_late_failure_does_not_take_the_delivery_from_who_has_it_now(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    await board.subscribe(receiver.url, hidden=True)
    await board.happen(1)
    gates = [asyncio.Event(), asyncio.Event()]
    codes = [500, 200]

    async def answer(_event: dict[str, Any]) -> web.StreamResponse:
        place = len(receiver.requests) - 1
        await gates[place].wait()
        return web.Response(status=codes[place])

    receiver.answer = answer
    async with board.sender() as sender:
        late = asyncio.create_task(board.deliverer(sender).run_once())
        await receiver.until(1)
        board.clock.advance(60)
        second = asyncio.create_task(board.deliverer(sender).run_once())
        await receiver.until(2)
        gates[0].set()
        await late
        (held,) = await board.deliveries()
        assert (held.attempts, held.leased_until is not None) == (2, True)
        gates[1].set()
        await second
    assert await board.states() == ["delivered"]
    assert [(row.n, row.status) for row in await board.log()] == [(2, 200)]


async def test_younger_event_is_not_sent_while_the_older_is_under_way(
    board: Switchboard, receiver: Receiver
) -> None:
    await board.subscribe(receiver.url, hidden=True)
    await board.happen(1, 1, 2, 1)
    go_on = asyncio.Event()

    async def answer(event: dict[str, Any]) -> web.StreamResponse:
        if (event["data"]["ticket_id"], event["data"]["version"]) == (1, 1):
            await go_on.wait()
        return web.Response()

    receiver.answer = answer
    async with board.sender() as sender:
        first = asyncio.create_task(board.deliverer(sender).run_once())
        await receiver.until(2)
        assert await board.deliverer(sender).run_once() == 0
        assert receiver.versions() == {2: [1]}
        go_on.set()
        await first
    await board.send()
    assert receiver.versions() == {2: [1], 1: [1, 2, 3]}


async def test_worker_that_slept_over_its_lease_before_sending_does_not_send(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    await board.subscribe(receiver.url, hidden=True)
    await board.happen(1)
    async with board.sender() as sender:
        deliverer = board.deliverer(sender, lease=timedelta(0))
        await deliverer.run_once()
    assert receiver.requests == []


async def test_old_deliveries_are_purged_but_never_waiting_ones(
    board_alone: Switchboard, receiver: Receiver
) -> None:
    board = board_alone
    await board.subscribe(receiver.url, hidden=True)

    async def answer(event: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=500 if event["data"]["ticket_id"] == 2 else 200)

    receiver.answer = answer
    await board.happen(1, 2)
    await board.send()
    board.clock.advance(31 * 86_400)
    await board.deliverer().purge()
    assert await board.states() == ["waiting"]
    assert len(await board.log()) == 1


async def test_event_of_an_outbox_entry_that_failed_half_way_is_told_once(
    board: Switchboard, receiver: Receiver
) -> None:
    await board.ticket(1)
    await board.subscribe(receiver.url)
    failed = False
    put = board.fanout.put

    async def put_and_fail(*arguments: Any) -> Any:
        nonlocal failed
        made = await put(*arguments)
        if not failed:
            failed = True
            raise ConnectionError
        return made

    board.fanout.put = put_and_fail  # type: ignore[assignment, method-assign]  # the database goes away in the middle
    await board.happen(1)
    board.clock.advance(5)
    while await board.relay.run_once():
        pass
    await board.send()
    assert len(receiver.requests) == 1


async def test_body_is_compact_json_in_utf_8(board_alone: Switchboard, receiver: Receiver) -> None:
    board = board_alone
    await board.subscribe(receiver.url, hidden=True)
    await board.happen(1)
    await board.send()
    (body,) = receiver.bodies
    assert json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")) == body.decode()


def test_by_default_neither_plain_http_nor_private_networks_are_reached() -> None:
    assert WebhookSettings().allow_http is False
    assert WebhookSettings().allow_private is False
