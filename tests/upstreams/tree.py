"""An upstream with the lists of OpenAI's API that are not messages, each paged as documented.

The paths, the parameters and the replies are from OpenAI's published API documents of 2026-08-21;
those of managed sessions are from Anthropic's Python SDK 2.14.0.
An unknown parameter, a missing one, or the wrong key is refused.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backscroll_tools.models import JSON

KEY: Final = "sk-ordinary-4f1d"
ADMIN_KEY: Final = "sk-admin-99aa"
SECRET: Final = "sk-proj-" + "s3cr3t" * 6
COUNT: Final = 45
STARTED: Final = 1_700_000_000


@dataclass(frozen=True)
class Listed:
    """One list: how it is paged, what its objects are, and which parameters it takes."""

    kind: str
    prefix: str
    paged: str = "after"
    most: int = 100
    orders: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    beta: str = ""
    has_one: bool = True
    extra: Mapping[str, object] = field(default_factory=dict)


_ORDERS: Final = ("asc", "desc")
_ASSISTANTS: Final = "assistants=v2"
_AGENTS: Final = "agents=v1"
_SESSION: Final = "/agents/sessions/sess_1"
_MANAGED: Final = "managed-agents-2026-04-01"
_MANAGED_THREADS: Final = "/sessions/sesn_1/threads"
_PROJECT: Final = "/organization/projects/proj_1"

LISTS: Final = {
    "/assistants": Listed("assistant", "asst_", orders=_ORDERS, beta=_ASSISTANTS),
    "/batches": Listed("batch", "batch_"),
    "/files": Listed("file", "file-", orders=_ORDERS, most=10_000, takes=("purpose",)),
    "/models": Listed("model", "ft:gpt-4o:team::", paged="none"),
    "/fine_tuning/jobs": Listed("fine_tuning.job", "ftjob-"),
    "/fine_tuning/jobs/ftjob-1/events": Listed("fine_tuning.job.event", "ftevent-", has_one=False),
    "/fine_tuning/jobs/ftjob-1/checkpoints": Listed(
        "fine_tuning.job.checkpoint", "ftckpt_", has_one=False
    ),
    "/fine_tuning/checkpoints/ft:gpt-4o:team::7f/permissions": Listed(
        "checkpoint.permission",
        "cp_",
        paged="last_id",
        orders=("ascending", "descending"),
        has_one=False,
    ),
    "/vector_stores": Listed("vector_store", "vs_", orders=_ORDERS, beta=_ASSISTANTS),
    "/vector_stores/vs_1/files": Listed(
        "vector_store.file", "file-", orders=_ORDERS, beta=_ASSISTANTS
    ),
    "/vector_stores/vs_1/file_batches/vsfb_1/files": Listed(
        "vector_store.file", "file-", orders=_ORDERS, beta=_ASSISTANTS, has_one=False
    ),
    f"{_SESSION}/turns": Listed(
        "agent.session.turn", "turn_", orders=_ORDERS, beta=_AGENTS, has_one=False
    ),
    f"{_SESSION}/turns/turn_1/items": Listed(
        "message", "msg_", paged="last_id", orders=_ORDERS, beta=_AGENTS, has_one=False
    ),
    f"{_SESSION}/subagents": Listed(
        "agent.subagent", "subagent_", orders=_ORDERS, beta=_AGENTS, has_one=False
    ),
    f"{_SESSION}/subagents/subagent_1/items": Listed(
        "message", "msg_", orders=_ORDERS, beta=_AGENTS, has_one=False
    ),
    _MANAGED_THREADS: Listed(
        "session_thread", "sthr_", paged="next_page", most=1000, beta=_MANAGED, has_one=False
    ),
    f"{_MANAGED_THREADS}/sthr_1/events": Listed(
        "agent.message",
        "sevt_",
        paged="next_page",
        orders=_ORDERS,
        beta=_MANAGED,
        has_one=False,
    ),
    "/organization/projects": Listed("organization.project", "proj_", paged="last_id"),
    f"{_PROJECT}/users": Listed("organization.project.user", "user_", paged="last_id"),
    f"{_PROJECT}/service_accounts": Listed(
        "organization.project.service_account", "svc_acct_", paged="last_id"
    ),
    f"{_PROJECT}/api_keys": Listed(
        "organization.project.api_key", "key_", paged="last_id", extra={"value": SECRET}
    ),
    f"{_PROJECT}/rate_limits": Listed("project.rate_limit", "rl-", paged="last_id", has_one=False),
    f"{_PROJECT}/certificates": Listed(
        "organization.project.certificate",
        "cert_",
        paged="last_id",
        orders=_ORDERS,
        has_one=False,
    ),
    "/organization/users": Listed("organization.user", "user_", paged="last_id"),
    "/organization/invites": Listed("organization.invite", "invite-", paged="last_id"),
    "/organization/groups": Listed("group", "group_", paged="next", orders=_ORDERS, most=1000),
    "/organization/groups/group_1/users": Listed(
        "group.user", "user_", paged="next", orders=_ORDERS, most=1000
    ),
    "/organization/roles": Listed("role", "role_", paged="next", orders=_ORDERS, most=1000),
    "/organization/audit_logs": Listed(
        "organization.audit_log",
        "audit_log-",
        paged="last_id",
        takes=("effective_at[gte]", "effective_at[lt]"),
        has_one=False,
    ),
    "/organization/certificates": Listed("certificate", "cert_", paged="last_id", orders=_ORDERS),
    "/organization/admin_api_keys": Listed(
        "organization.admin_api_key", "key_", orders=_ORDERS, extra={"value": SECRET}
    ),
    "/organization/usage/completions": Listed(
        "bucket",
        "",
        paged="next_page",
        most=31,
        takes=("end_time",),
        needs=("start_time",),
        has_one=False,
    ),
    "/organization/costs": Listed(
        "bucket",
        "",
        paged="next_page",
        most=180,
        takes=("end_time",),
        needs=("start_time",),
        has_one=False,
    ),
}
"""Every list, by its path."""

ALONE: Final = {"/vector_stores/vs_1/file_batches/vsfb_1": "vector_store.files_batch"}
"""Objects that are in no list, by their paths."""

_DAY_S: Final = 86_400


def rows_of(path: str, count: int = COUNT) -> list[JSON]:
    """Return the objects of a list, newest first."""
    listed = LISTS[path]
    if listed.kind == "bucket":
        return [
            {
                "object": "bucket",
                "start_time": STARTED + number * _DAY_S,
                "end_time": STARTED + (number + 1) * _DAY_S,
                "results": [{"object": "organization.usage.result", "input_tokens": number}],
            }
            for number in range(count)
        ]
    time = "effective_at" if listed.kind == "organization.audit_log" else "created_at"
    return [
        {
            "object": listed.kind,
            "id": f"{listed.prefix}{number}",
            time: STARTED + number,
            "name": f"{listed.kind} {number}",
            "note": f"the key is {SECRET}",
            **listed.extra,
        }
        for number in reversed(range(count))
    ]


def _refused(status: int, message: str) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status)


@dataclass
class Tree:
    """The upstream. `asked` has the paths and queries of the requests.

    `change` may distort each object of a reply.
    """

    count: int = COUNT
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    row_extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/{path:path}", self._answer, methods=["GET"])])

    async def _answer(self, request: Request) -> Response:
        path, query = request.url.path.removeprefix("/v1"), dict(request.query_params.multi_items())
        self.asked.append((path, query))
        is_admin = path.startswith("/organization") or path.endswith("/permissions")
        if request.headers["authorization"] != f"Bearer {ADMIN_KEY if is_admin else KEY}":
            return _refused(401, "Incorrect API key provided.")
        parent, _, name = path.rpartition("/")
        if path in ALONE:
            return JSONResponse({"object": ALONE[path], "id": name, "created_at": STARTED})
        if path in LISTS:
            beta = request.headers.get("openai-beta") or request.headers.get("anthropic-beta", "")
            return self._list(path, query, beta)
        found = (
            [row for row in rows_of(parent, self.count) if row["id"] == name]
            if (parent in LISTS and LISTS[parent].has_one)
            else []
        )
        if not found:
            return _refused(404, f"No such object: {name}")
        return JSONResponse({**found[0], **self.row_extra})

    def _list(self, path: str, query: dict[str, str], beta: str) -> Response:
        listed = LISTS[path]
        if listed.beta and beta != listed.beta:
            return _refused(400, "You must provide the beta header.")
        cursor = {"none": (), "next_page": ("page", "limit")}.get(listed.paged, ("after", "limit"))
        known = {*cursor, *(("order",) if listed.orders else ()), *listed.takes, *listed.needs}
        if unknown := query.keys() - known:
            return _refused(400, f"Unknown parameter: {', '.join(sorted(unknown))}.")
        if missing := set(listed.needs) - query.keys():
            return _refused(400, f"Missing required parameter: {', '.join(missing)}.")
        if "order" in query and query["order"] not in listed.orders:
            return _refused(400, "Invalid 'order'.")
        rows = [{**row, **self.row_extra} for row in rows_of(path, self.count)]
        if query.get("order", "").startswith("asc"):
            rows.reverse()
        if listed.paged == "none":
            return JSONResponse({"object": "list", "data": rows})
        limit = int(query.get("limit", 20))
        if not 1 <= limit <= listed.most:
            return _refused(400, "Invalid 'limit'.")
        after = query.get(cursor[0], "")
        start = self._start(listed, rows, after)
        if start is None:
            return _refused(400, f"Invalid cursor: {after}")
        page = rows[start : start + limit]
        more = len(rows) > start + limit
        return JSONResponse(self._page(listed, page, start + limit, more=more))

    def _start(self, listed: Listed, rows: list[JSON], after: str) -> int | None:
        if not after:
            return 0
        if listed.paged in {"next", "next_page"}:
            found = re.fullmatch(r"page=(\d+)/\+", after)
            return int(found[1]) if found else None
        ids = [row["id"] for row in rows]
        return ids.index(after) + 1 if after in ids else None

    def _page(self, listed: Listed, page: list[JSON], end: int, *, more: bool) -> JSON:
        reply: JSON = {"object": "list", "data": page, "has_more": more}
        if listed.paged == "last_id":
            reply |= {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
        if listed.paged in {"next", "next_page"}:
            reply[listed.paged] = f"page={end}/+" if more else None
        if listed.paged == "next_page":
            reply["object"] = "page"
        assert json.dumps(reply)
        return reply
