"""Files in an S3-compatible store: Amazon's, MinIO, Ceph, and the clouds that speak its protocol."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from channels.attachments.settings import S3Settings
from infra.kit.errors import NotFound, TryLater

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = structlog.get_logger()
T = TypeVar("T")

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_THREADS = 8


class S3Store:
    """Keeps bytes as objects named by their SHA-256.

    Args:
        settings: Where the bucket is, and with which key it opens.
    """

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._client = _client(settings)
        # Threads may share the client. They are its own, so that a slow store holds up nobody else.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")

    async def put(self, content: bytes) -> str:
        """Keep bytes and return their SHA-256 in hexadecimal; the store has them when this returns.

        Raises:
            TryLater: The store is away, or does not take them.
        """
        digest = hashlib.sha256(content)
        await self._ask(lambda: self._put(digest.hexdigest(), digest.digest(), content))
        return digest.hexdigest()

    async def get(self, digest: str) -> bytes:
        """Return the bytes with this SHA-256.

        Raises:
            NotFound: There are none, or they are not whole any more.
            TryLater: The store is away.
        """
        if not _DIGEST.fullmatch(digest):
            raise NotFound
        content = await self._ask(lambda: self._get(digest))
        if hashlib.sha256(content).hexdigest() != digest:
            raise NotFound("the file is damaged", "附件已损坏，请联系管理员")
        return content

    async def check(self) -> None:
        """Return if the bucket answers.

        Raises:
            NotFound: There is no such bucket.
            TryLater: The store is away, or does not let us in.
        """
        await self._ask(lambda: self._client.head_bucket(Bucket=self._settings.bucket))

    def _put(self, digest: str, raw: bytes, content: bytes) -> None:
        if self._has(digest, len(content)):
            return
        self._client.put_object(
            Bucket=self._settings.bucket,
            Key=self._key(digest),
            Body=content,
            ContentType="application/octet-stream",
            ChecksumSHA256=base64.b64encode(raw).decode(),
        )

    def _has(self, digest: str, size: int) -> bool:
        try:
            found = self._client.head_object(Bucket=self._settings.bucket, Key=self._key(digest))
        except ClientError as error:
            if _code(error) in _MISSING:
                return False
            raise
        return found["ContentLength"] == size

    def _get(self, digest: str) -> bytes:
        found = self._client.get_object(Bucket=self._settings.bucket, Key=self._key(digest))
        return found["Body"].read()

    def _key(self, digest: str) -> str:
        return f"{self._settings.prefix}{digest[:2]}/{digest}"

    async def _ask(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except ClientError as error:
            code = _code(error)
            if code in _MISSING:
                raise NotFound from error
            log.warning("s3_refused", code=code)
            raise _later(code) from error
        except (BotoCoreError, OSError) as error:
            log.warning("s3_away", error=type(error).__name__)
            raise _later(type(error).__name__) from error


def _client(settings: S3Settings) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=settings.endpoint_url or None,
        region_name=settings.region or None,
        aws_access_key_id=settings.access_key or None,
        aws_secret_access_key=settings.secret_key.get_secret_value() or None,
        config=Config(
            connect_timeout=min(5.0, settings.timeout_seconds),
            read_timeout=settings.timeout_seconds,
            retries={"max_attempts": 2, "mode": "standard"},
            max_pool_connections=_THREADS,
            s3={"addressing_style": "path" if settings.path_style else "auto"},
            # Only the checksum that we give: not every store that speaks the protocol knows the newer ones.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _later(what: str) -> TryLater:
    return TryLater(f"the store of files says {what}", "附件暂时无法保存或读取，请稍后重试")
