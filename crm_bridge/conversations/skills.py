"""What agents are able to do, for conversations that need it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlmodel import col, delete, select

from crm_bridge.conversations.floor import Floor
from crm_bridge.conversations.tables import AgentSkillRow
from crm_bridge.conversations.views import SkillList, SkillView
from crm_bridge.units.staff import Names, names_of
from infra.kit import audit
from infra.kit.clock import Clock
from infra.kit.database import Database
from infra.kit.errors import NotFound
from infra.kit.identity import Principal


class Skills:
    """The skills of agents.

    Args:
        database: Where they lie.
        clock: Gives the time of a change.
        floor: Knows who takes conversations.
        names: Knows what people are called.
    """

    def __init__(
        self, database: Database, clock: Clock, floor: Floor, names: Names | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._floor = floor
        self._names = names

    async def list(self) -> SkillList:
        """Return the skills of every agent who has any, by 工号."""
        statement = select(AgentSkillRow).order_by(
            col(AgentSkillRow.agent), col(AgentSkillRow.skill)
        )
        found: dict[str, list[str]] = defaultdict(list)
        async with self._database.reading() as session:
            for row in (await session.exec(statement)).all():
                found[row.agent].append(row.skill)
            named = await names_of(session, self._names, list(found))
        return SkillList(
            items=[
                SkillView(agent=agent, agent_name=named.get(agent), skills=skills)
                for agent, skills in found.items()
            ]
        )

    async def set(self, principal: Principal, agent: str, skills: Sequence[str]) -> None:
        """Set what an agent is able to do, in place of what was set before.

        Raises:
            NotFound: There is no agent of this number who takes conversations.
        """
        async with self._database.transaction() as session:
            if not await self._floor.may_handle(session, agent):
                raise NotFound
            await session.exec(delete(AgentSkillRow).where(col(AgentSkillRow.agent) == agent))
            session.add_all(
                AgentSkillRow(agent=agent, skill=skill) for skill in sorted(set(skills))
            )
            await audit.write(
                session,
                self._clock,
                actor=principal,
                action="agent.skills_set",
                subject=f"user:{agent}",
                detail={"skills": sorted(set(skills))},
            )
