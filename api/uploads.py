"""Forms with files: bounded, and streamed to disk as they arrive."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

import falcon
import msgspec
from falcon.media.multipart import BodyPart, MultipartForm, MultipartParseOptions

from api.requests import Request, is_printable, printable, shaped
from services.bus import bus
from services.errors import Invalid, NoRoom, TooLarge, WrongType
from services.gateways.storage import FULL
from services.uploads import ReceivedFile

PIECE_BYTES = 1 << 16
TEXT_BYTES = 1 << 16
MOST_TEXTS = 32
SPOOL = "spool"

S = TypeVar("S", bound=msgspec.Struct)


class FileField(msgspec.Struct, frozen=True):
    """The field of a form that carries files: its names (any of them will do), and the bounds.

    Where it `may_be_text`, a part of that name without a file name is a text like any other.
    """

    names: tuple[str, ...]
    most_bytes: int
    most_files: int = 1
    required: bool = True
    may_be_text: bool = False

    def is_in(self, part: BodyPart) -> bool:
        """Whether a part of a form carries a file of this field."""
        return part.name in self.names and (part.filename is not None or not self.may_be_text)


class NoTexts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A form that carries files and nothing else."""


class Form(msgspec.Struct, Generic[S], frozen=True):
    """What a form said: its texts as a shape, and its files, which are gone after the request."""

    body: S
    files: list[ReceivedFile]


def is_form(req: Request) -> bool:
    """Whether a request's body says that it is a form with files."""
    return (req.content_type or "").partition(";")[0].strip().lower() == falcon.MEDIA_MULTIPART


@contextmanager
def received(req: Request, field: FileField, texts: type[S]) -> Iterator[Form[S]]:
    """The request's form; raises WrongType, TooLarge, or Invalid naming the field that is wrong.

    A text that comes more than once becomes a list. Raises NoRoom where the disk is full; nothing is left of it.
    """
    try:
        with _form(req, field, texts) as form:
            yield form
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NoRoom("There is no room for files at the moment.") from error


@contextmanager
def _form(req: Request, field: FileField, texts: type[S]) -> Iterator[Form[S]]:
    with tempfile.TemporaryDirectory(dir=_spool()) as folder:
        files: list[ReceivedFile] = []
        said: dict[str, Any] = {}
        for part in _parts(req, field):
            if field.is_in(part):
                files.append(_kept(part, Path(folder) / str(len(files)), field, len(files)))
            elif part.filename is not None or not is_printable(part.name or ""):
                raise Invalid.field(_name(part), "is not a known field")
            else:
                _say(said, _name(part), _text(part, req))
        if field.required and not files:
            raise Invalid.field(field.names[0], "is required")
        yield Form(shaped(_with_lists(said, texts), texts, strict=False), files)


class _Source:
    """A body to read from, and nothing else: the parser would reach around a bounded stream, which then miscounts."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int | None = -1, /) -> bytes:
        piece: bytes = self._stream.read(size)
        return piece


def _spool() -> Path:
    """A folder on the disk: the system's own place for temporary files is memory on some machines."""
    folder = bus.settings.data_dir / SPOOL
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _parts(req: Request, field: FileField) -> Iterator[BodyPart]:
    boundary = _boundary(req)
    most_bytes = field.most_bytes * field.most_files + MOST_TEXTS * TEXT_BYTES
    if (req.content_length or 0) > most_bytes:
        raise TooLarge(f"The body is larger than {most_bytes} bytes.")
    stream = req.bounded_stream if req.content_length is not None else req.stream
    parse_options = MultipartParseOptions()
    parse_options.max_body_part_buffer_size = TEXT_BYTES
    parse_options.max_body_part_count = field.most_files + MOST_TEXTS
    yield from MultipartForm(_Source(stream), boundary.encode(), req.content_length or most_bytes, parse_options)


def _boundary(req: Request) -> str:
    kind, options = falcon.parse_header(req.content_type or "")
    boundary: str = options.get("boundary", "")
    if kind != falcon.MEDIA_MULTIPART or not 1 <= len(boundary) <= 70:
        raise WrongType("The body must be multipart/form-data with a boundary.")
    return boundary


def _text(part: BodyPart, req: Request) -> str:
    """A part's text; of one without a body (RFC 2046, section 5.1.1) the parser reads on into the next part."""
    text: str | None = part.text
    if text is None:
        raise Invalid.field(_name(part), "must be plain text")
    if text.startswith(f"--{_boundary(req)}"):
        raise Invalid.field(_name(part), "has no content")
    return text


def _kept(part: BodyPart, path: Path, field: FileField, earlier: int) -> ReceivedFile:
    if earlier >= field.most_files:
        raise Invalid.field(_name(part), f"may come {field.most_files} times at most")
    with path.open("xb") as file:
        size = _copied(part.stream, file, field.most_bytes)
    return ReceivedFile(path=path, size=size, name=printable(part.filename or "")[:200])


def _copied(source: Any, target: IO[bytes], most_bytes: int) -> int:
    size = 0
    while piece := source.read(PIECE_BYTES):
        size += len(piece)
        if size > most_bytes:
            raise TooLarge(f"The file is larger than {most_bytes} bytes.")
        target.write(piece)
    return size


def _say(said: dict[str, Any], name: str, text: str) -> None:
    if name not in said:
        said[name] = text
    elif isinstance(said[name], list):
        said[name].append(text)
    else:
        said[name] = [said[name], text]


def _with_lists(said: dict[str, Any], texts: type[msgspec.Struct]) -> dict[str, Any]:
    """What was said, with a list wherever the shape has one: of a text that came once a form cannot tell."""
    fields = {field.encode_name: msgspec.inspect.type_info(field.type) for field in msgspec.structs.fields(texts)}
    lists = {name for name, shape in fields.items() if isinstance(shape, msgspec.inspect.ListType)}
    return {name: [text] if name in lists and isinstance(text, str) else text for name, text in said.items()}


def _name(part: BodyPart) -> str:
    return printable(part.name or "")[:80] or "body"
