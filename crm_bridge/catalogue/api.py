"""The responsibility catalogue over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from crm_bridge.catalogue import files_api
from crm_bridge.catalogue.rules import Change, Exemption, Matter
from crm_bridge.catalogue.service import Catalogue
from crm_bridge.catalogue.storing import Version
from crm_bridge.catalogue.transfer import CatalogueTransfer
from crm_bridge.forms import LARGEST_ID, Moment, Text
from crm_bridge.sheets.values import CODE
from infra.kit.errors import FieldError, Invalid
from infra.kit.http import ApiModel, Routes
from infra.kit.identity import Principal

_READ, _MANAGE = "catalogue.read", "catalogue.manage"

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,20}$")]
Word = Annotated[Text, Field(min_length=1, max_length=40)]
Words = Annotated[list[Word], Field(max_length=200)]
Number = Annotated[int, Field(ge=0, le=LARGEST_ID)]


class ExemptionView(ApiModel):
    """Any of the words takes a matter to another unit."""

    words: Annotated[Words, Field(min_length=1)]
    unit: Code


class MatterBody(ApiModel):
    """A matter as it is to stand; `based_on` is the version of the catalogue that its writer saw."""

    based_on: Number
    note: Annotated[Text, Field(max_length=200)] = ""
    name_zh: Annotated[Text, Field(min_length=1, max_length=80)]
    name_en: Annotated[Text, Field(min_length=1, max_length=160)]
    category: Code
    unit: Code
    helpers: Annotated[list[Code], Field(max_length=20, default_factory=list)]
    keywords: Annotated[Words, Field(default_factory=list)]
    places: Annotated[Words, Field(default_factory=list)]
    exceptions: Annotated[list[ExemptionView], Field(max_length=50, default_factory=list)]
    basis: Annotated[Text, Field(max_length=400)] = ""
    remarks: Annotated[Text, Field(max_length=400)] = ""
    contact: Annotated[Text, Field(max_length=60)] = ""


class MatterView(ApiModel):
    """One row of the catalogue; empty `places` mean everywhere."""

    code: str
    name_zh: str
    name_en: str
    category: str
    unit: str
    helpers: list[str]
    keywords: list[str]
    places: list[str]
    exceptions: list[ExemptionView]
    basis: str
    remarks: str
    contact: str


class VersionView(ApiModel):
    """One state of the catalogue; 0 is the empty one before the first."""

    number: int
    at: datetime | None
    by: str | None
    note: str
    added: int
    changed: int
    removed: int


class CatalogueQuery(ApiModel):
    """Which matters, of which version: by its number, or the one that held `at` a moment; else the newest."""

    version: Number | None = None
    at: Moment | None = None
    q: Annotated[str | None, Field(max_length=40)] = None
    unit: Annotated[str | None, Field(max_length=20)] = None
    category: Annotated[str | None, Field(max_length=20)] = None
    cursor: Annotated[str | None, Field(max_length=20)] = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class CatalogueView(ApiModel):
    """Matters in the order of their codes."""

    version: VersionView
    items: list[MatterView]
    next_cursor: str | None


class VersionsQuery(ApiModel):
    """Which part of the list."""

    cursor: Number | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class VersionList(ApiModel):
    """Versions, the newest first."""

    items: list[VersionView]
    next_cursor: int | None


class DifferenceQuery(ApiModel):
    """Between which versions; 0 is the empty one before the first."""

    before: Number
    after: Number


class ChangeView(ApiModel):
    """What became of a matter; without `before` it is new, without `after` it is gone."""

    code: str
    fields: list[str]
    before: MatterView | None
    after: MatterView | None


class DifferenceView(ApiModel):
    """Every matter that is not the same in both, in the order of the codes."""

    items: list[ChangeView]


class RemoveQuery(ApiModel):
    """The version that was seen, and why the matter goes."""

    based_on: Number
    note: Annotated[Text, Field(max_length=200)] = ""


def routes(catalogue: Catalogue) -> Routes:
    """Return the endpoints of the catalogue."""
    api = Routes(tag="catalogue")
    _reading(api, catalogue)
    _editing(api, catalogue)
    files_api.add_routes(api, CatalogueTransfer(catalogue), read_permission=_READ)
    return api


def _reading(api: Routes, catalogue: Catalogue) -> None:
    @api.get("/api/v1/catalogue", permission=_READ)
    async def show(query: CatalogueQuery) -> CatalogueView:
        """List or search matters."""
        if query.version is not None and query.at is not None:
            raise Invalid(fields=[_either()])
        if query.at is not None:
            snapshot = await catalogue.at(query.at)
        elif query.version is not None:
            snapshot = await catalogue.version(query.version)
        else:
            snapshot = await catalogue.current()
        found = [matter for matter in snapshot.matters if _wanted(matter, query)]
        page = found[: query.limit]
        return CatalogueView(
            version=_version(snapshot.version),
            items=[_matter(matter) for matter in page],
            next_cursor=page[-1].code if len(found) > len(page) else None,
        )

    @api.get("/api/v1/catalogue/versions", permission=_READ)
    async def versions(query: VersionsQuery) -> VersionList:
        """List the versions, the newest first."""
        found = await catalogue.versions(query.cursor, query.limit + 1)
        page = found[: query.limit]
        return VersionList(
            items=[_version(version) for version in page],
            next_cursor=page[-1].number if len(found) > len(page) else None,
        )

    @api.get("/api/v1/catalogue/differences", permission=_READ)
    async def compare(query: DifferenceQuery) -> DifferenceView:
        """Show how two versions differ."""
        changes = await catalogue.differences(query.before, query.after)
        return DifferenceView(items=[_change(change) for change in changes])


def _editing(api: Routes, catalogue: Catalogue) -> None:
    @api.put("/api/v1/catalogue/matters/{code}", permission=_MANAGE)
    async def put(principal: Principal, code: str, body: MatterBody) -> VersionView:
        """Add a matter, or replace the one with this code: a new version of the catalogue."""
        matter = _from_body(code, body)
        return _version(
            await catalogue.put(principal, matter, based_on=body.based_on, note=body.note)
        )

    @api.delete("/api/v1/catalogue/matters/{code}", permission=_MANAGE)
    async def remove(principal: Principal, code: str, query: RemoveQuery) -> None:
        """Take a matter out: a new version of the catalogue."""
        await catalogue.remove(principal, code, based_on=query.based_on, note=query.note)


def _either() -> FieldError:
    return FieldError(
        pointer="/at",
        message_zh="version 和 at 只能填一项",
        message_en="Give either version or at",
    )


def _wanted(matter: Matter, query: CatalogueQuery) -> bool:
    return (
        (query.cursor is None or matter.code > query.cursor)
        and (query.unit is None or query.unit in matter.units())
        and (query.category is None or matter.category.startswith(query.category))
        and (not query.q or matter.matches(query.q))
    )


def _from_body(code: str, body: MatterBody) -> Matter:
    if not CODE.fullmatch(code):
        raise Invalid(
            "a code is made of Latin letters, digits, - and _",
            "代码只能由字母、数字、- 和 _ 组成",
        )
    return Matter(
        code=code,
        name_zh=body.name_zh,
        name_en=body.name_en,
        category=body.category,
        unit=body.unit,
        helpers=tuple(dict.fromkeys(body.helpers)),
        keywords=tuple(dict.fromkeys(body.keywords)),
        places=tuple(dict.fromkeys(body.places)),
        exemptions=tuple(
            Exemption(words=tuple(one.words), unit=one.unit) for one in body.exceptions
        ),
        basis=body.basis,
        remarks=body.remarks,
        contact=body.contact,
    )


def _matter(matter: Matter) -> MatterView:
    return MatterView(
        code=matter.code,
        name_zh=matter.name_zh,
        name_en=matter.name_en,
        category=matter.category,
        unit=matter.unit,
        helpers=list(matter.helpers),
        keywords=list(matter.keywords),
        places=list(matter.places),
        exceptions=[
            ExemptionView(words=list(one.words), unit=one.unit) for one in matter.exemptions
        ],
        basis=matter.basis,
        remarks=matter.remarks,
        contact=matter.contact,
    )


def _version(version: Version) -> VersionView:
    return VersionView(
        number=version.number,
        at=version.at,
        by=version.by,
        note=version.note,
        added=version.added,
        changed=version.changed,
        removed=version.removed,
    )


def _change(change: Change) -> ChangeView:
    return ChangeView(
        code=change.code,
        fields=list(change.fields()),
        before=None if change.before is None else _matter(change.before),
        after=None if change.after is None else _matter(change.after),
    )
