"""Fields of forms, as far as they can be kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from infra.kit.errors import Invalid

LARGEST_ID = 2**31 - 1
"""The largest number that PostgreSQL keeps in the column of an id."""

Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
"""The id of a row, whether or not there is one."""

Version = Annotated[int, Field(ge=1, le=LARGEST_ID)]
"""The version of a row that somebody has on his screen."""

Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(1970, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC)),
]
"""A moment from which some days can be reckoned either way; the calendar itself ends at the years 1 and 9999."""

# Unicode's category Cc, but for new lines and tabs.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def _without_controls(text: str) -> str:
    # PostgreSQL refuses NUL, and the others do mischief in terminals and exports.
    if _CONTROLS.search(text):
        raise Invalid(
            "remove the invisible control characters", "含有不可见的控制字符，请删除后重试"
        )
    return text


Text = Annotated[str, AfterValidator(_without_controls)]
"""A text of a form; control characters other than new lines and tabs are a field error."""
