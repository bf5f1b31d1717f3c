"""Checks the TLS certificate and its key before the server starts."""

import ssl

from backscroll.process.exits import CommandError
from backscroll.settings.model import Settings


class _EncryptedError(Exception):
    """The private key is encrypted."""


def check(settings: Settings) -> None:
    """Check that the certificate and its key can be loaded, if the settings name them.

    Raises:
        CommandError: only one of the two is set, or they cannot be loaded. The message is one line.
    """
    certificate, key = settings.tls_cert_file, settings.tls_key_file
    if not certificate and not key:
        return
    if not certificate or not key:
        missing = "BACKSCROLL_TLS_KEY_FILE" if certificate else "BACKSCROLL_TLS_CERT_FILE"
        raise CommandError(f"{missing} is needed too: HTTPS requires a certificate and its key")
    for path in (certificate, key):
        try:
            with open(path, "rb"):  # noqa: PTH123 - only checks that it can be read
                pass
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, _no_password)
    except _EncryptedError:
        raise CommandError(
            f"{key} is encrypted, and its password cannot be entered: decrypt the key first"
        ) from None
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or "not PEM"
        raise CommandError(
            f"{certificate} and {key} are not a certificate and its key: {reason}"
        ) from None


def _no_password() -> str:
    raise _EncryptedError
