"""A session service of Google's Agent Development Kit."""

import uuid
from typing import Any, Final

from backscroll_tools.client.call import CallClient
from backscroll_tools.client.client import Client
from backscroll_tools.models import JSON
from backscroll_tools.render import compact
from backscroll_tools.sessions import labels
from backscroll_tools.sessions.adk_events import (
    FRAMEWORK,
    event_as_json,
    event_items,
    events,
    initial_state,
    state_item,
)
from backscroll_tools.sessions.calls import DEADLINE_S, begin
from backscroll_tools.sessions.frameworks import needs
from backscroll_tools.sessions.labels import Labels, labels_of
from backscroll_tools.sessions.opened import Sessions
from backscroll_tools.sessions.values import Values
from backscroll_tools.writes import keys

with needs("google-adk"):
    from google.adk.errors.already_exists_error import AlreadyExistsError
    from google.adk.errors.session_not_found_error import SessionNotFoundError
    from google.adk.events.event import Event
    from google.adk.sessions import Session, State
    from google.adk.sessions.base_session_service import (
        BaseSessionService,
        GetSessionConfig,
        ListSessionsResponse,
    )

_SCOPES: Final = {"app": State.APP_PREFIX, "user": State.USER_PREFIX}
_STATE: Final = "google_adk_state"
"""The framework in the labels of the state of an app or a user."""


