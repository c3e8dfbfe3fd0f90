"""The words of supervision: the code's word, and what the screen calls it in Chinese and in English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from crm_bridge.supervision.rules import Origin, PaperState, RecipientRole, Rung
from crm_bridge.tickets.vocabulary import AssignmentRole, TicketType, Urgency, Words

RUNG_WORDS: Mapping[Rung, Words] = MappingProxyType(
    {
        Rung.reminder: Words("提醒函", "reminder letter"),
        Rung.order: Words("督办工单", "supervision order"),
        Rung.meeting: Words("专题调度", "coordination meeting"),
        Rung.listed: Words("挂牌督办", "listed supervision"),
    }
)

PAPER_STATE_WORDS: Mapping[PaperState, Words] = MappingProxyType(
    {
        PaperState.issued: Words("待阅收", "issued"),
        PaperState.read: Words("已阅收", "read"),
        PaperState.held: Words("已开会", "meeting held"),
        PaperState.replied: Words("已反馈", "replied"),
        PaperState.closed: Words("已办结", "closed"),
        PaperState.withdrawn: Words("已撤回", "withdrawn"),
    }
)

RECIPIENT_WORDS: Mapping[RecipientRole, Words] = MappingProxyType(
    {RecipientRole.main: Words("主送", "main"), RecipientRole.cc: Words("抄送", "copy")}
)

ORIGIN_WORDS: Mapping[Origin, Words] = MappingProxyType(
    {Origin.rule: Words("自动", "by rule"), Origin.hand: Words("人工", "by hand")}
)

TYPE_WORDS: Mapping[TicketType, str] = MappingProxyType(
    {
        TicketType.inquiry: "咨询",
        TicketType.help: "求助",
        TicketType.complaint: "投诉",
        TicketType.report: "举报",
        TicketType.suggestion: "建议",
        TicketType.praise: "表扬",
    }
)
"""The Chinese words that stand in a paper."""

ROLE_WORDS: Mapping[AssignmentRole, str] = MappingProxyType(
    {AssignmentRole.lead: "牵头", AssignmentRole.helper: "配合"}
)

PRESSING_WORDS: Mapping[Urgency, str] = MappingProxyType(
    {Urgency.normal: "", Urgency.urgent: "加急", Urgency.critical: "特急"}
)
"""The degree of urgency (紧急程度, GB/T 9704-2012 7.2.3); an ordinary paper bears none."""
