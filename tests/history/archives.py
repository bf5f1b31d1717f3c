"""Archives, as exports come in them."""

import io
import struct
import zipfile
from collections.abc import Mapping

_FLAGS_AT = {b"PK\x03\x04": 6, b"PK\x01\x02": 8}
"""Where the flags of a member are, after the start of its local and of its central header."""


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a compressed ZIP archive of files by name."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(
                zipfile.ZipInfo(name, (2026, 1, 2, 3, 4, 6)), data, zipfile.ZIP_DEFLATED
            )
    return content.getvalue()


def encrypted(archive: bytes) -> bytes:
    """Return an archive whose members are marked as encrypted."""
    content = bytearray(archive)
    for signature, offset in _FLAGS_AT.items():
        at = content.find(signature)
        while at >= 0:
            (flags,) = struct.unpack_from("<H", content, at + offset)
            struct.pack_into("<H", content, at + offset, flags | 1)
            at = content.find(signature, at + 1)
    return bytes(content)
