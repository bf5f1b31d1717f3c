"""Events of Google's Agent Development Kit as items of conversations, and back."""

from collections.abc import Iterable
from typing import Final

from backscroll_tools.models import JSON
from backscroll_tools.render import compact
from backscroll_tools.sessions import kept
from backscroll_tools.sessions.frameworks import needs

with needs("google-adk"):
    from google.adk.events.event import Event
    from google.adk.sessions import State
    from google.genai import types

FRAMEWORK: Final = "google_adk"


def state_item(state: JSON) -> JSON:
    """Return the item that contains the initial state of a session."""
    return kept.kept(FRAMEWORK, {"state": state}, [])[0]


def initial_state(items: Iterable[JSON]) -> JSON:
    """Return the initial state of the session that has these items."""
    found: JSON = {}
    for each in items:
        found |= (kept.original_of(FRAMEWORK, each) or {}).get("state", {})
    return found


def event_as_json(event: Event) -> JSON:
    """Return an event as JSON, without the state that is not kept."""
    original: JSON = event.model_dump(mode="json", exclude_none=True)
    changes = original.get("actions", {}).get("state_delta", {})
    for name in [name for name in changes if name.startswith(State.TEMP_PREFIX)]:
        del changes[name]
    return original


def event_items(event: Event, original: JSON) -> list[JSON]:
    """Return the items for an event, which is `original` as JSON."""
    return kept.kept(FRAMEWORK, {"event": original}, _readable(event))


def events(items: Iterable[JSON]) -> list[Event]:
    """Return the events of the session that has these items."""
    return list(kept.objects(FRAMEWORK, filter(_is_event, items), _event, _other))


def _is_event(item: JSON) -> bool:
    return "state" not in (kept.original_of(FRAMEWORK, item) or {})


def _event(original: JSON) -> Event:
    event: Event = Event.model_validate_json(compact(original["event"]))
    return event


def _other(item: JSON) -> Event:
    role = "user" if item["role"] == "user" else "model"
    content = types.Content(role=role, parts=[types.Part(text=kept.text_of(item))])
    return Event(
        id=item["id"], author=item["role"], content=content, timestamp=float(item["created_at"])
    )


def _readable(event: Event) -> list[JSON]:
    content = event.content
    if content is None:
        return []
    role = "user" if content.role == "user" else "assistant"
    return [item for part in content.parts or () for item in _items(role, part)]


def _items(role: str, part: types.Part) -> list[JSON]:
    if part.text and not part.thought:
        return kept.message(role, part.text)
    if asked := part.function_call:
        return [kept.call(asked.name or "", compact(asked.args or {}), asked.id or "")]
    if given := part.function_response:
        return [kept.output(compact(given.response or {}), given.id or "")]
    return []
