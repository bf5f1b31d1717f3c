"""The branches of a conversation, whatever its format."""

from backscroll.history.conversation import SourceConversation, Unreadable
from backscroll.history.items.branches import read_branches
from backscroll.history.items.item_list import ItemList
from backscroll.history.items.openai_items import message
from backscroll.history.stored_form import stored_form


def add(items: ItemList, key: str, text: str) -> None:
    items.add(key, message("user", [text]), None)


def test_a_conversation_with_too_many_branches_says_so_after_those_that_are_read() -> None:
    messages = {str(number): "Tea" for number in range(9)}

    current, *abandoned, last = read_branches(
        messages,
        dict.fromkeys(messages, ""),
        ["8"],
        add=add,
        conversation=lambda _: SourceConversation(source="test", id="c1", items=()),
        position="conversation 1",
        abandoned=True,
        most=3,
    )

    read = [each.id for each in (current, *abandoned) if isinstance(each, SourceConversation)]
    assert read == ["c1", "c1/0", "c1/1", "c1/2"]
    assert last == Unreadable(
        "conversation 1", "has more than 3 abandoned branches: only the first 3 are read"
    )


def test_a_branch_keeps_its_key_when_another_branch_is_abandoned() -> None:
    def keys(current: str, *messages: str) -> set[str]:
        read = read_branches(
            dict.fromkeys(messages, "Tea"),
            dict.fromkeys(messages, ""),
            [current],
            add=add,
            conversation=lambda _: SourceConversation(source="test", id="c1", items=()),
            position="conversation 1",
            abandoned=True,
        )
        return {stored_form(each, 1).key for each in read if isinstance(each, SourceConversation)}

    assert keys("b", "b", "x") == {"test:c1", "test:c1/x"}
    assert keys("c", "b", "x", "c") == {"test:c1", "test:c1/b", "test:c1/x"}
