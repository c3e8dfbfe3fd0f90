"""The systems that this installation is joined to, checked when it starts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from crm_bridge.upstream.protocol import NAME, Upstream
from infra.kit.errors import Misconfigured, NotFound


class UpstreamRegistry:
    """Knows every system by its name.

    Args:
        systems: Those that this installation asks and tells by itself.

    Raises:
        Misconfigured: A name is no name or is taken, or a system does not have a system's shape.
    """

    def __init__(self, systems: Iterable[Upstream]) -> None:
        self._systems: dict[str, Upstream] = {}
        for system in systems:
            _check(system)
            if system.name in self._systems:
                raise Misconfigured(
                    f"two upstream systems are named {system.name}",
                    f"有两个上级系统都名为 {system.name}",
                )
            self._systems[system.name] = system

    def __iter__(self) -> Iterator[Upstream]:
        return iter(self._systems.values())

    def __contains__(self, name: object) -> bool:
        return name in self._systems

    def __len__(self) -> int:
        return len(self._systems)

    def __getitem__(self, name: str) -> Upstream:
        """Return the system of this name.

        Raises:
            NotFound: There is none.
        """
        try:
            return self._systems[name]
        except KeyError:
            raise NotFound(f"no upstream system {name}", f"没有上级系统 {name}") from None


def _check(system: Upstream) -> None:
    kind = type(system).__name__
    if not re.fullmatch(NAME, system.name):
        raise Misconfigured(
            f"{kind}: {system.name!r} is no name of a system",
            f"{kind}：{system.name!r} 不是有效的系统名",
        )
    missing = [
        name
        for name in ("push_ticket", "push_state", "pull", "close")
        if not callable(getattr(system, name, None))
    ]
    if missing or not isinstance(getattr(system, "kind", None), str):
        raise Misconfigured(
            f"{kind} is no upstream system: it lacks {', '.join(missing) or 'kind'}",
            f"{kind} 不是上级系统：缺少 {', '.join(missing) or 'kind'}",
        )
