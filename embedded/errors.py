"""What may go wrong with the embedded servers, each said in one line that an operator can act on."""


class EmbeddedError(Exception):
    """An embedded server cannot do its work; the message is one line without a traceback."""


class FolderBusy(EmbeddedError):
    """Another process runs the servers of this data folder."""