class BackscrollSessionService(BaseSessionService):
    """A session service that keeps sessions in the embedded store.

    Each event becomes items of the session's conversation: its texts, calls and responses. It comes
    back as it was appended. A message that another program has added is returned as an event whose
    author is the message's role.

    The state of a session is its initial state and the changes of its events, so it is read from
    them. The state of an app and of a user is kept in a conversation of its own. State must be
    JSON. State with the prefix `temp:` is not kept.

    Several programs may append to one session: no event is lost, and none refused as stale. If
    appending fails, append an equal event again, also from another program: it is not kept twice.

    Args:
        client: a client of the embedded store.
        deadline_s: the maximum duration of one operation, in seconds.
    """

    def __init__(self, client: Client, deadline_s: float = DEADLINE_S) -> None:
        self._client = client
        self._deadline_s = deadline_s
        self._sessions = Sessions(client, FRAMEWORK, deadline_s)

    async def create_session(
        self,
        *,
        app_name: str,
        user_id: str,
        state: dict[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        """Create a session and return it.

        Args:
            app_name: the name of the app, 1 to 512 characters.
            user_id: the id of the user, 1 to 512 characters.
            state: the initial state.
            session_id: the id of the session, 1 to 512 characters; by default a random one.

        Raises:
            AlreadyExistsError: the user has a session with this id.
            ToolError: perhaps the session was created; then it exists in another call.
        """
        session_id = (session_id or "").strip() or str(uuid.uuid4())
        named = _labels(app_name, user_id, session_id)
        client = self._begin()
        is_new = await labels.find(client, named) is None
        if is_new:
            first = [state_item(_of_session(state or {}))]
            _, is_new = await labels.create(client, named, first)
        if not is_new:
            raise AlreadyExistsError(f"Session with id {session_id} already exists.")
        await self._update(app_name, user_id, state or {})
        created = await self.get_session(app_name=app_name, user_id=user_id, session_id=session_id)
        if created is None:
            raise SessionNotFoundError(f"Session {session_id} was deleted at once.")
        return created

    async def get_session(
        self,
        *,
        app_name: str,
        user_id: str,
        session_id: str,
        config: GetSessionConfig | None = None,
    ) -> Session | None:
        """Return a session with its state and events; None if it does not exist.

        Args:
            app_name: the name of the app.
            user_id: the id of the user.
            session_id: the id of the session.
            config: which events to return; by default all.

        Raises:
            ToolError: the session could not be read.
        """
        session_id = session_id.strip()
        named = _labels(app_name, user_id, session_id)
        stored = self._sessions.labelled(named)
        found = await stored.conversation()
        if found is None:
            return None
        items = await stored.items()
        state = initial_state(items)
        found_events = events(items)
        for event in found_events:
            state |= _of_session(event.actions.state_delta)
        for scope, prefix in _SCOPES.items():
            values = await self._values(scope, app_name, user_id).all()
            state |= {prefix + name: value for name, value in values.items()}
        return Session(
            id=session_id,
            app_name=app_name,
            user_id=user_id,
            state=state,
            events=_chosen(found_events, config or GetSessionConfig()),
            last_update_time=max(
                [float(found["created_at"]), *(event.timestamp for event in found_events)]
            ),
        )

    async def list_sessions(
        self, *, app_name: str, user_id: str | None = None
    ) -> ListSessionsResponse:
        """Return the sessions of a user, or of all users, without their events and states.

        The session that was used least recently is the first one.

        Args:
            app_name: the name of the app.
            user_id: the id of the user; None for all users.

        Raises:
            ToolError: the sessions could not be read.
        """
        of_user = {} if user_id is None else {labels.USER: user_id}
        wanted = {**labels_of(FRAMEWORK, app=app_name), **of_user}
        found: dict[tuple[str, str], Session] = {}
        for each in await labels.find_all(self._begin(), wanted):
            named = each["metadata"]
            if labels.NAME in named:
                user, name = named[labels.USER], named[labels.NAME]
                at = float(each.get("last_message_at") or each["created_at"])
                session = Session(id=name, app_name=app_name, user_id=user, last_update_time=at)
                found.setdefault((user, name), session)
        ordered = sorted(found.items(), key=lambda pair: (pair[1].last_update_time, pair[0]))
        return ListSessionsResponse(sessions=[session for _, session in ordered])

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """Delete a session, if it exists. The state of its user and app stays.

        Raises:
            ToolError: perhaps the session was deleted. Repeating the call does no harm.
        """
        named = _labels(app_name, user_id, session_id.strip())
        await self._sessions.labelled(named).clear()

    async def get_user_state(self, *, app_name: str, user_id: str) -> dict[str, Any]:
        """Return the state of a user in all sessions of an app, without the prefix `user:`.

        Raises:
            ToolError: the state could not be read.
        """
        return await self._values("user", app_name, user_id).all()

    async def append_event(self, session: Session, event: Event) -> Event:
        """Append an event to a session exactly once, and to the object `session`.

        A partial event is returned and not kept.

        Args:
            session: the session.
            event: the event.

        Raises:
            SessionNotFoundError: the session does not exist.
            ToolError: perhaps the event was appended. Call again with an equal event.
        """
        if event.partial:
            return event
        named = _labels(session.app_name, session.user_id, session.id)
        stored = self._sessions.labelled(named)
        if await stored.conversation() is None:
            raise SessionNotFoundError(f"Session {session.id} not found.")
        original = event_as_json(event)
        token = keys.digest(compact(original))
        await stored.add(event_items(event, original), token)
        await self._update(session.app_name, session.user_id, event.actions.state_delta, token)
        if any(each == event for each in session.events if each.id == event.id):
            return event
        appended = await super().append_event(session, event)
        session.last_update_time = event.timestamp
        return appended

    def _begin(self) -> CallClient:
        return begin(self._client, self._deadline_s)

    def _values(self, scope: str, app_name: str, user_id: str) -> Values:
        """Return the state of an app or of a user."""
        of_user = {labels.USER: user_id} if scope == "user" else {}
        return Values(
            self._sessions.labelled(labels_of(_STATE, app=app_name, scope=scope, **of_user))
        )

    async def _update(self, app_name: str, user_id: str, state: JSON, token: str = "") -> None:
        """Update the state of the app and of the user with the values that have their prefix."""
        for scope, prefix in _SCOPES.items():
            values = {
                name.removeprefix(prefix): value
                for name, value in state.items()
                if name.startswith(prefix)
            }
            of_scope = f"{token}.{scope}" if token else ""
            await self._values(scope, app_name, user_id).update(values, of_scope)


def _labels(app_name: str, user_id: str, session_id: str) -> Labels:
    return labels_of(FRAMEWORK, app=app_name, user=user_id, session=session_id)


def _of_session(state: JSON) -> JSON:
    """Return the part of a state that belongs to the session alone."""
    others = (*_SCOPES.values(), State.TEMP_PREFIX)
    return {name: value for name, value in state.items() if not name.startswith(others)}


def _chosen(events: list[Event], config: GetSessionConfig) -> list[Event]:
    if config.num_recent_events is not None:
        events = events[max(len(events) - config.num_recent_events, 0) :]
    if config.after_timestamp is not None:
        earlier = [at for at, each in enumerate(events) if each.timestamp < config.after_timestamp]
        events = events[earlier[-1] + 1 :] if earlier else events
    return events
