"""What environment variables say of the network: the proxy, and the certificates to trust."""

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import httpx2

if TYPE_CHECKING:
    import ssl  # slow, and many upstreams need no network

_CERTIFICATES: Final = "SSL_CERT_FILE"


class UnusableVariableError(httpx2.ConnectError):
    """An environment variable has a value that cannot be used, so nothing was sent.

    `str()` is one sentence for the operator. It does not contain the value, which may have a
    password.
    """


def proxy_of(url: httpx2.URL) -> httpx2.Proxy | None:
    """Return the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` set for a URL.

    Args:
        url: the URL of a request.

    Returns:
        None if the request needs no proxy.

    Raises:
        UnusableVariableError: the proxy cannot be used.
    """
    from urllib.request import getproxies, proxy_bypass  # slow, too

    named = getproxies()
    address = named.get(url.scheme) or named.get("all")
    if not address or proxy_bypass(url.host):
        return None
    try:
        proxy = httpx2.Proxy(address if "://" in address else f"http://{address}")
    except (httpx2.InvalidURL, ValueError):
        raise _unusable_proxy("its address is not one of http, https or socks5") from None
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise _unusable_proxy("for SOCKS, the Python package socksio must be installed")
    return proxy


def _unusable_proxy(why: str) -> UnusableVariableError:
    return UnusableVariableError(
        "The proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names cannot be used: "
        f"{why}. Change that variable, or except the host with NO_PROXY."
    )


def trusted_certificates() -> "ssl.SSLContext":
    """Return a TLS configuration that trusts what `SSL_CERT_FILE` and `SSL_CERT_DIR` name.

    Without them, it trusts the certificates that httpx2 trusts by default.

    Raises:
        UnusableVariableError: `SSL_CERT_FILE` cannot be used.
    """
    try:
        return httpx2.create_ssl_context()
    except OSError as error:  # also an `ssl.SSLError`
        if not os.environ.get(_CERTIFICATES):
            raise
        match error:
            case FileNotFoundError():
                why = "there is no such file"
            case PermissionError():
                why = "it may not be read"
            case _:
                why = "it has no certificates in PEM format"
        raise UnusableVariableError(
            f"The file that {_CERTIFICATES} names cannot be used: {why}. Change that variable."
        ) from None
