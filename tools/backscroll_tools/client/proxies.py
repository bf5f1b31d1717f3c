"""The proxy that environment variables name for an upstream."""

from importlib.util import find_spec

import httpx2


class UnusableProxyError(httpx2.ProxyError):
    """The proxy that the environment names cannot be used, so nothing was sent.

    `str()` is one sentence for the operator. It does not contain the address, which may have a
    password.
    """


def proxy_of(url: httpx2.URL) -> httpx2.Proxy | None:
    """Return the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` set for a URL.

    Args:
        url: the URL of a request.

    Returns:
        None if the request needs no proxy.

    Raises:
        UnusableProxyError: the proxy cannot be used.
    """
    from urllib.request import getproxies, proxy_bypass  # slow, and many upstreams need no network

    named = getproxies()
    address = named.get(url.scheme) or named.get("all")
    if not address or proxy_bypass(url.host):
        return None
    try:
        proxy = httpx2.Proxy(address if "://" in address else f"http://{address}")
    except (httpx2.InvalidURL, ValueError):
        raise _unusable("its address is not one of http, https or socks5") from None
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise _unusable("for SOCKS, the Python package socksio must be installed") from None
    return proxy


def _unusable(why: str) -> UnusableProxyError:
    return UnusableProxyError(
        "The proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names cannot be used: "
        f"{why}. Change that variable, or except the host with NO_PROXY."
    )
