"""The city's public services: the leaves of the tree of matters, as far as they are public."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, func, select

from channels.open311.channel import Open311Settings
from channels.open311.rules import Question
from crm_bridge.categories.tables import CategoryRow
from crm_bridge.open311.documents import Value
from crm_bridge.open311.tables import Open311ServiceRow
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.identity import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A matter that citizens can report.

    Attributes:
        code: Of the category.
        group: Name of the category above it; empty at the top.
        questions: What it asks for beyond the specification's own fields.
    """

    code: str
    name: str
    group: str
    description: str
    keywords: str
    public: bool
    questions: Sequence[Question]

    def listed(self) -> Mapping[str, Value]:
        """Return the service as it stands in the list of services."""
        return {
            "service_code": self.code,
            "service_name": self.name,
            "description": self.description or self.name,
            "metadata": bool(self.questions),
            "type": "realtime",
            "keywords": self.keywords,
            "group": self.group,
        }

    def definition(self) -> Mapping[str, Value]:
        """Return what the service asks for, as a service definition."""
        return {
            "service_code": self.code,
            "attributes": [
                {
                    "variable": question.variable,
                    "code": question.code,
                    "datatype": question.datatype,
                    "required": question.required,
                    "datatype_description": question.hint or None,
                    "order": order,
                    "description": question.description,
                    "values": [{"key": key, "name": name} for key, name in question.values.items()],
                }
                for order, question in enumerate(self.questions, start=1)
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceForm:
    """What an administrator says about a service."""

    public: bool
    description: str
    keywords: str
    questions: Sequence[Question]


class Services:
    """Knows the services.

    Args:
        database: Where categories and what is said about them lie.
        clock: Gives the time of a change.
        settings: Which categories are no services unless somebody says so.
    """

    def __init__(self, database: Database, clock: Clock, settings: Open311Settings) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._started = clock.now()

    async def all(self) -> Sequence[Service]:
        """Return every leaf of the tree, public or not, in the order of the codes."""
        async with self._database.reading() as session:
            categories = (await session.exec(select(CategoryRow))).all()
            said = {row.code: row for row in (await session.exec(select(Open311ServiceRow))).all()}
        known = {category.code: category for category in categories}
        above = {category.parent for category in categories}
        leaves = sorted(code for code in known if code not in above)
        return [self._service(known[code], known, said.get(code)) for code in leaves]

    async def public(self) -> Mapping[str, Service]:
        """Return the public services by their codes."""
        return {service.code: service for service in await self.all() if service.public}

    async def one(self, code: str) -> Service:
        """Return a public service.

        Raises:
            NotFound: There is none with this code.
        """
        found = (await self.public()).get(code)
        if found is None:
            raise NotFound(f"there is no service_code {code[:20]}", f"没有服务代码 {code[:20]}")
        return found

    async def changed_at(self) -> datetime:
        """Return when services last changed, as far as this process knows."""
        latest = select(func.max(col(Open311ServiceRow.changed_at)))
        async with self._database.reading() as session:
            found: datetime | None = (await session.exec(latest)).one()
        return self._started if found is None else max(found, self._started)

    async def change(self, principal: Principal, code: str, form: ServiceForm) -> None:
        """Say about a category whether it is a public service, and what it asks for.

        Raises:
            NotFound: There is no such category.
        """
        async with self._database.transaction() as session:
            if await session.get(CategoryRow, code) is None:
                raise NotFound
            await session.merge(
                Open311ServiceRow(
                    code=code,
                    public=form.public,
                    description=form.description,
                    keywords=form.keywords,
                    attributes=[_kept(question) for question in form.questions],
                    changed_at=self._clock.now(),
                )
            )
            await audit.write(
                session,
                self._clock,
                actor=principal,
                action="open311.service",
                subject=f"category:{code}",
                detail={"public": form.public},
            )

    def _service(
        self,
        category: CategoryRow,
        known: Mapping[str, CategoryRow],
        said: Open311ServiceRow | None,
    ) -> Service:
        parent = known.get(category.parent or "")
        return Service(
            code=category.code,
            name=self._name(category),
            group=self._name(parent) if parent else "",
            description=said.description if said else "",
            keywords=said.keywords if said else "",
            public=said.public if said else not self._hidden(category, known),
            questions=[_question(kept) for kept in said.attributes] if said else (),
        )

    def _name(self, category: CategoryRow) -> str:
        return category.name_en if self._settings.english else category.name_zh

    def _hidden(self, category: CategoryRow, known: Mapping[str, CategoryRow]) -> bool:
        at: CategoryRow | None = category
        while at is not None:
            if at.code in self._settings.hidden_categories:
                return True
            at = known.get(at.parent or "")
        return False


def _kept(question: Question) -> dict[str, Any]:
    return {
        "code": question.code,
        "description": question.description,
        "datatype": question.datatype,
        "required": question.required,
        "variable": question.variable,
        "hint": question.hint,
        "values": [[key, name] for key, name in question.values.items()],
    }


def _question(kept: Mapping[str, Any]) -> Question:
    return Question(**{**kept, "values": dict(kept["values"])})
