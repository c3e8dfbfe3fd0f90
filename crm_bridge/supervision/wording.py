"""Puts a paper into words: the template of its rung, filled with what is known of the matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from string import Template
from types import MappingProxyType
from zoneinfo import ZoneInfo

from crm_bridge.supervision.discretion import plain
from crm_bridge.supervision.letter import HIDDEN, Letter, chinese_moment
from crm_bridge.supervision.paper import Listing, Meeting
from crm_bridge.supervision.rules import Cause, Rung
from crm_bridge.supervision.vocabulary import PRESSING_WORDS, ROLE_WORDS, TYPE_WORDS
from crm_bridge.tickets.vocabulary import AssignmentRole, TicketType, Urgency
from infra.kit.errors import Misconfigured

_HEADS = MappingProxyType(
    {Rung.reminder: "", Rung.order: "文件", Rung.meeting: "", Rung.listed: "文件"}
)
_KNOWN = frozenset(
    {
        "ticket",
        "standing",
        "facts",
        "demands",
        "reply_due",
        "reply_how",
        "meeting_at",
        "meeting_place",
        "participants",
        "leader",
        "measures",
        "we",
        "you",
    }
)
_WE = (("中心", "我中心"), ("办公室", "我办"), ("局", "我局"), ("委员会", "我委"))
_STANDINGS = MappingProxyType(
    {
        Cause.due_soon: "办理时限即将届满，截至${now}尚未办结",
        Cause.sign_overdue: "应于${sign_due}前签收，截至${now}尚未签收",
        Cause.overdue: "办理时限为${due}，截至${now}尚未办结，已超过办理时限",
        Cause.redone_often: "已多次重办，诉求人仍不满意",
        Cause.transferred_often: "已多次转派，仍未落实承办责任",
    }
)
_DEMANDS = MappingProxyType(
    {
        Rung.reminder: "请${you}高度重视，立即核实有关情况，主动与诉求人联系沟通，依法依规办理并如实答复。",
        Rung.order: "请${you}主要负责同志亲自研究，明确专人办理，查明未按要求办结的原因，逐项落实办理措施。"
        "首接单位应当负责到底，需要其他单位配合的，及时牵头协调。",
        Rung.meeting: "请各参会单位提前梳理办理情况、存在的困难和下一步措施，并准备简要汇报。",
        Rung.listed: "请责任领导牵头制定整改方案，明确整改措施、完成时限和具体责任人，定期调度整改进展。",
    }
)
_BEFORE_DUE = "确因客观原因不能按期办结的，应当在时限届满前按程序申请延期。"
_MEASURES = "由责任领导牵头研究制定整改措施，并在反馈时一并报送。"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What a paper may say of a ticket: nothing of the citizen, and of a hidden ticket its number alone.

    Attributes:
        title: Without the citizen; empty when hidden.
        place: Down to the building; empty when hidden or unknown.
        unit: Who handles it; empty when the whole ticket is meant.
    """

    number: str
    hidden: bool
    type: TicketType
    urgency: Urgency
    category: str
    title: str
    place: str
    unit: str = ""
    role: AssignmentRole | None = None
    dispatched_at: datetime | None = None
    sign_due_at: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a paper is to say besides its matter.

    Attributes:
        cause: Why a rule issues it; None by hand.
        grounds: Why a person issues it, in a sentence; used when there is no cause.
        demands: What is demanded; empty for what the rung always demands.
        main: Names of the units addressed.
        copies: Names of the units that get a copy.
        reply_due_at: Until when they reply; None for a meeting.
    """

    rung: Rung
    cause: Cause | None
    grounds: str
    demands: tuple[str, ...]
    main: tuple[str, ...]
    copies: tuple[str, ...]
    attachments: tuple[str, ...] = ()
    issued_at: datetime
    reply_due_at: datetime | None
    meeting: Meeting | None = None
    listing: Listing | None = None


class Wording:
    """Writes letters.

    Args:
        issuer: 发文机关, in full.
        telephone: Printed for questions; empty for none.
        zone: The city's time.
        folder: The city's own templates; a rung without a file there has the one that ships.

    Raises:
        Misconfigured: A template is empty, unreadable or has an unknown placeholder; it is named.
    """

    def __init__(
        self, issuer: str, telephone: str, zone: ZoneInfo, folder: Path | None = None
    ) -> None:
        self._issuer = issuer
        self._telephone = telephone
        self._zone = zone
        self._templates: Mapping[Rung, Template] = {rung: _template(rung, folder) for rung in Rung}

    def compose(self, matter: Matter, notice: Notice) -> Letter:
        """Return the letter, still without a number."""
        words = self._words(matter, notice)
        text = self._templates[notice.rung].substitute(words)
        title, *body = (line.strip() for line in text.splitlines() if line.strip())
        return Letter(
            number="",
            pressing=PRESSING_WORDS[matter.urgency],
            issuer=self._issuer,
            head=_HEADS[notice.rung],
            title=tuple(part for part in title.split("|") if part),
            addressees=notice.main,
            body=tuple(body),
            attachments=notice.attachments,
            dated=notice.issued_at.astimezone(self._zone).date(),
            note=f"联系电话：{self._telephone}" if self._telephone else "",
            copies=notice.copies,
        )

    def _words(self, matter: Matter, notice: Notice) -> dict[str, str]:
        we = next((short for end, short in _WE if self._issuer.endswith(end)), "我单位")
        you = "你单位" if len(notice.main) == 1 else "各有关单位"
        meeting, listing = notice.meeting, notice.listing
        demands = notice.demands or (Template(_DEMANDS[notice.rung]).substitute(you=you),)
        if notice.cause is Cause.due_soon:
            demands = (*demands, _BEFORE_DUE)
        return {
            "ticket": matter.number,
            "standing": self._standing(matter, notice),
            "facts": "\n".join(self._facts(matter)),
            "demands": "\n".join(demands),
            "reply_due": self._moment(notice.reply_due_at),
            "reply_how": f"通过连心热线系统“督办”栏目书面反馈{we}",
            "meeting_at": self._moment(meeting.at if meeting else None),
            "meeting_place": meeting.place if meeting else "",
            "participants": "\n".join(meeting.participants) if meeting else "",
            "leader": listing.leader if listing else "",
            "measures": "\n".join(listing.measures or (_MEASURES,)) if listing else "",
            "we": we,
            "you": you,
        }

    def _standing(self, matter: Matter, notice: Notice) -> str:
        if notice.cause is None:
            return plain(notice.grounds).rstrip("。．.；;，, ")
        said = Template(_STANDINGS[notice.cause]).substitute(
            now=self._moment(notice.issued_at),
            due=self._moment(matter.due_at),
            sign_due=self._moment(matter.sign_due_at),
        )
        return f"第{matter.number}号诉求工单{said}"

    def _facts(self, matter: Matter) -> list[str]:
        kind = TYPE_WORDS[matter.type]
        facts = [("工单编号", matter.number)]
        if matter.hidden:
            facts.append(("诉求事项", HIDDEN))
        else:
            facts += [
                ("诉求类型", f"{kind}（{matter.category}）"),
                ("诉求事项", matter.title),
                ("发生地点", matter.place),
            ]
        handled = (
            f"{matter.unit}（{ROLE_WORDS[matter.role]}）" if matter.unit and matter.role else ""
        )
        facts += [
            ("承办单位", handled),
            ("派单时间", self._moment(matter.dispatched_at)),
            ("办理时限", self._moment(matter.due_at)),
        ]
        return [f"{name}：{value}" for name, value in facts if value]

    def _moment(self, moment: datetime | None) -> str:
        return chinese_moment(moment, self._zone) if moment is not None else ""


def _template(rung: Rung, folder: Path | None) -> Template:
    name = f"{rung.value}.txt"
    own = folder / name if folder is not None else None
    try:
        if own is not None and own.is_file():
            text = own.read_text(encoding="utf-8-sig")
        else:
            shipped = files("crm_bridge.supervision").joinpath("templates", name)
            text = shipped.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"supervision.templates: {name} cannot be read as UTF-8",
            f"supervision.templates：无法以 UTF-8 读取 {name}",
        ) from error
    template = Template(text)
    unknown = set(template.get_identifiers()) - _KNOWN
    if unknown or not template.is_valid() or len(text.split()) < 2:
        raise Misconfigured(
            f"supervision.templates: {name} needs a title and a body, and may use only {', '.join(sorted(_KNOWN))}",
            f"supervision.templates：{name} 须有标题和正文，且只能使用占位符 {', '.join(sorted(_KNOWN))}",
        )
    return template
