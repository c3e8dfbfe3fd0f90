"""The responsibility catalogue as a table file over HTTP."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from crm_bridge.catalogue.transfer import CatalogueTransfer
from crm_bridge.forms import LARGEST_ID
from crm_bridge.sheets.api import ImportQuery, OutcomeView, add_export, outcome_view, uploaded
from infra.kit.errors import FieldError, Invalid
from infra.kit.http import Routes
from infra.kit.identity import Principal


class CatalogueImportQuery(ImportQuery):
    """How to take the file: the version that its writer saw, or `overwrite` whatever there is."""

    based_on: Annotated[int, Field(ge=0, le=LARGEST_ID)] | None = None
    overwrite: bool = False


def add_routes(api: Routes, transfer: CatalogueTransfer, *, read_permission: str) -> None:
    """Add the import and the export to the catalogue's endpoints.

    Args:
        api: The catalogue's.
        transfer: The kind of file.
        read_permission: Who may take it out.
    """

    @api.post(f"/api/v1/{transfer.name}/import", permission=transfer.permission)
    async def import_file(
        request: web.Request, principal: Principal, query: CatalogueImportQuery
    ) -> OutcomeView:
        """Replace the whole catalogue by a table file (.xlsx, or CSV in UTF-8 or GB18030): all of it or nothing.

        The file is the request's body, or the part `file` of a form. A dry run answers with every row's error; in
        earnest the same errors are the field errors of a refusal, and `based_on` or `overwrite` is asked for, so that
        nobody loses what a colleague has changed meanwhile.
        """
        if query.based_on is None and not (query.overwrite or query.dry_run):
            raise Invalid(fields=[_unbased()])
        content = await uploaded(request)
        outcome = await transfer.take(
            principal,
            content,
            dry_run=query.dry_run,
            based_on=None if query.overwrite else query.based_on,
        )
        return outcome_view(outcome, dry_run=query.dry_run)

    add_export(api, transfer, read_permission=read_permission)


def _unbased() -> FieldError:
    return FieldError(
        pointer="/based_on",
        message_zh="请填写您看到的目录版本号，或以 overwrite=true 明确覆盖现有目录",
        message_en="Give the version of the catalogue that you saw, or say overwrite=true",
    )
