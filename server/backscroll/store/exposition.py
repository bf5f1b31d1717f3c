"""Replies with metrics in a format that Prometheus reads."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.responses import Response


def exposed(registry: CollectorRegistry, accept: str) -> Response:
    """Return metrics in a format that the client accepts: Prometheus or OpenMetrics.

    Args:
        registry: the metrics.
        accept: the client's `Accept` header; empty if it sent none.
    """
    try:
        encode, media_type = choose_encoder(accept)
    except TypeError:  # it asks for a version that is not numbers and dots
        encode, media_type = choose_encoder("")
    return Response(encode(registry), headers={"Content-Type": media_type})
