"""Two installations share tickets: down and up, with answers, refusals, conflicts and a bad wire."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from crm_bridge.categories.tables import CategoryRow
from crm_bridge.tickets.vocabulary import TicketState, TicketType
from crm_bridge.upstream.lianxin import Lianxin, LianxinSettings
from crm_bridge.upstream.rules import Outcome
from crm_bridge.upstream.tables import UpstreamPeerRow
from tests.integration.crm_bridge.house import MOBILE
from tests.integration.crm_bridge.tickets.city import HE
from tests.integration.crm_bridge.upstream.conftest import Joined
from tests.integration.crm_bridge.upstream.platform import TOKEN


async def state(platform: Any, ticket_id: int) -> TicketState:
    return TicketState((await platform.ticket(ticket_id)).state)


async def test_city_escalates_a_ticket_and_gets_the_provinces_answer(joined: Joined) -> None:
    province, city = joined.province, joined.city
    below = await city.left_open()
    await city.pass_on(below, "province")
    assert await state(city, below) is TicketState.passed_on
    await joined.turn()
    above = await province.only()
    assert above.id is not None
    assert above.state is TicketState.to_dispatch
    await province.answer_through_a_unit(above.id, "省里已协调。")
    await joined.turn()
    assert await state(city, below) is TicketState.closed
    assert await city.remarks_of(below) == ["承接方答复：省里已协调。"]


async def test_what_the_taker_does_not_take_comes_back_with_its_reason(joined: Joined) -> None:
    province, city = joined.province, joined.city
    above = await province.left_open()
    await province.pass_on(above, "linjiang")
    await joined.turn()
    below = await city.only()
    assert below.id is not None
    await city.refuse(below.id)
    await joined.turn()
    assert await state(province, above) is TicketState.to_dispatch
    assert (await province.events(above))[-1] == "passing_refused"


async def test_passed_on_again_after_a_refusal_it_is_a_new_ticket_there(joined: Joined) -> None:
    province, city = joined.province, joined.city
    above = await province.left_open()
    await province.pass_on(above, "linjiang")
    await joined.turn()
    first = await city.only()
    assert first.id is not None
    await city.refuse(first.id)
    await joined.turn()
    await province.pass_on(above, "linjiang")
    await joined.turn()
    second = (await city.tickets_of())[-1]
    assert second.id not in (None, first.id)
    await city.answer_through_a_unit(second.id or 0, "本次受理并办结。")
    await joined.turn()
    assert await state(province, above) is TicketState.closed
    old, new = await province.links()
    assert (old.remote_outcome, new.remote_outcome) == (Outcome.refused, Outcome.answered)


async def test_platform_that_nobody_knows_is_passed_on_to_by_hand_only(joined: Joined) -> None:
    ticket_id = await joined.city.left_open()
    await joined.city.pass_on(ticket_id, "110")
    await joined.turn()
    assert await joined.city.links() == []
    assert await joined.province.tickets_of() == []


async def test_number_stays_at_home_unless_the_settings_hand_it_over(joined: Joined) -> None:
    province, city = joined.province, joined.city
    await province.pass_on(await province.left_open(), "linjiang")
    await joined.turn()
    assert (await city.only()).citizen_id is None
    province.share_numbers = True
    province.join()
    async with province.serving() as url:
        wire = Lianxin(LianxinSettings(name="province", url=url, key=SecretStr(TOKEN)))
        city.join(wire)
        await province.pass_on(await province.left_open(), "linjiang")
        await province.pass_on(await province.left_open(confidential=True), "linjiang")
        await joined.turn()
        await wire.close()
    _, known, hidden = await city.tickets_of()
    assert hidden.citizen_id is None
    async with city.database.reading() as session:
        citizen = await city.contacts.citizen(session, known.citizen_id or 0)
    assert citizen.phone == MOBILE


async def test_secret_ticket_stays_secret_on_the_other_side(joined: Joined) -> None:
    province, city = joined.province, joined.city
    await province.pass_on(
        await province.left_open(type=TicketType.report, confidential=True), "linjiang"
    )
    await joined.turn()
    below = await city.only()
    assert (below.type, below.confidential) == (TicketType.report, True)


async def test_category_that_the_taker_does_not_know_is_left_to_a_person(joined: Joined) -> None:
    province, city = joined.province, joined.city
    async with province.database.transaction() as session:
        session.add(CategoryRow(code="P777", name_zh="省管事项", name_en="Provincial"))
    await province.pass_on(await province.left_open(category="P777"), "linjiang")
    await joined.turn()
    assert (await city.only()).category == "9099"


async def test_givers_withdrawal_is_a_note_and_moves_nothing(joined: Joined) -> None:
    province, city = joined.province, joined.city
    above = await province.left_open()
    await province.pass_on(above, "linjiang")
    await joined.turn()
    below = await city.only()
    assert below.id is not None
    await province.closing.passing(
        HE, await province.now(above), confirmed=False, reference="", reason="误转"
    )
    await joined.turn()
    assert await state(city, below.id) is TicketState.to_dispatch
    assert await city.remarks_of(below.id) == ["转交方工单状态变为：待派单"]


async def test_reply_after_a_person_has_decided_is_a_note(joined: Joined) -> None:
    province, city = joined.province, joined.city
    above = await province.left_open()
    await province.pass_on(above, "linjiang")
    await joined.turn()
    await province.closing.passing(
        HE, await province.now(above), confirmed=False, reference="", reason="误转"
    )
    below = await city.only()
    await city.answer_through_a_unit(below.id or 0, "已整改。")
    await joined.turn()
    assert await state(province, above) is TicketState.to_dispatch
    assert await province.remarks_of(above) == ["承接方答复：已整改。"]


async def test_note_of_the_citizen_reaches_the_other_side_and_does_not_come_back(
    joined: Joined,
) -> None:
    province, city = joined.province, joined.city
    above = await province.left_open()
    await province.pass_on(above, "linjiang")
    await joined.turn()
    async with province.database.transaction() as session:
        await province.remarks.add(
            session,
            above,
            source="open311:key:9",
            external_id="n1",
            text="昨晚又施工了",
            said_at=province.clock.now(),
        )
    await joined.turn()
    await joined.turn()
    below = await city.only()
    assert await city.remarks_of(below.id or 0) == ["昨晚又施工了"]
    assert await province.remarks_of(above) == ["昨晚又施工了"]


async def test_redo_by_the_taker_is_told_as_a_note_when_it_is_answered_anew(
    joined: Joined,
) -> None:
    province, city = joined.province, joined.city
    above = await province.left_open()
    await province.pass_on(above, "linjiang")
    await joined.turn()
    below = await city.only()
    await city.answer_through_a_unit(below.id or 0, "第一次答复。")
    await joined.turn()
    remarks = await province.remarks_of(above)
    events = await province.events(above)
    await joined.turn()
    assert await province.remarks_of(above) == remarks  # told once
    assert await province.events(above) == events


async def test_system_that_does_not_take_our_key_is_shown(joined: Joined) -> None:
    wrong = Lianxin(LianxinSettings(name="province", url=joined.url, key=SecretStr("lx_0_nobodys")))
    joined.city.join(wrong)
    below = await joined.city.left_open()
    await joined.city.pass_on(below, "province")
    assert await joined.city.exchanger.round(wrong) is False
    await wrong.close()
    async with joined.city.database.reading() as session:
        peer = await session.get_one(UpstreamPeerRow, "province")
    assert peer.last_error == "misconfigured"
