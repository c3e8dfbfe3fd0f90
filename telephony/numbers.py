"""Telephone numbers as citizens and carriers write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.kit.errors import Invalid

_SEPARATORS = re.compile(r"[\s\-().·]")
_DIGITS = re.compile(r"[0-9]{3,15}|00[1-9][0-9]{6,14}")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_WITHOUT_ZERO = re.compile(r"(10|2[0-9])[0-9]{8}|(?![48]00)[3-9][0-9]{2}[0-9]{7,8}")
"""Area code and number as they stand after a country code; 400 and 800 are no area codes."""

_CHINA = "86"
_ABROAD = "00"


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A dialable number in national form: digits only, 3 to 15 of them (ITU-T E.164 allows 15 at most).

    A landline has its area code with the 0 before it where that is known, a foreign number 00 and its country code.

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
        """Return the number that `text` means, in E.164 (`+86…`), with 0086 or as people write it in China.

        The same number in any of these forms gives the same digits.

        Raises:
            Invalid: The text holds anything else than one number.
        """
        bare = _SEPARATORS.sub("", text)
        for prefix in (f"+{_CHINA}", f"{_ABROAD}{_CHINA}"):
            if bare.startswith(prefix):
                return cls(_national(bare.removeprefix(prefix)))
        if bare.startswith("+"):
            return cls(f"{_ABROAD}{bare[1:]}")
        if bare.startswith(_CHINA) and _MOBILE.fullmatch(bare[2:]):
            return cls(bare[2:])
        # Long-distance exchanges show a mobile number of another place with a 0 before it.
        return cls(bare[1:] if bare.startswith("0") and _MOBILE.fullmatch(bare[1:]) else bare)

    @property
    def e164(self) -> str:
        """The number as the world dials it, e.g. `+8613812345678`."""
        if self.digits.startswith(_ABROAD):
            return f"+{self.digits.removeprefix(_ABROAD)}"
        return f"+{_CHINA}{self.digits.removeprefix('0')}"

    @property
    def is_foreign(self) -> bool:
        """Whether it is a number of another country."""
        return self.digits.startswith(_ABROAD)

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


def _national(rest: str) -> str:
    """Return what stands after China's country code as it is dialled inside the country."""
    return f"0{rest}" if _WITHOUT_ZERO.fullmatch(rest) and not _MOBILE.fullmatch(rest) else rest
