"""The facts that search is measured on, and how its answers are counted."""

from collections import Counter

from bench.rows.search import QUICK, conversations
from bench.search.facts import LANGUAGES, Fact, Planted, facts, plant
from bench.search.index import Index, Ranking
from bench.search.quality import Quality, quality

RANKING = Ranking(length=0.3, coverage=0.4)


def test_there_are_facts_in_six_languages_with_a_question_of_its_own_each() -> None:
    every = list(facts())

    assert Counter(fact.language for fact in every) == dict.fromkeys(LANGUAGES, 52)
    assert len(LANGUAGES) == 6
    assert len({fact.question for fact in every}) == len(every)
    assert all(fact.before and fact.said and fact.question for fact in every)


def test_facts_are_planted_at_the_same_places_every_time() -> None:
    conversations = [["a", "b"], ["c"], ["d", "e", "f"], []]
    some = list(facts())[:3]
    threads, planted = plant(some, conversations)

    assert plant(some, conversations) == (threads, planted)
    assert sorted(map(len, threads)) == sorted(
        len(texts) + 2 * any(each.thread == number for each in planted)
        for number, texts in enumerate(conversations)
    )
    for each in planted:
        around = threads[each.thread][each.position - 1 : each.position + 1]
        assert around == [each.fact.before, each.fact.said]


def test_a_question_counts_by_where_its_first_hits_are() -> None:
    index = Index()
    index.add(0, ["hello", "the piano is blue", "yes", "no", "a boat"])
    index.add(1, ["a train", "a plane"])
    asked = [
        Planted(Fact("en", "", "", "Which piano?"), 0, 1),
        Planted(Fact("en", "", "", "Which boat?"), 0, 1),
        Planted(Fact("en", "", "", "Which plane?"), 0, 1),
        Planted(Fact("en", "", "", "Which giraffe?"), 0, 1),
    ]

    answers = index.answers((each.fact.question for each in asked), RANKING)
    assert quality(asked, answers) == Quality(4, s1=0.5, s5=0.5, near5=0.25, empty=0.25)


def test_a_quick_measurement_has_a_conversation_for_every_fact() -> None:
    assert len(conversations(QUICK)) >= len(list(facts()))
