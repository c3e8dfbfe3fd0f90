"""What is misconfigured about the mailbox, said with the setting to look at."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from channels.mailbox.fetching import MOST_LEFT
from channels.mailbox.imap import FolderUnknown, ImapConnection, LoginRefused, MailServerAway
from channels.mailbox.settings import MailboxSettings, Security
from channels.mailbox.smtp import Smtp
from channels.protocol import Finding

SECTION = "mayor_mailbox"


async def findings(settings: MailboxSettings, smtp: Smtp, left: int) -> Sequence[Finding]:
    """Return what an operator should mend.

    Args:
        settings: The mailbox.
        smtp: Asked whether it lets us in.
        left: How many mails could not be taken in.
    """
    found: list[Finding] = []
    if not settings.imap_host:
        found.append(
            _finding(
                "imap_host",
                "未配置收信服务器：不收邮件，仅受理网页信件",
                "not set: no mail is fetched, only letters of the web pages come in",
                fatal=False,
            )
        )
    elif not settings.address:
        found.append(
            _finding(
                "address",
                "请填写信箱地址，否则无法识别本系统发出的邮件",
                "set the mailbox's address: without it mails of our own are not known again",
            )
        )
    else:
        found += await _imap(settings)
    if not settings.smtp_host:
        found.append(
            _finding(
                "smtp_host",
                "未配置发信服务器：来信只能以短信等其他方式答复",
                "not set: mails cannot be answered by mail",
                fatal=False,
            )
        )
    elif settings.address:
        found += await _smtp(settings, smtp)
    if left:
        found.append(
            _finding(
                "folder",
                f"有 {left} 封邮件未能受理，将继续重试；请查看日志 mail_left",
                f"{left} mails could not be taken in and are tried again; look for mail_left in the log",
                fatal=False,
            )
        )
    if left >= MOST_LEFT:
        found.append(
            _finding(
                "folder",
                "未能受理的邮件已达上限，更早的不再重试（日志 mail_given_up）；请在邮箱中处理未读邮件",
                "more mails are not tried again: the eldest are given up (mail_given_up in the log); see to the unread "
                "mails in the mailbox",
                fatal=False,
            )
        )
    return found


async def _imap(settings: MailboxSettings) -> list[Finding]:
    found = _plain("imap_security", settings.imap_security, settings.imap_host)
    connection = ImapConnection(settings)
    try:
        await connection.open()
    except LoginRefused as error:
        found.append(_finding("imap_password", error.title_zh, error.title_en))
    except FolderUnknown as error:
        found.append(_finding("folder", error.title_zh, error.title_en))
    except MailServerAway as error:
        found.append(_away("imap_host", error))
    finally:
        await connection.close()
    return found


async def _smtp(settings: MailboxSettings, smtp: Smtp) -> list[Finding]:
    found = _plain("smtp_security", settings.smtp_security, settings.smtp_host)
    try:
        await smtp.check()
    except LoginRefused as error:
        found.append(_finding("smtp_password", error.title_zh, error.title_en))
    except MailServerAway as error:
        found.append(_away("smtp_host", error))
    return found


def _away(setting: str, error: MailServerAway) -> Finding:
    return _finding(
        setting,
        f"{error.title_zh}（{error.detail_en}）",
        f"{error.title_en} ({error.detail_en})",
    )


def _plain(setting: str, security: Security, host: str) -> list[Finding]:
    if security is not Security.none or _is_here(host):
        return []
    return [
        _finding(
            setting,
            "与其他机器上的邮件服务器应使用 tls 或 starttls，否则密码和信件以明文传输",
            "use tls or starttls towards another machine: password and letters go in the clear",
            fatal=False,
        )
    ]


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _finding(setting: str, zh: str, en: str, *, fatal: bool = True) -> Finding:
    return Finding(setting=f"{SECTION}.{setting}", message_zh=zh, message_en=en, fatal=fatal)
