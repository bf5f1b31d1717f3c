"""Conversations of other programs, as the store takes them."""

from backscroll.history.conversation import SourceConversation, SourceItem
from backscroll.history.stored_form import stored_form
from backscroll.store.archive.records import ImportedConversation, ImportedItem
from backscroll.store.envelopes import JSON

NOW = 1_800_000_000
HELLO: JSON = {"type": "message", "role": "user", "content": "Hello"}


def test_all_facts_are_kept_and_empty_ones_left_out() -> None:
    items = [SourceItem(key="a", item=HELLO, created_at=20), SourceItem(key="b", item=HELLO)]
    conversation = SourceConversation(
        source="chatgpt",
        id="c1/n2",
        items=items,
        title="Tea",
        created_at=10,
        updated_at=30,
        model="gpt",
        metadata={"git_branch": "main"},
        branch=2,
        is_partial=True,
    )

    assert stored_form(conversation, NOW) == ImportedConversation(
        key="chatgpt:c1/n2",
        created_at=10,
        last_active_at=20,
        updated_at=30,
        items=[ImportedItem(HELLO, 20, "a"), ImportedItem(HELLO, None, "b")],
        metadata={
            "title": "Tea",
            "source": "chatgpt",
            "model": "gpt",
            "source_id": "c1/n2",
            "branch": "2",
            "git_branch": "main",
        },
        is_tail=True,
    )


def test_clocks_in_the_future_become_now_and_missing_times_are_taken_from_others() -> None:
    def times(created: int | None, updated: int | None, *items: int | None) -> list[int | None]:
        found = stored_form(
            SourceConversation(
                source="x",
                id="1",
                created_at=created,
                updated_at=updated,
                items=[
                    SourceItem(key=str(n), item=HELLO, created_at=at) for n, at in enumerate(items)
                ],
            ),
            NOW,
        )
        return [found.created_at, found.last_active_at, *(item.created_at for item in found.items)]

    assert times(NOW + 9, None, NOW + 9, None) == [NOW, NOW, NOW, None]
    assert times(None, None, 5, 3) == [3, 5, 5, 3]
    assert times(None, 7) == [7, 7]
    assert times(None, None) == [NOW, None]
    assert times(-5, None) == [0, None]
