"""What the catalogue refuses."""

from __future__ import annotations

from crm_bridge.catalogue.rules import Matter, Surroundings, wrongs
from crm_bridge.catalogue.storing import Version
from infra.kit.errors import Conflict, FieldError, Invalid


class StaleCatalogue(Conflict):
    """Somebody made a newer version meanwhile."""

    slug = "stale-catalogue"
    title_zh = "目录已有更新版本，请刷新后重新提交"
    title_en = "The catalogue has a newer version, reload and send again"


def require_newest(newest: Version, based_on: int) -> None:
    """Return if the newest version is the one that somebody saw.

    Raises:
        StaleCatalogue: It is not.
    """
    if newest.number != based_on:
        raise StaleCatalogue(
            f"the catalogue is at version {newest.number}, not {based_on}",
            f"目录当前为第 {newest.number} 版，您看到的是第 {based_on} 版",
        )


def refuse_wrongs(matter: Matter, around: Surroundings) -> None:
    """Return if nothing is wrong with a matter.

    Raises:
        Invalid: Something is; every field is named.
    """
    fields = [
        FieldError(
            pointer=f"/{wrong.field}", message_zh=wrong.message_zh, message_en=wrong.message_en
        )
        for wrong in wrongs(matter, around)
    ]
    if fields:
        raise Invalid(fields=fields)
