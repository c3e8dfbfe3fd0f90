"""The tree of matters over HTTP."""

from __future__ import annotations

from crm_bridge.categories.service import Categories
from crm_bridge.categories.transfer import CategoriesTransfer
from crm_bridge.sheets.api import add_routes
from infra.kit.http import ApiModel, Routes


class CategoryView(ApiModel):
    """A kind of matter."""

    code: str
    name_zh: str
    name_en: str
    parent: str | None


class CategoryList(ApiModel):
    """The whole tree, in the order of the codes."""

    items: list[CategoryView]


def routes(categories: Categories) -> Routes:
    """Return the endpoints of categories."""
    api = Routes(tag="categories")
    add_routes(api, CategoriesTransfer(categories), read_permission="catalogue.read")

    @api.get("/api/v1/categories", permission="catalogue.read")
    async def all_categories() -> CategoryList:
        """List every category."""
        return CategoryList(
            items=[
                CategoryView(code=c.code, name_zh=c.name_zh, name_en=c.name_en, parent=c.parent)
                for c in await categories.all()
            ]
        )

    return api
