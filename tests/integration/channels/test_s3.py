"""Files in an S3 store, over its wire protocol, against moto's server."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from channels.attachments.s3 import S3Store
from channels.attachments.settings import S3Settings
from infra.kit.errors import NotFound, TryLater

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
CONTENT = "现场照片".encode() * 1000


@pytest.fixture
def settings() -> Iterator[S3Settings]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    found = S3Settings(
        bucket="lianxin",
        endpoint_url=f"http://{host}:{port}",
        region="us-east-1",
        access_key="AKIDEXAMPLE",
        secret_key=SecretStr("secret"),
        prefix="files/",
        path_style=True,
        timeout_seconds=5,
    )
    _admin(found).create_bucket(Bucket="lianxin")
    yield found
    server.stop()


def _admin(settings: S3Settings):  # type: ignore[no-untyped-def]  # boto3's own word for it is of no interest here
    return boto3.client(
        "s3",
        endpoint_url=settings.endpoint_url,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key="secret",
    )


async def test_file_is_kept_once_under_its_digest_and_given_back_whole(
    settings: S3Settings,
) -> None:
    store = S3Store(settings)
    digest = await store.put(CONTENT)
    assert digest == hashlib.sha256(CONTENT).hexdigest()
    assert await store.put(CONTENT) == digest
    assert await store.get(digest) == CONTENT
    listed = _admin(settings).list_objects_v2(Bucket="lianxin")["Contents"]
    assert [one["Key"] for one in listed] == [f"files/{digest[:2]}/{digest}"]


async def test_file_that_is_not_there_is_not_found(settings: S3Settings) -> None:
    for digest in ("0" * 64, "../../etc/passwd", ""):
        with pytest.raises(NotFound):
            await S3Store(settings).get(digest)


async def test_file_that_was_changed_behind_our_back_is_not_given_out(
    settings: S3Settings,
) -> None:
    store = S3Store(settings)
    digest = await store.put(CONTENT)
    _admin(settings).put_object(
        Bucket="lianxin", Key=f"files/{digest[:2]}/{digest}", Body=b"something else"
    )
    with pytest.raises(NotFound, match="damaged"):
        await store.get(digest)


async def test_file_that_was_cut_short_is_kept_anew(settings: S3Settings) -> None:
    store = S3Store(settings)
    digest = await store.put(CONTENT)
    _admin(settings).put_object(
        Bucket="lianxin", Key=f"files/{digest[:2]}/{digest}", Body=CONTENT[:100]
    )
    await store.put(CONTENT)
    assert await store.get(digest) == CONTENT


async def test_many_at_once_are_all_kept(settings: S3Settings) -> None:
    store = S3Store(settings)
    contents = [f"file {n}".encode() for n in range(40)]
    digests = await asyncio.gather(*(store.put(content) for content in contents))
    assert await asyncio.gather(*(store.get(digest) for digest in digests)) == contents


async def test_store_that_is_away_is_tried_later(settings: S3Settings) -> None:
    away = settings.model_copy(update={"endpoint_url": "http://127.0.0.1:9", "timeout_seconds": 1})
    with pytest.raises(TryLater):
        await S3Store(away).put(CONTENT)
    with pytest.raises(TryLater):
        await S3Store(away).check()


async def test_bucket_that_is_not_there_is_named_by_the_check(settings: S3Settings) -> None:
    await S3Store(settings).check()
    missing = settings.model_copy(update={"bucket": "somebody-elses"})
    with pytest.raises(NotFound):
        await S3Store(missing).check()
