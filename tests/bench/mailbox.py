"""From a mail in a real Dovecot to a dispatcher's socket: how soon IDLE tells of it, how fast a full mailbox is read.

The ratio is to a bare IMAP client that fetches the same mails, one after the other, and marks them as read: what any
reader that loses nothing has to do. Every letter is answered with its ticket's number, over SMTP to a sink.
"""

from __future__ import annotations

import asyncio
import imaplib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from uuid import uuid4

from channels.contacts.rules import Purpose
from channels.mailbox.reading import read
from channels.mailbox.rules import CHANNEL, FetchedMail
from tests.bench.arrivals import City, Run, running_city
from tests.mail_servers import PASSWORD, DovecotServer, own_dovecot, start_sink
from tests.parts import find

MAYOR = "mayor@linjiang.example"
STEADY = 50
STEADY_A_SECOND = 5
BURST = 1_000
_CONNECTIONS = 4
_STRAGGLER_SECONDS = 120.0
_TEXT = "滨江路 18 号门前的路灯已经三天不亮，晚上老人走路看不清，请派人修理。\n" * 4


def letter(n: int) -> bytes:
    """Return a citizen's letter as it lies in the mailbox."""
    mail = EmailMessage()
    mail["From"], mail["To"] = f"李明 <citizen-{n}@mail.example>", MAYOR
    mail["Subject"] = f"路灯不亮，第 {n} 封"
    mail["Message-ID"] = f"<{uuid4().hex}@mail.example>"
    mail.set_content(_TEXT, charset="gb18030", cte="base64")
    return mail.as_bytes(policy=policy.SMTP)


def identity(content: bytes) -> str:
    """Return by what the hotline will know a letter."""
    raw = FetchedMail(content=content, size=len(content), received_at=datetime.now(UTC))
    return read(raw, "linjiang.example").identity


def deliver(dovecot: DovecotServer, user: str, letters: Sequence[bytes], pause: float) -> Run:
    """Lay letters into a mailbox, one after the other; return when each was begun to be laid."""
    run = Run()
    with dovecot.client(user) as client:
        for content in letters:
            run.sent[identity(content)] = time.monotonic()
            result, _ = client.append("INBOX", "", imaplib.Time2Internaldate(time.time()), content)
            assert result == "OK"
            time.sleep(pause)
    return run


async def arrive(
    city: City, dovecot: DovecotServer, letters: Sequence[bytes], pause: float, connections: int
) -> Run:
    """Deliver letters over some connections, and wait until they are on the screen."""
    user = city.installation.sections["mayor_mailbox"]["imap_user"]
    before = city.busy
    parts = [letters[n::connections] for n in range(connections)]
    runs = await asyncio.gather(
        *(asyncio.to_thread(deliver, dovecot, user, part, pause) for part in parts)
    )
    sent = {one: moment for part in runs for one, moment in part.sent.items()}
    whole = Run(sent=sent, busy=before)
    await city.wait(whole, CHANNEL, Purpose.matter, _STRAGGLER_SECONDS)
    return whole


def bare(dovecot: DovecotServer, user: str) -> float:
    """Return how many mails a second a client comes to that only fetches them and marks them as read."""
    with dovecot.client(user) as client:
        client.select("INBOX")
        numbers = client.uid("SEARCH", "UNSEEN")[1][0].split()
        started = time.monotonic()
        for uid in numbers:
            client.uid("FETCH", uid, "(BODY.PEEK[])")
            client.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen)")
        return len(numbers) / (time.monotonic() - started)


async def run() -> None:
    """Print the figures of the mailbox."""
    letters = [letter(n) for n in range(STEADY + BURST)]
    with own_dovecot() as dovecot, start_sink() as sink:
        mailbox = {
            "address": MAYOR,
            "imap_host": "127.0.0.1",
            "imap_port": dovecot.port,
            "imap_security": "none",
            "imap_user": "mayor-of-the-bench",
            "imap_password": PASSWORD,
            "smtp_host": "127.0.0.1",
            "smtp_port": sink.port,
            "smtp_security": "none",
        }
        async with running_city({"mayor_mailbox": mailbox}) as city:
            steady = await arrive(city, dovecot, letters[:STEADY], 1 / STEADY_A_SECOND, 1)
            print(
                f"  {f'{STEADY_A_SECOND} mails/s':34} {len(steady.sent):6,} sent  {steady.on_screens}"
            )
            burst = await arrive(city, dovecot, letters[STEADY:], 0, _CONNECTIONS)
        await asyncio.to_thread(deliver, dovecot, "bare-of-the-bench", letters[STEADY:], 0)
        limit = await asyncio.to_thread(bare, dovecot, "bare-of-the-bench")
    a_second = len(burst.shown) / (burst.ended - min(burst.sent.values()))
    print(f"  {f'{BURST:,} at once':34} {len(burst.sent):6,} sent  {burst.on_screens}")
    print(f"  {'read, registered and shown':34} {a_second:6,.0f} mails/s")
    print(f"  {'a bare client, fetch and mark':34} {limit:6,.0f} mails/s")
    print(f"  ratio: {a_second / limit:.2f} × the bare client", flush=True)


def main() -> None:
    """Run the bench."""
    if find("dovecot", "/usr/sbin", "/usr/local/sbin") is None:
        print("  left out: there is no Dovecot here (apt install dovecot-imapd)")
        return
    asyncio.run(run())


if __name__ == "__main__":
    main()
