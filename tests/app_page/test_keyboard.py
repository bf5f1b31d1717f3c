"""Every control of every view by keyboard alone, standalone and in a host; see keyboard.cjs."""

from typing import Final

import pytest

from tests.app_page.conversations import JSON, LONG, needs_chromium

pytestmark = needs_chromium

VIEWS: Final = (
    "conversations",
    "conversation",
    "message in whole",
    "files",
    "hits",
    "error",
    "empty list",
    "stored chats",
    "stored chat",
)
DARK: Final = ("conversations", "conversation", "hits", "error", "App", "hostile conversation")
APP_VIEWS: Final = ("text", "one message")
"""What the page shows only if a host passes it on."""

FOCUS: Final = {
    "a conversation was opened": "heading Controls",
    "Escape left the conversation": "card Controls",
    "Back left the conversation": "card Controls",
    "a long message was shown whole": "message 2",
    "the long message was folded": "message 2",
    "Enter showed the message whole": "message 2",
    "details were opened": "The call",
    "a link was opened": "https://example.com/a",
    "files were opened": "heading Files of a message: Controls",
    "Escape left the files": "message 5",
    "the latest messages were shown": "Latest message",
    "the first messages were shown": "First message",
    "j and the arrow moved down": "message 2",
    "k moved up": "message 1",
    "a search was made": "heading Search: controls",
    "a hit was opened": "message 1",
    "Escape left the hit": "card See the controls at https://example.com/a.",
    "the slash was pressed": "query",
    "Escape left the search field": "card See the controls at https://example.com/a.",
    "the button searched": "heading Search: controls",
    "a call failed": "heading Conversations",
    "the error was dismissed": "list Conversations",
    "the call was tried again": "list Conversations",
    "nothing was found": "heading Conversations",
    "stored chats were listed": "heading Stored chats",
    "a stored chat was opened": "heading Which fruit",
    "Escape left the stored chat": "card Which fruit",
    "earlier messages were loaded": "message 40",
    "the arrow moved up": "message 39",
}
"""What has the focus after each step of the walk in keyboard.cjs."""

APP_FOCUS: Final = {
    "a message was quoted": "Ask about this",
    "text was shown": "heading Result",
    "one message was shown": "message 1",
}
"""The same for the steps that need a host."""


def test_axe_finds_no_violation_of_wcag_in_any_view_and_scheme(seen: JSON) -> None:
    assert seen["violations"] == {view: [] for view in seen["violations"]}
    assert {*VIEWS, *APP_VIEWS, *(f"{view}, dark" for view in DARK)} <= {*seen["violations"]}
    assert {"color-contrast", "target-size", "label", "button-name"} <= {*seen["rules"]}


@pytest.mark.parametrize("where", ["standalone", "app"])
def test_every_control_of_every_view_is_reached_by_keyboard_and_large_enough(
    seen: JSON, where: str
) -> None:
    views = VIEWS if where == "standalone" else (*VIEWS, *APP_VIEWS)
    walk = seen[where]
    assert walk["unreached"] == {view: [] for view in views}
    assert walk["order"] == dict.fromkeys(views if where == "standalone" else (), True)
    assert walk["small"] == []


@pytest.mark.parametrize("where", ["standalone", "app"])
def test_the_focus_is_always_visible_and_goes_where_a_person_expects_it(
    seen: JSON, where: str
) -> None:
    walk = seen[where]
    assert walk["hidden"] == []
    last = f"message {walk['afterEnd']}"
    in_app = APP_FOCUS | {"Escape left the text": last}
    assert walk["focus"] == (FOCUS if where == "standalone" else FOCUS | in_app)
    assert 130 <= walk["afterEnd"] <= 140


@pytest.mark.parametrize("where", ["standalone", "app"])
def test_every_control_acts_when_it_is_used_by_keyboard(seen: JSON, where: str) -> None:
    walk = seen[where]
    assert (walk["whole"], walk["folded"], walk["again"]) == (len(LONG), 2001, len(LONG))
    assert walk["details"] == '{"at": 1}'
    assert walk["files"] == ["file-plan"]
    assert walk["opened"] == "https://example.com/a"
    assert walk["query"] == ""
    asked = walk["search"]["arguments"]
    assert walk["search"]["name"] == "search-messages"
    assert (asked["query"], asked["order"]) == ("controls", "newest")
    assert asked["thread_id"].startswith("conv_")
    assert walk.get("quoted", 1) == 1
