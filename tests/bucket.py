"""A bucket that speaks S3: moto's, which is a whole one but for the disks behind it."""

from collections.abc import Iterator
from contextlib import contextmanager

import requests
from moto.server import ThreadedMotoServer

BUCKET = "media"


@contextmanager
def bucket(public: str = "") -> Iterator[dict[str, str]]:
    """Run a server with an empty bucket; yields the settings that lead to it. Keys like `public` are everybody's."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        requests.post(f"{endpoint}/moto-api/reset", timeout=10).raise_for_status()
        requests.put(f"{endpoint}/{BUCKET}", timeout=10).raise_for_status()
        if public:
            requests.put(f"{endpoint}/{BUCKET}?policy", json=_policy(public), timeout=10).raise_for_status()
        yield {
            "aws_endpoint_url": endpoint,
            "aws_region": "us-east-1",
            "aws_access_key_id": "key",
            "aws_secret_access_key": "secret",
            "aws_s3_bucket": BUCKET,
        }
    finally:
        server.stop()


def _policy(keys: str) -> dict[str, object]:
    allowed = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/{keys}",
    }
    return {"Version": "2012-10-17", "Statement": [allowed]}
