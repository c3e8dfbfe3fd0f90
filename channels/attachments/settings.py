"""Where the files of an installation lie, when not in a folder."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class S3Settings(BaseModel):
    """An S3-compatible store for files, in the place of the folder `casework.attachments_dir`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bucket: str = Field(default="", description="Name of the bucket; empty: files lie in a folder.")
    endpoint_url: str = Field(
        default="",
        description="Address of the store, e.g. https://oss-cn-hangzhou.aliyuncs.com or http://minio:9000; "
        "empty: Amazon's.",
    )
    region: str = Field(
        default="", description="Region of the bucket, where the store has regions."
    )
    access_key: str = Field(
        default="", description="Access key id; empty: from the environment or the machine's role."
    )
    secret_key: SecretStr = Field(default=SecretStr(""), description="Secret access key.")
    prefix: str = Field(
        default="", description="What the names of our objects begin with, e.g. lianxin/."
    )
    path_style: bool = Field(
        default=False,
        description="Name the bucket in the path and not in the host name, as MinIO and Ceph want it.",
    )
    timeout_seconds: float = Field(
        default=20.0, gt=0, le=300, description="How long the store may be silent."
    )
