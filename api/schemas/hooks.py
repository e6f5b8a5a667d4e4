"""What other media servers send: their own names, unknown fields passed over, every length bounded."""

from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(max_length=2000)]


class MediaMtxCall(msgspec.Struct, frozen=True, kw_only=True):
    """MediaMTX: its authentication request, and what its lifecycle commands are set up to send."""

    path: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    action: Text = ""
    user: Text | None = ""
    password: Text | None = ""
    token: Text | None = ""
    ip: Text | None = ""
    protocol: Text | None = ""
    id: Text | None = ""
    query: Text | None = ""


class SrsCall(msgspec.Struct, frozen=True, kw_only=True):
    """SRS: `on_publish`, `on_unpublish` and the hooks that tell that it goes on."""

    client_id: Annotated[str | int, msgspec.Meta()]
    stream: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    server_id: Text = ""
    service_id: Text = ""
    action: Text = ""
    ip: Text = ""
    vhost: Text = ""
    app: Text = ""
    param: Text = ""
