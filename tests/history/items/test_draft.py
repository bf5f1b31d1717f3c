"""A conversation while it is read: its keys, and what every database can store."""

from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll.history.conversation import SourceConversation, SourceItem, Unreadable
from backscroll.history.items.draft import Draft

TEXTS = st.lists(st.tuples(st.sampled_from(["", "a", "a~2", "b"]), st.sampled_from(["x", "y"])))


def read(items: list[tuple[str, str]]) -> list[SourceItem]:
    """Return the items of a draft with these keys and texts."""
    draft = Draft("test")
    for key, text in items:
        draft.message("user", text, key)
    return draft.items


@settings(max_examples=settings().max_examples // 4)
@given(TEXTS, TEXTS)
def test_keys_are_unique_and_stay_the_same_when_items_follow(
    items: list[tuple[str, str]], more: list[tuple[str, str]]
) -> None:
    keys = [item.key for item in read(items + more)]

    assert len(set(keys)) == len(keys)
    assert keys[: len(items)] == [item.key for item in read(items)]


def test_an_edit_changes_the_keys_without_ids_from_there_on() -> None:
    before = [item.key for item in read([("", "x"), ("", "y"), ("", "x")])]
    after = [item.key for item in read([("", "x"), ("", "x"), ("", "x")])]

    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, False]


def test_unstorable_characters_are_replaced_everywhere_and_counted() -> None:
    draft = Draft("test")
    draft.model = "m\x00"
    draft.message("user", "a\x00\ud800", "k\ud800")
    draft.reasoning("b\x00")
    draft.call("c\x00", "n\x00", {"d\ud800": "\x00"})
    draft.output("c\x00", ["e\x00"])

    made = draft.finish("i\x00", title="t\x00", project="p\x00", metadata={"branch": "m\x00"})

    assert isinstance(made, SourceConversation)
    assert "\x00" not in repr(made)
    assert "\\x00" not in repr(made)
    assert "\\ud800" not in repr(made)
    assert made.replaced == 11  # those inside JSON are escaped, and can be stored


def test_long_values_are_divided_hashed_or_cut() -> None:
    draft = Draft("test")
    draft.message("assistant", "x" * (25 * 1024 * 1024), "k" * 300)

    made = draft.finish("i" * 300, title=" a \n b " + "t" * 600)

    assert isinstance(made, SourceConversation)
    (item,) = made.items
    parts = item.item["content"]
    assert [(part["type"], len(part["text"])) for part in parts] == [
        ("output_text", 10_485_760), ("output_text", 10_485_760), ("output_text", 5_242_880),
    ]  # fmt: skip
    assert (len(item.key), len(made.id), len(made.title)) == (32, 32, 512)
    assert made.title.startswith("a b t")


def test_arguments_are_always_an_object() -> None:
    draft = Draft("test")
    for arguments in ('{"a": 1}', {"a": 1}, "ls", ["ls"], None, "", "{"):
        draft.call("c", "n", arguments)

    assert [item.item["arguments"] for item in draft.items] == [
        '{"a": 1}', '{"a":1}', '{"input":"ls"}', '{"input":["ls"]}', "{}", "{}", '{"input":"{"}',
    ]  # fmt: skip


def test_a_conversation_has_the_times_of_its_items_unless_it_has_its_own() -> None:
    draft = Draft("test")
    draft.message("user", "x", at=7)
    draft.message("user", "y")
    draft.message("user", "z", at=5)

    own, derived = draft.finish("i", created_at=1, updated_at=9), draft.finish("i")

    assert isinstance(own, SourceConversation)
    assert isinstance(derived, SourceConversation)
    assert (own.created_at, own.updated_at) == (1, 9)
    assert (derived.created_at, derived.updated_at) == (5, 7)


def test_a_conversation_of_blank_messages_has_none() -> None:
    draft = Draft("test")
    draft.message("user", " \n")
    draft.reasoning("")

    assert draft.finish("i") == Unreadable("i", "has no messages")
    assert draft.finish("") == Unreadable("the conversation", "has no messages")
