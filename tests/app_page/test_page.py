"""The page in a headless Chromium: as `backscroll view` serves it, and inside MCP hosts.

One run of `checks.cjs` drives the browser and prints what it saw. The tests below read that.
"""

import re

from tests.app_page.conversations import HOSTILE, JSON, MARKUP, MESSAGES, needs_chromium
from tests.pace import limit_s

pytestmark = needs_chromium


def test_the_console_has_no_error_and_nothing_is_asked_of_another_server(seen: JSON) -> None:
    assert (seen["console"], seen["outside"]) == ([], [])


def test_the_code_leaves_the_address_and_opens_the_page_once(seen: JSON) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", seen["address"])
    assert seen["usedCode"] == "This link is wrong or was used already: run backscroll view again."


def test_the_keyboard_opens_a_conversation_at_its_latest_message(seen: JSON) -> None:
    assert (seen["slash"], seen["escapeFromSearch"]) == ("query", "scroller")
    assert seen["heading"] == "A thread"
    assert seen["latest"] == "This is message number 139."


def test_earlier_messages_load_above_without_moving_what_is_visible(seen: JSON) -> None:
    assert seen["setSize"] == str(MESSAGES)
    assert seen["moved"] <= 1


def test_a_button_goes_to_the_first_message_and_keys_move_on(seen: JSON) -> None:
    assert seen["first"] == "This is message number 0."
    assert seen["position"] == "2"


def test_a_search_marks_matches_and_opens_the_conversation_around_a_hit(seen: JSON) -> None:
    assert set(seen["marks"]) == {"quokka"}
    assert seen["sought"].startswith("This is message number 71.")
    assert set(seen["hostedMarks"]) == {"quokka"}


def test_an_error_is_shown_as_text_and_can_be_tried_again(seen: JSON) -> None:
    assert seen["error"] == "upstream_unreachable: <b>The upstream</b> did not answer."
    assert seen["errorLater"] == ""


def test_an_empty_store_says_how_to_fill_it(seen: JSON) -> None:
    assert "backscroll sync" in seen["empty"]
    assert "backscroll import FILE" in seen["empty"]


def test_hostile_text_is_shown_and_does_nothing(seen: JSON) -> None:
    assert seen["ran"] is None
    assert not {"img", "script", "iframe", "svg", "style", "b"} & {
        *seen["hostileElements"], *seen["listElements"],
    }  # fmt: skip
    assert seen["hostileTitle"] == MARKUP
    for name in ("markup", "closing", "link", "forged"):
        assert HOSTILE[name] in seen["hostileText"], name
    assert "␛[31mred␛[0m␇" in seen["hostileText"]
    assert "⟨U+202E⟩" in seen["hostileText"]
    assert not seen["wide"]


def test_hostile_text_in_any_field_is_shown_and_does_nothing(seen: JSON) -> None:
    assert len(seen["hostile"]) == 5
    assert seen["hostile"] == {
        text: {"wrong": [], "missing": []} for text in seen["hostile"]
    }  # fmt: skip


def test_a_word_of_a_million_letters_is_shown_whole_and_the_page_keeps_responding(
    seen: JSON,
) -> None:
    assert seen["word"] == len("text=") + 1_000_000
    # Other tests run beside this one, so only a hang is told from a slow machine.
    assert seen["longestTask"] < limit_s(0.5) * 1000


def test_a_long_message_is_folded_and_read_whole_when_asked(seen: JSON) -> None:
    assert seen["long"] <= 2001
    assert seen["folded"] == "Show more of 250,000 characters"


def test_in_a_host_the_first_result_is_drawn_in_its_theme_and_time_zone(seen: JSON) -> None:
    assert seen["hosted"][-5:] == [f"This is message number {at}." for at in range(135, 140)]
    assert seen["zone"] == "15 Nov 2023, 09:32"
    assert seen["scheme"] == "rgb(16, 21, 27)"
    assert all(240 <= height <= 640 for height in seen["heights"])


def test_in_a_host_a_message_is_quoted_to_the_chat_with_its_ids(seen: JSON) -> None:
    (part,) = seen["quoted"]["content"]
    assert seen["quoted"]["role"] == "user"
    assert re.search(r"\(thread_id thread_\w+, message_id msg_\w+\)", part["text"])
    assert part["text"].endswith("\n\n> This is message number 139.\n")


def test_in_a_host_links_are_opened_by_the_host(seen: JSON) -> None:
    assert seen["link"] == {"url": "https://example.com/quokka?a=1&b=2"}


def test_a_host_can_end_the_page_with_a_request_whose_id_is_0(seen: JSON) -> None:
    assert seen["teardown"] == {"jsonrpc": "2.0", "id": 0, "result": {}}


def test_the_app_bridge_of_ext_apps_draws_a_list_and_opens_a_thread(seen: JSON) -> None:
    assert "A thread" in seen["bridged"]
    assert seen["bridgeInfo"] == {"name": "backscroll", "version": "1.2.3"}


def test_of_10000_messages_only_those_near_the_visible_part_are_drawn(seen: JSON) -> None:
    assert seen["drawn"] < 60
    assert seen["last"] == "10000"


def test_scrolling_10000_messages_keeps_frames_short(seen: JSON) -> None:
    # Other tests run beside this one, so only a hang is told from a slow machine.
    assert seen["frames"]["median"] < 10 * max(seen["idleFrames"]["median"], 16)
