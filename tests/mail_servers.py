"""Real mail servers for tests: a Dovecot of our own that is read from, and a sink that takes what is sent."""

from __future__ import annotations

import asyncio
import imaplib
import os
import pwd
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.parts import find, free_port, missing, running, wait_until

USER = "mayor@linjiang.example"
PASSWORD = "a-password-for-tests"
_CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl = {ssl}
{certificate}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
default_login_user = {login_user}
default_internal_user = {internal_user}
default_internal_group = {internal_group}
mail_location = maildir:{folder}/mail/%u
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 0
first_valid_gid = 0
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
"""


@dataclass(slots=True)
class DovecotServer:
    """A Dovecot that a test may stop and start again on the same port; whoever comes has a mailbox.

    Attributes:
        port: Plain, and with STARTTLS where it has a certificate.
        tls_port: With TLS from the first byte; 0 without a certificate.
    """

    port: int
    folder: Path
    binary: str
    tls_port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [self.binary, "-F", "-c", str(self.folder / "dovecot.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers, "Dovecot")

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            with running(self.process, sign):
                pass
            self.process = None

    def put(
        self,
        mail: EmailMessage | bytes,
        *,
        user: str = USER,
        folder: str = "INBOX",
        came_at: datetime | None = None,
    ) -> None:
        """Lay a mail into a mailbox, as the delivering server would."""
        with self.client(user) as client:
            content = mail if isinstance(mail, bytes) else mail.as_bytes(policy=policy.SMTP)
            date = imaplib.Time2Internaldate(came_at or time.time())
            result, _ = client.append(folder, "", date, content)
            assert result == "OK"

    def seen(self, user: str = USER) -> int:
        """Return how many mails are marked as read."""
        with self.client(user) as client:
            client.select("INBOX", readonly=True)
            return len(client.search(None, "SEEN")[1][0].split())

    def renumber(self, user: str = USER) -> None:
        """Let the server number the mails anew, as after a restore."""
        box = self.folder / "mail" / user
        for path in box.glob("dovecot*"):
            path.unlink()

    @contextmanager
    def client(self, user: str = USER) -> Iterator[imaplib.IMAP4]:
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        try:
            client.login(user, PASSWORD)
            yield client
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                client.logout()

    def _answers(self) -> bool:
        try:
            imaplib.IMAP4("127.0.0.1", self.port, timeout=1).logout()
        except (OSError, imaplib.IMAP4.error):
            return False
        return True


@contextmanager
def own_dovecot(*, certificate: Path | None = None) -> Iterator[DovecotServer]:
    """A Dovecot in a folder of its own; with a certificate and its key in one file it speaks TLS."""
    # Not below pytest's own folder, which only its owner may enter: the server's processes run as other users.
    with TemporaryDirectory(prefix="lianxin-dovecot-") as folder:
        Path(folder).chmod(0o755)
        with _start_dovecot(Path(folder), certificate) as server:
            yield server


@contextmanager
def _start_dovecot(folder: Path, certificate: Path | None) -> Iterator[DovecotServer]:
    binary = find("dovecot", "/usr/sbin", "/usr/local/sbin")
    if binary is None:
        missing("Dovecot", "apt install dovecot-imapd")
    me = pwd.getpwuid(os.geteuid())
    root = me.pw_uid == 0
    # Mails belong to somebody who is not root; the passwords' keeper and the doorman are Dovecot's own users.
    owner = pwd.getpwnam("dovecot") if root else me
    port, tls_port = free_port(), free_port() if certificate else 0
    (folder / "dovecot.conf").write_text(
        _CONFIGURATION.format(
            folder=folder,
            port=port,
            tls_port=tls_port,
            ssl="yes" if certificate else "no",
            certificate=f"ssl_cert = <{certificate}\nssl_key = <{certificate}"
            if certificate
            else "",
            password=PASSWORD,
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            login_user="dovenull" if root else me.pw_name,
            internal_user="dovecot" if root else me.pw_name,
            internal_group="dovecot" if root else str(me.pw_gid),
        )
    )
    (folder / "mail").mkdir()
    if root:
        shutil.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
    server = DovecotServer(port, folder, binary, tls_port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def make_certificate(folder: Path) -> Path:
    """Write a certificate of nobody's but our own, with its key, and return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@dataclass  # Without slots: aiosmtpd lists a handler's members, which fails with slots before Python 3.11.3.
class Sink:
    """An SMTP server that keeps what it gets.

    Attributes:
        refuse_recipient: Answered to RCPT instead of taking it, e.g. `550 no such user`.
        refuse_data: Answered to a whole mail.
        hang_up: Breaks the connection when it has got the whole mail, without an answer.
    """

    port: int
    mails: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    refuse_recipient: str = ""
    refuse_data: str = ""
    hang_up: bool = False

    async def handle_RCPT(  # aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.refuse_data:
            return self.refuse_data
        content = envelope.content or b""
        assert isinstance(content, bytes)
        parsed = message_from_bytes(content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.raw.append(content)
        self.mails.append((envelope.mail_from or "", list(envelope.rcpt_tos), parsed))
        if self.hang_up:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "250 taken"


@contextmanager
def start_sink(*, certificate: Path | None = None, starttls: bool = False) -> Iterator[Sink]:
    """A sink; with a certificate it speaks TLS, from the first byte or after STARTTLS."""
    sink = Sink(free_port())
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    controller = Controller(
        sink,
        hostname="127.0.0.1",
        port=sink.port,
        ssl_context=None if starttls else context,
        tls_context=context if starttls else None,
        require_starttls=starttls,
    )
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()
