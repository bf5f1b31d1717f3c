"""The endpoints of OpenAI's API that the store does not serve, each with the reason.

Sources: OpenAI's OpenAPI document of 2026-08-21; for the files of assistants, OpenAI's OpenAPI
document of 2024-04-15; and the resources of OpenAI's Python SDK 3.54.0.
"""

import re
from functools import cache
from typing import Final

from msgspec import Struct

from backscroll.store.api_errors import ApiError, no_model, not_served


class Absence(Struct, frozen=True, kw_only=True):
    """Endpoints that are not served for the same reason.

    Attributes:
        endpoints: a line for each path, with the methods, then the path below `/v1`. `*` stands for
            one segment of a path, and `**` for one or more segments.
        purpose: what the endpoints need a model for, such as `run assistants`; empty if they are
            not served for another reason.
        reason: this other reason, as one or more sentences that follow `Not served: `; empty if
            there is a `purpose`.
    """

    endpoints: str
    purpose: str = ""
    reason: str = ""

    def error(self) -> ApiError:
        """Return the 501 with the reason."""
        return no_model(self.purpose) if self.purpose else not_served(self.reason)


ABSENCES: Final = (
    Absence(
        purpose="run assistants",
        endpoints="""
            POST             /threads/runs
            GET,POST         /threads/*/runs
            GET,POST         /threads/*/runs/*
            POST             /threads/*/runs/*/cancel
            POST             /threads/*/runs/*/submit_tool_outputs
            GET              /threads/*/runs/*/steps
            GET              /threads/*/runs/*/steps/*
        """,
    ),
    Absence(
        purpose="run agents",
        endpoints="""
            GET,POST         /agents
            GET,POST,DELETE  /agents/**
        """,
    ),
    Absence(purpose="complete text", endpoints="POST /completions"),
    Absence(purpose="create embeddings", endpoints="POST /embeddings"),
    Absence(purpose="classify content", endpoints="POST /moderations"),
    Absence(purpose="answer questions", endpoints="POST /decisions"),
    Absence(purpose="check the origin of content", endpoints="POST /content_provenance_checks"),
    Absence(
        purpose="create images",
        endpoints="""
            POST             /images/generations
            POST             /images/edits
            POST             /images/variations
        """,
    ),
    Absence(
        purpose="create videos",
        endpoints="""
            GET,POST         /videos
            GET,DELETE       /videos/*
            GET              /videos/*/content
            POST             /videos/*/remix
            POST             /videos/characters
            GET              /videos/characters/*
            POST             /videos/edits
            POST             /videos/extensions
        """,
    ),
    Absence(
        purpose="process audio",
        endpoints="""
            POST             /audio/speech
            POST             /audio/transcriptions
            POST             /audio/translations
            GET,POST         /audio/voice_consents
            GET,POST,DELETE  /audio/voice_consents/*
            POST             /audio/voices
            DELETE           /audio/voices/*
        """,
    ),
    Absence(
        purpose="hold live sessions",
        endpoints="""
            GET              /realtime
            POST             /realtime/calls
            POST             /realtime/calls/*/*
            POST             /realtime/client_secrets
            POST             /realtime/sessions
            POST             /realtime/transcription_sessions
            POST             /realtime/translations/client_secrets
            POST             /live/sessions
            POST             /live/sessions/*/*
            GET              /live/sessions/*/content
        """,
    ),
    Absence(
        purpose="run batches",
        endpoints="""
            GET,POST         /batches
            GET              /batches/*
            POST             /batches/*/cancel
        """,
    ),
    Absence(
        purpose="train models",
        endpoints="""
            GET,POST         /fine_tuning/jobs
            GET              /fine_tuning/jobs/*
            POST             /fine_tuning/jobs/*/cancel
            POST             /fine_tuning/jobs/*/pause
            POST             /fine_tuning/jobs/*/resume
            GET              /fine_tuning/jobs/*/checkpoints
            GET              /fine_tuning/jobs/*/events
            GET,POST         /fine_tuning/checkpoints/*/permissions
            DELETE           /fine_tuning/checkpoints/*/permissions/*
            POST             /fine_tuning/alpha/graders/run
            POST             /fine_tuning/alpha/graders/validate
        """,
    ),
    Absence(
        purpose="run evals",
        endpoints="""
            GET,POST         /evals
            GET,POST,DELETE  /evals/*
            GET,POST         /evals/*/runs
            GET,POST,DELETE  /evals/*/runs/*
            POST             /evals/*/runs/*/cancel
            GET              /evals/*/runs/*/output_items
            GET              /evals/*/runs/*/output_items/*
        """,
    ),
    Absence(
        purpose="run ChatKit workflows",
        endpoints="""
            POST             /chatkit/sessions
            POST             /chatkit/sessions/*/cancel
            GET              /chatkit/threads
            GET,DELETE       /chatkit/threads/*
            GET              /chatkit/threads/*/items
        """,
    ),
    Absence(
        reason=(
            "this store keeps no files. Messages and assistants keep the ids of files, which are "
            "not checked."
        ),
        endpoints="""
            GET,POST         /files
            GET,DELETE       /files/*
            GET              /files/*/content
            POST             /uploads
            POST             /uploads/*/parts
            POST             /uploads/*/complete
            POST             /uploads/*/cancel
            GET,POST         /assistants/*/files
            GET,DELETE       /assistants/*/files/*
        """,
    ),
    Absence(
        reason=(
            "this store has no vector stores. Threads and assistants keep the ids of vector "
            "stores, which are not checked. GET /v1/search searches the messages of this store."
        ),
        endpoints="""
            GET,POST         /vector_stores
            GET,POST,DELETE  /vector_stores/*
            POST             /vector_stores/*/search
            GET,POST         /vector_stores/*/files
            GET,POST,DELETE  /vector_stores/*/files/*
            GET              /vector_stores/*/files/*/content
            POST             /vector_stores/*/file_batches
            GET              /vector_stores/*/file_batches/*
            POST             /vector_stores/*/file_batches/*/cancel
            GET              /vector_stores/*/file_batches/*/files
        """,
    ),
    Absence(
        reason="this store has no containers, because it runs no code.",
        endpoints="""
            GET,POST         /containers
            GET,DELETE       /containers/*
            GET,POST         /containers/*/files
            GET,DELETE       /containers/*/files/*
            GET              /containers/*/files/*/content
        """,
    ),
    Absence(
        reason="this store has no skills, because it runs no agents.",
        endpoints="""
            GET,POST         /skills
            GET,POST,DELETE  /skills/*
            GET              /skills/*/content
            GET,POST         /skills/*/versions
            GET,DELETE       /skills/*/versions/*
            GET              /skills/*/versions/*/content
        """,
    ),
    Absence(
        reason="this store keeps no credentials of other services.",
        endpoints="""
            GET,POST         /vaults
            GET,POST,DELETE  /vaults/*
            GET,POST         /vaults/*/credentials
            GET,POST,DELETE  /vaults/*/credentials/*
        """,
    ),
    Absence(
        reason="this store sends no webhooks.",
        endpoints="""
            GET,POST         /webhook_endpoints
            GET,POST,DELETE  /webhook_endpoints/*
            POST             /webhook_endpoints/*/rotate_secret
            POST             /webhook_endpoints/*/test
            GET              /webhook_event_types
        """,
    ),
    Absence(
        reason="this store does not review content, so it has no alerts or cases.",
        endpoints="""
            GET              /safety/alerts/*
            GET              /safety/cases/*
        """,
    ),
    Absence(
        reason=(
            "this store has no organization, users or usage to administer. Its projects are the "
            "names in the OpenAI-Project header, which need no creation."
        ),
        endpoints="""
            GET,POST,DELETE  /organization/**
            GET,POST,DELETE  /projects/**
        """,
    ),
)
"""All endpoints that are not served, by reason."""


def absent(method: str, path: str) -> ApiError | None:
    """Return the 501 for an endpoint that is not served; None if OpenAI's API has no such endpoint.

    Args:
        method: the HTTP method. `HEAD` is treated as `GET`.
        path: the path of the URL, such as `/v1/files`.
    """
    asked = "GET" if method == "HEAD" else method
    for methods, pattern, absence in _compiled():
        if asked in methods and pattern.fullmatch(path):
            return absence.error()
    return None


@cache
def _compiled() -> list[tuple[list[str], re.Pattern[str], Absence]]:
    found = []
    for absence in ABSENCES:
        for line in absence.endpoints.strip().splitlines():
            methods, path = line.split()
            expression = path.replace("**", ".+").replace("*", "[^/]+")
            found.append((methods.split(","), re.compile(f"/v1{expression}"), absence))
    return found
