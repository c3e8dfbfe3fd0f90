"""Letters of every rung, as the wording makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from crm_bridge.supervision.letter import Letter
from crm_bridge.supervision.paper import Listing, Meeting
from crm_bridge.supervision.rules import Cause, Rung
from crm_bridge.supervision.wording import Matter, Notice, Wording
from crm_bridge.tickets.vocabulary import AssignmentRole, TicketType, Urgency

ZONE = ZoneInfo("Asia/Shanghai")
ISSUER = "临江市12345政务服务便民热线中心"
WORDING = Wording(ISSUER, "0571-12345", ZONE)
NOW = datetime(2026, 3, 17, 1, 5, tzinfo=UTC)
MATTER = Matter(
    number="20260302-000001",
    hidden=False,
    type=TicketType.complaint,
    urgency=Urgency.urgent,
    category="噪声扰民",
    title="夜间施工噪声影响周边居民休息",
    place="临江市滨江路18号",
    unit="城市管理行政执法局",
    role=AssignmentRole.lead,
    dispatched_at=datetime(2026, 3, 2, 1, 30, tzinfo=UTC),
    sign_due_at=datetime(2026, 3, 2, 3, 30, tzinfo=UTC),
    due_at=datetime(2026, 3, 16, 9, 30, tzinfo=UTC),
)


def notice(
    rung: Rung,
    *,
    cause: Cause | None = Cause.overdue,
    grounds: str = "",
    demands: tuple[str, ...] = (),
    main: tuple[str, ...] = ("城市管理行政执法局",),
    copies: tuple[str, ...] = ("临江市人民政府办公室", "桥西街道办事处"),
) -> Notice:
    meeting = Meeting(
        at=datetime(2026, 3, 19, 1, 30, tzinfo=UTC),
        place="三楼会议室",
        participants=("分管负责人。",),
    )
    return Notice(
        rung=rung,
        cause=cause,
        grounds=grounds,
        demands=demands,
        main=main,
        copies=copies,
        issued_at=NOW,
        reply_due_at=None if rung is Rung.meeting else datetime(2026, 3, 20, 9, 30, tzinfo=UTC),
        meeting=meeting if rung is Rung.meeting else None,
        listing=Listing(leader="局长 张三", measures=("停止夜间施工；", "每日巡查。"))
        if rung is Rung.listed
        else None,
    )


def letter(rung: Rung, matter: Matter = MATTER) -> Letter:
    return WORDING.compose(matter, notice(rung)).numbered("热线督〔2026〕3号")
