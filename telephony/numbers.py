"""Telephone numbers as citizens and carriers write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.kit.errors import Invalid

_SEPARATORS = re.compile(r"[\s\-().·]")
_DIGITS = re.compile(r"[0-9]{3,15}")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A dialable number in national form: digits only, 3 to 15 of them (ITU-T E.164 allows 15 at most).

    `str()` and `repr()` show the masked form, so that a number that strays into a log is not readable there.
    """

    digits: str

    def __post_init__(self) -> None:
        if not _DIGITS.fullmatch(self.digits):
            raise Invalid(
                "not a telephone number: 3 to 15 digits", "不是有效的电话号码：应为 3 至 15 位数字"
            )

    @classmethod
    def parse(cls, text: str) -> PhoneNumber:
        """Return the number that `text` means; separators and China's country code (+86, 0086) are taken off.

        Raises:
            Invalid: The text holds anything else than one number.
        """
        bare = _SEPARATORS.sub("", text)
        for prefix in ("+86", "0086"):
            if bare.startswith(prefix):
                bare = bare.removeprefix(prefix)
                break
        else:
            if bare.startswith("86") and _MOBILE.fullmatch(bare[2:]):
                bare = bare[2:]
        return cls(bare.removeprefix("+"))

    @property
    def is_mobile(self) -> bool:
        """Whether this is a mainland mobile number."""
        return _MOBILE.fullmatch(self.digits) is not None

    @property
    def masked(self) -> str:
        """The form for screens: a mobile number as `138****5678`, a shorter one with its middle hidden."""
        shown_end = 4 if len(self.digits) >= 11 else 2
        shown_start = min(3, len(self.digits) - shown_end - 1)
        return f"{self.digits[:shown_start]}****{self.digits[-shown_end:]}"

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"PhoneNumber({self.masked})"
