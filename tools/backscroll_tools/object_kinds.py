"""The kinds of objects that `list-objects` and `get-object` read, each as a `Kind`.

The paths and parameters are from OpenAI's published API documents of 2026-08-21; those of agent
sessions are from its Python SDK 3.57.0, and those of managed sessions from Anthropic's Python SDK
2.14.0.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from backscroll_tools.client.dialects import (
    BY_ITEM,
    BY_LAST_ID,
    BY_NEXT,
    BY_NEXT_PAGE,
    ONE_PAGE,
    Dialect,
)
from backscroll_tools.client.groups import (
    AGENT_SESSIONS,
    ASSISTANTS,
    BATCHES,
    FILES,
    FINE_TUNING,
    MANAGED_SESSIONS,
    MODELS,
    ORGANIZATION,
    RUNS,
    VECTOR_STORES,
    Group,
)
from backscroll_tools.client.requests import NAME
from backscroll_tools.object_kind import Kind


def _fixed(dialect: Dialect) -> Dialect:
    """Return the dialect for a list whose order cannot be chosen."""
    return replace(dialect, orders={})


_AUDITED: Final = ("effective_at[gte]", "effective_at[lt]")
_DAYS: Final = ("start_time", "end_time")
_STORE: Final = ("a vector store id (vs_…)",)
_SESSION: Final = ("a session id (sess_…)",)
_MANAGED: Final = ("a session id (sesn_…)",)
_MANAGED_THREAD: Final = (*_MANAGED, "a thread id")
_TURN: Final = (*_SESSION, "a turn id")
_SUBAGENT: Final = (*_SESSION, "a subagent id")
_JOB: Final = ("a fine-tuning job id (ftjob-…)",)
_PROJECT: Final = ("a project id (proj_…)",)
_GROUP: Final = ("a group id",)
_BATCH: Final = (*_STORE, "a file batch id (vsfb_…)")
_CHECKPOINT: Final = ("a checkpoint's model (ft:…)",)
_USAGE: Final = (
    "completions",
    "embeddings",
    "moderations",
    "images",
    "audio_speeches",
    "audio_transcriptions",
    "vector_stores",
    "code_interpreter_sessions",
    "file_search_calls",
    "web_search_calls",
    "decisions",
)
"""The kinds of usage of OpenAI's Python SDK 3.54.0."""
_LISTED: Final = _fixed(BY_LAST_ID)
_NEWEST: Final = _fixed(BY_ITEM)
_BUCKETS: Final = replace(_fixed(BY_NEXT_PAGE), id_in="start_time")
_OF_PROJECT: Final = "/organization/projects/{}"


def _plain(name: str, group: Group, dialect: Dialect, example: str) -> Kind:
    """Return the kind of the objects in a group's outermost list."""
    return Kind(name=name, group=group, path=group.root, dialect=dialect, example=example)


def _below(
    group: Group, parents: Sequence[str], name: str, path: str, dialect: Dialect = BY_ITEM
) -> Kind:
    """Return a kind that is only listed, below one object of the group, such as a session."""
    return Kind(
        name=name,
        group=group,
        path=f"{group.root}/{{}}/{path}",
        dialect=dialect,
        parents=tuple(parents),
        retrieves=False,
    )


def _of_organization(
    name: str,
    path: str,
    dialect: Dialect = _LISTED,
    parents: Sequence[str] = (),
    *,
    retrieves: bool = True,
) -> Kind:
    return Kind(
        name=name,
        group=ORGANIZATION,
        path=path,
        dialect=dialect,
        parents=tuple(parents),
        retrieves=retrieves,
    )


