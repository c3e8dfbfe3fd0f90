"""Rows of the tree of matters."""

from __future__ import annotations

from sqlmodel import Field

from infra.kit.database import Row


class CategoryRow(Row, table=True):
    """A kind of matter; `parent` is empty at the top of the tree."""

    __tablename__ = "categories"

    code: str = Field(primary_key=True, max_length=20)
    name_zh: str = Field(max_length=40)
    name_en: str = Field(max_length=80)
    parent: str | None = Field(default=None, max_length=20, foreign_key="categories.code")
