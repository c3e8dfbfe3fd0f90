import pytest

from channels.contacts.rules import Contact
from channels.marks.memory import MemoryMarks
from channels.protocol import CannotReply, Reply, ReplyKind
from infra.kit.clock import ManualClock
from infra.kit.vault import Vault
from infra.run.enabled import enabled_channels
from infra.run.settings import Settings


async def test_press_of_a_device_has_a_door_of_its_own_and_is_answered_another_way(
    clock: ManualClock, vault: Vault
) -> None:
    channels = enabled_channels(Settings(), clock, MemoryMarks(clock), vault.seal)
    assert "one-touch" in channels
    press = Contact(channel="one-touch", external_id="7/1", received_at=clock.now())
    with pytest.raises(CannotReply):
        await channels["one-touch"].reply(
            press, Reply(key="receipt:1", kind=ReplyKind.receipt, text="已登记")
        )
