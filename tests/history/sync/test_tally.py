"""A tally says what a sync did with each source, in numbers."""

import pytest

from backscroll.history.sync.tally import NOTHING_NEW, SourceTally, SyncTally
from backscroll.store.archive.records import ImportOutcome


@pytest.mark.parametrize(
    ("outcomes", "line"),
    [
        ([], "0 conversations: 0 imported, 0 updated, 0 already there"),
        (
            [ImportOutcome(kind="imported", added=1)],
            "1 conversation: 1 imported, 0 updated, 0 already there (1 new item)",
        ),
        (
            [
                ImportOutcome(kind="imported", added=1_200),
                ImportOutcome(kind="updated", added=2, replaced=3),
                ImportOutcome(kind="updated", replaced=1),
                ImportOutcome(kind="present"),
                ImportOutcome(kind="refused", reason="x"),
                ImportOutcome(kind="forgotten"),
            ],
            (
                "6 conversations: 1 imported, 2 updated, 1 already there, 1 forgotten, 1 refused"
                " (1,202 new items)"
            ),
        ),
    ],
)
def test_a_source_s_line_counts_conversations_and_new_items(
    outcomes: list[ImportOutcome], line: str
) -> None:
    tally = SourceTally()
    for outcome in outcomes:
        tally.count(outcome)
    assert (str(tally), tally.read) == (line, len(outcomes))
    assert tally.replaced == sum(outcome.replaced for outcome in outcomes)


@pytest.mark.parametrize(
    ("parts", "outcomes"),
    [
        (["imported", "updated"], {"imported": 1}),
        (["present", "present"], {"present": 1}),
        (["present", "updated", "present"], {"updated": 1}),
        (["updated", "imported"], {"updated": 1}),
        (["present", "updated", "imported"], {"updated": 1}),
        (["imported", "refused"], {"imported": 1, "refused": 1}),
    ],
)
def test_the_parts_of_a_conversation_count_as_one_unless_one_is_refused(
    parts: list[str], outcomes: dict[str, int]
) -> None:
    tally = SourceTally()
    for number, kind in enumerate(parts):
        outcome = ImportOutcome(kind=kind, added=1, replaced=2)  # type: ignore[arg-type]  # each is an `ImportKind`
        tally.count(outcome, is_rest=number > 0)
    assert {kind: count for kind, count in tally.outcomes.items() if count} == outcomes
    assert (tally.added, tally.replaced) == (len(parts), 2 * len(parts))


def test_a_sync_has_a_line_for_each_source_and_one_for_its_secrets() -> None:
    tally = SyncTally()
    assert list(tally.lines()) == [NOTHING_NEW]
    tally.by_source["codex"].count(ImportOutcome(kind="refused"))
    tally.by_source["cursor"].count(ImportOutcome(kind="refused"))
    tally.by_source["cursor"].count(ImportOutcome(kind="present"))
    tally.redacted.update({"password": 1, "github token": 2})
    assert tally.refused == 2
    assert list(tally.lines()) == [
        "codex: 1 conversation: 0 imported, 0 updated, 0 already there, 1 refused",
        "cursor: 2 conversations: 0 imported, 0 updated, 1 already there, 1 refused",
        "3 secrets replaced: github token (2), password (1)",
    ]
