"""What can be wrong with a publisher's bytes, named so that a connection can be answered."""


class IngestError(Exception):
    """Anything that ends one publisher's connection and nothing else."""


class ProtocolError(IngestError):
    """The peer sent bytes that are malformed, or larger than we are willing to hold."""


class UnsupportedMedia(IngestError):
    """The peer sent well-formed media in a codec that we do not take."""


class Refused(IngestError):
    """A publisher may not publish; `code` is the RTMP status code that tells it why."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
