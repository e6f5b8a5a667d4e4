"""Forms with files as they are on the wire (RFC 7578)."""

BOUNDARY = "one-boundary"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(*parts: tuple[str, str | None, bytes]) -> bytes:
    """A multipart body of (name, file name, content)."""
    written = b""
    for name, filename, content in parts:
        file = f'; filename="{filename}"' if filename is not None else ""
        written += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        written += content + b"\r\n"
    return written + f"--{BOUNDARY}--\r\n".encode()