KINDS: Final = {
    kind.name: kind
    for kind in (
        _plain("assistants", ASSISTANTS, BY_ITEM, "asst_"),
        _plain("batches", BATCHES, _NEWEST, "batch_"),
        _plain("files", FILES, BY_ITEM, "file-"),
        Kind(name="models", group=MODELS, path="/models", dialect=ONE_PAGE, form=NAME),
        _plain("fine_tuning_jobs", FINE_TUNING, _NEWEST, "ftjob-"),
        _below(FINE_TUNING, _JOB, "fine_tuning_events", "events", _NEWEST),
        _below(FINE_TUNING, _JOB, "fine_tuning_checkpoints", "checkpoints", _NEWEST),
        _plain("vector_stores", VECTOR_STORES, BY_ITEM, "vs_"),
        Kind(
            name="vector_store_files",
            group=VECTOR_STORES,
            path="/vector_stores/{}/files",
            dialect=BY_ITEM,
            parents=_STORE,
            example="file-",
        ),
        Kind(
            name="file_batches",
            group=VECTOR_STORES,
            path="/vector_stores/{}/file_batches",
            dialect=BY_ITEM,
            parents=_STORE,
            lists=False,
            example="vsfb_",
        ),
        _below(VECTOR_STORES, _BATCH, "file_batch_files", "file_batches/{}/files"),
        _below(AGENT_SESSIONS, _SESSION, "session_turns", "turns"),
        _below(AGENT_SESSIONS, _TURN, "turn_items", "turns/{}/items", BY_LAST_ID),
        _below(AGENT_SESSIONS, _SESSION, "subagents", "subagents"),
        _below(AGENT_SESSIONS, _SUBAGENT, "subagent_items", "subagents/{}/items"),
        _below(MANAGED_SESSIONS, _MANAGED, "session_threads", "threads", _fixed(BY_NEXT_PAGE)),
        _below(
            MANAGED_SESSIONS, _MANAGED_THREAD, "thread_events", "threads/{}/events", BY_NEXT_PAGE
        ),
        Kind(
            name="checkpoint_permissions",
            group=ORGANIZATION,
            path="/fine_tuning/checkpoints/{}/permissions",
            dialect=replace(BY_LAST_ID, orders={"asc": "ascending", "desc": "descending"}),
            parents=_CHECKPOINT,
            form=NAME,
            retrieves=False,
        ),
        _of_organization("projects", "/organization/projects"),
        _of_organization("project_users", f"{_OF_PROJECT}/users", parents=_PROJECT),
        _of_organization(
            "project_service_accounts", f"{_OF_PROJECT}/service_accounts", parents=_PROJECT
        ),
        _of_organization("project_api_keys", f"{_OF_PROJECT}/api_keys", parents=_PROJECT),
        _of_organization(
            "project_rate_limits", f"{_OF_PROJECT}/rate_limits", parents=_PROJECT, retrieves=False
        ),
        _of_organization(
            "project_certificates",
            f"{_OF_PROJECT}/certificates",
            BY_LAST_ID,
            _PROJECT,
            retrieves=False,
        ),
        _of_organization("users", "/organization/users"),
        _of_organization("invites", "/organization/invites"),
        _of_organization("groups", "/organization/groups", BY_NEXT),
        _of_organization("group_users", "/organization/groups/{}/users", BY_NEXT, _GROUP),
        _of_organization("roles", "/organization/roles", BY_NEXT),
        replace(
            _of_organization("audit_logs", "/organization/audit_logs", retrieves=False),
            by=_AUDITED,
        ),
        _of_organization("certificates", "/organization/certificates", BY_LAST_ID),
        _of_organization("admin_api_keys", "/organization/admin_api_keys", BY_ITEM),
        replace(
            _of_organization(
                "usage",
                "/organization/usage/{}",
                replace(_BUCKETS, most=31),
                ("a kind of usage",),
                retrieves=False,
            ),
            choices=_USAGE,
            by=_DAYS,
            since_required=True,
        ),
        replace(
            _of_organization("costs", "/organization/costs", _BUCKETS, retrieves=False),
            by=_DAYS,
            since_required=True,
        ),
    )
}
"""All kinds by name, in the order in which agents are shown them."""

ADMIN: Final = frozenset(kind.name for kind in KINDS.values() if kind.group.needs_admin_key)
"""The kinds that need an admin key."""

RUN: Final = Kind(
    name="runs",
    group=RUNS,
    path="/threads/{}/runs",
    dialect=BY_ITEM,
    parents=("a thread id",),
    root="/threads",
)
STEP: Final = Kind(
    name="steps",
    group=RUNS,
    path="/threads/{}/runs/{}/steps",
    dialect=BY_ITEM,
    parents=("a thread id", "a run id"),
    root="/threads",
)

GROUPS_OF_KINDS: Final = tuple(dict.fromkeys(kind.group for kind in KINDS.values()))
"""The groups of endpoints that the kinds belong to."""
