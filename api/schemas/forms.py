"""Forms with files, as the reference describes them; `api/uploads.py` reads them from the wire."""

from typing import Annotated

import msgspec

from services.identity import MOST_DOCUMENTS
from services.posts import PostDraft
from services.stream_metadata import StreamDraft

#: A file in a form: its bytes as they are.
File = Annotated[str, msgspec.Meta(extra_json_schema={"format": "binary"})]


class AvatarForm(msgspec.Struct, frozen=True):
    """A picture: JPEG, PNG or WebP, up to 10 MiB and 64 million pixels."""

    file: File


class IdentityForm(msgspec.Struct, frozen=True):
    """Papers: JPEG, PNG, WebP or PDF, up to 10 MiB each."""

    documents: Annotated[list[File], msgspec.Meta(min_length=1, max_length=MOST_DOCUMENTS)]


class StreamForm(StreamDraft, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A stream to be; `thumbnail` is the address of a picture, or a picture (JPEG, PNG or WebP, 10 MiB)."""

    thumbnail: File | None = None


class PostForm(PostDraft, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A post with up to ten pictures (JPEG, PNG, WebP, 10 MiB each) or videos (MP4, MOV, WebM, MKV, 512 MiB each)."""

    files: Annotated[list[File], msgspec.Meta(max_length=10)] = []
