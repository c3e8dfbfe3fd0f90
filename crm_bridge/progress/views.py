"""What every page for citizens shows of an answer's files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from crm_bridge.progress.rules import AnswerFile
from infra.kit.http import ApiModel


class AnswerFileView(ApiModel):
    """A file that goes with the answer; whoever has the path downloads it, without logging in."""

    name: str
    size: int
    type: str
    path: str

    @classmethod
    def of(cls, file: AnswerFile, path_of: Callable[[int], str]) -> Self:
        """Return the view of a file; `path_of` gives where it is downloaded."""
        return cls(name=file.name, size=file.size, type=file.type, path=path_of(file.id))
