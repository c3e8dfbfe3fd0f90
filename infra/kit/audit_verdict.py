"""What looking at the audit log finds: where its chain ends, and where it breaks first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the chain ends; written down outside, it shows later that nothing before it was changed.

    Attributes:
        count: Rows in the chain.
        hash: The code of the last of them.
    """

    count: int
    hash: str

    def __str__(self) -> str:
        return f"{self.count}:{self.hash}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """The first place at which the chain does not hold.

    Attributes:
        row: Number in the chain (`seq`); 0: a row from before the chain, or the head itself.
        reason_zh: What is seen there, in Chinese.
        reason_en: The same in English.
    """

    row: int
    reason_zh: str
    reason_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What looking at the whole chain found.

    Attributes:
        head: Where the chain ends; None if it was never begun.
        checked: Rows that were looked at.
        broken: The first break, or None: all of it holds.
    """

    head: Head | None
    checked: int
    broken: Break | None


def missing(seq: int) -> Break:
    """Return the break at a number that no row has."""
    return Break(
        row=seq,
        reason_zh=f"第 {seq} 条记录缺失，已被删除",
        reason_en=f"row {seq} is missing: it was deleted",
    )


def changed(seq: int, row_id: int) -> Break:
    """Return the break at a row that does not match its code."""
    return Break(
        row=seq,
        reason_zh=f"第 {seq} 条记录（id {row_id}）与校验码不符：内容被修改，或与其他记录调换",
        reason_en=f"row {seq} (id {row_id}) does not match its code: it was changed, put in or moved",
    )


def inserted(seq: int) -> Break:
    """Return the break at a row beyond the head."""
    return Break(
        row=seq,
        reason_zh=f"链尾之后有第 {seq} 条记录，是后来插入的",
        reason_en=f"there is a row {seq} beyond the end of the chain: it was put in",
    )


FORGED_HEAD = Break(
    row=0,
    reason_zh="链尾记录与校验码不符，已被修改",
    reason_en="the head does not match its code: it was changed",
)

GONE_HEAD = Break(
    row=0,
    reason_zh="链尾记录缺失，已被删除",
    reason_en="the head is missing: it was deleted",
)

CHANGED_BEFORE = Break(
    row=0,
    reason_zh="启用校验链之前的记录被修改或删除",
    reason_en="a row from before the chain was changed, deleted or put in",
)

OTHER_THAN_EXPECTED = Break(
    row=0,
    reason_zh="与先前记下的链尾不符：整个数据库可能被替换或回退",
    reason_en="the chain is other than the head that was written down: the whole database may have been replaced",
)
