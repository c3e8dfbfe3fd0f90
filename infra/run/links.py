"""The links that are sent to citizens, wired."""

from __future__ import annotations

from datetime import timedelta

from crm_bridge.citizen_pages.passes import Passes
from infra.run.foundation import Foundation


def passes(base: Foundation) -> Passes:
    """Return what makes the links that are sent to citizens."""
    life = timedelta(days=base.settings.citizen.link_days)
    return Passes(base.clock, base.vault, life, base.settings.server.public_url)
