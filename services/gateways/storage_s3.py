"""Media storage in a bucket that speaks S3."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import boto3
import botocore.exceptions
from boto3.s3.transfer import TransferConfig

from services.gateways.storage import StorageError, content_type, plain_key
from settings import Settings

IMMUTABLE = "public, max-age=31536000, immutable"


def open_bucket(settings: Settings, prefix: str) -> "S3Storage":
    """The bucket of the settings; without keys there, boto3 looks for them where AWS tools do."""
    client = _client(
        settings.aws_region, settings.aws_endpoint_url, settings.aws_access_key_id, settings.aws_secret_access_key
    )
    return S3Storage(client, settings.aws_s3_bucket, prefix)


@functools.lru_cache(maxsize=4)
def _client(region: str, endpoint: str, key: str, secret: str) -> Any:
    """Making a client takes a good part of a second, so there is one for each server; threads may share it."""
    return boto3.client(
        "s3",
        region_name=region or None,
        endpoint_url=endpoint or None,
        aws_access_key_id=key or None,
        aws_secret_access_key=secret or None,
    )


class S3Storage:
    """Objects in a bucket, below a prefix."""

    def __init__(self, client: Any, bucket: str, prefix: str = "") -> None:
        self._client, self._bucket = client, bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._transfer = TransferConfig(use_threads=False)

    def put(self, key: str, source: Path) -> None:
        described = {"ContentType": content_type(key), "CacheControl": IMMUTABLE}
        with self._named(key):
            self._client.upload_file(
                str(source), self._bucket, self._object(key), ExtraArgs=described, Config=self._transfer
            )

    def put_bytes(self, key: str, content: bytes) -> None:
        with self._named(key):
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._object(key),
                Body=content,
                ContentType=content_type(key),
                CacheControl=IMMUTABLE,
            )

    @contextmanager
    def open(self, key: str) -> Iterator[IO[bytes]]:
        with self._named(key):
            body = self._client.get_object(Bucket=self._bucket, Key=self._object(key))["Body"]
        with body:
            yield body

    def size(self, key: str) -> int | None:
        try:
            return int(self._client.head_object(Bucket=self._bucket, Key=self._object(key))["ContentLength"])
        except botocore.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise StorageError(f"{key} cannot be seen: {error}") from error

    def keys(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._object(prefix).rstrip('/')}/"
        )
        with self._named(prefix):
            names = [item["Key"] for page in pages for item in page.get("Contents", ())]
        return sorted(name.removeprefix(self._prefix) for name in names)

    def delete(self, key: str) -> None:
        with self._named(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._object(key))

    def delete_prefix(self, prefix: str) -> None:
        for key in self.keys(prefix):
            self.delete(key)

    def url(self, key: str) -> str:
        endpoint = self._client.meta.endpoint_url.rstrip("/")
        return f"{endpoint}/{self._bucket}/{self._object(key)}"

    def signed_url(self, key: str, lasts_s: int) -> str:
        wanted = {"Bucket": self._bucket, "Key": self._object(key)}
        return str(self._client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=lasts_s))

    def _object(self, key: str) -> str:
        return self._prefix + plain_key(key)

    @contextmanager
    def _named(self, key: str) -> Iterator[None]:
        try:
            yield
        except (
            botocore.exceptions.BotoCoreError,
            botocore.exceptions.ClientError,
            boto3.exceptions.Boto3Error,
        ) as error:
            raise StorageError(f"{key}: {error}") from error
