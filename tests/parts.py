"""Multipart bodies as clients write them."""

BOUNDARY = "xYzZY-1"
MULTIPART = ("content-type", f"multipart/form-data; boundary={BOUNDARY}")


def part(name: str, content: bytes | str, *lines: str, filename: str | None = None) -> bytes:
    """A part with its head; `lines` are more headers."""
    named = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    return headed(content, f"Content-Disposition: {named}", *lines)


def headed(content: bytes | str, *lines: str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + data


def body(*parts: bytes, boundary: str = BOUNDARY, before: bytes = b"", after: bytes = b"\r\n") -> bytes:
    """A whole body of parts, with what stands before and after them."""
    delimiter = b"--" + boundary.encode()
    return before + b"".join(delimiter + b"\r\n" + each + b"\r\n" for each in parts) + delimiter + b"--" + after
