"""Queries as agents type them: nothing but an empty one is an error."""

import pytest
from hypothesis import given

from backscroll_tools.search.query import (
    MAX_EXCLUDED,
    MAX_LITERAL_CHARS,
    MAX_LITERALS,
    MAX_QUERY_CHARS,
    MAX_TERMS,
    QueryError,
    parse,
)
from tests.tools.search.texts import texts


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("What did they say about refunds last November?", ["refund", "last", "novemb"]),
        ("Wann wurde der Vertrag unterschrieben?", ["vertrag", "unterschrieben"]),
        ("Quand est-ce que l'avion décolle ?", ["avion", "decoll"]),
        ("¿Cuándo llega el tren a Sevilla?", ["llega", "tren", "sevilla"]),
        ("Onde deixaste as chaves do carro?", ["deixast", "chave", "carro"]),
        ("Quando parte il traghetto?", ["part", "traghetto"]),
        ("会议什么时候开始？", ["会议", "议什", "么时", "候开", "开始"]),
        ("東京", ["東京"]),
        ("会议", ["会议"]),
        ("猫", ["猫"]),
        ("Über", ["uber"]),
        ("c++", ["c++"]),
        ("C#", ["c#"]),
        ("foo/bar.py:12", ["foo", "bar", "py", "12"]),
        ("👍🏽", ["👍"]),
        ("مدرسة", ["مدرس"]),
        ("สวัสดี", ["สว", "วั", "ัส", "สด", "ดี"]),
        ('say "hello world', ["hello", "world"]),
        (
            "cats AND dogs OR NEAR(birds*) NOT title:x^2",
            ["cat", "dog", "near", "bird", "titl", "x", "2"],
        ),
        ("ab\0cd", ["ab", "cd"]),
        ("when did the dog die", ["dog", "die"]),
        ("where's the dog?", ["dog"]),
        ("war 1939", ["war", "1939"]),
        ("-1 --verbose", ["1", "verbos"]),
        ("cat cats Cat", ["cat"]),
    ],
)
def test_any_of_the_words_that_tell_something_may_occur(query: str, words: list[str]) -> None:
    parsed = parse(query)

    assert list(parsed.words) == words
    assert (parsed.literals, parsed.excluded_words, parsed.excluded) == ((), (), ())
    assert (parsed.only_common, parsed.cut) == (False, False)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("is it -5 degrees?", "is it -5 degrees?"),
        ("-1 --verbose", "-1 --verbose"),
        ('cats  -dog -"a b" (x-y) -“c d” “e f”', "cats (x-y) e f"),
    ],
)
def test_the_text_without_exclusions_has_all_that_is_looked_for(query: str, wanted: str) -> None:
    assert parse(query).wanted == wanted


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("what was it about", ("what", "was", "it", "about")),
        ("don’t", ("dont",)),
        ("don't", ("dont",)),
        ("der die das", ("der", "die", "das")),
        ("什么", ("什么",)),
    ],
)
def test_common_words_count_if_there_are_no_others(query: str, words: tuple[str, ...]) -> None:
    parsed = parse(query)

    assert parsed.words == words
    assert parsed.only_common


@pytest.mark.parametrize(
    ("query", "literals", "words"),
    [
        ('"hello  World"', ["hello  World"], []),
        ("what is “the plan” for us", ["the plan"], []),
        ("«le plan» refund", ["le plan"], ["refund"]),
        ('("a" "b")', ["a", "b"], []),
        ('"-x"', ["-x"], []),
        ('"->"', ["->"], []),
        ("->", ["->"], []),
        ("…?!", ["…?!"], []),
        ("\ud800", ["\ud800"], []),
        ('"東京" 会议', ["東京"], ["会议"]),
        ('5" pipe 6" pipe', [], ["5", "pipe", "6"]),
    ],
)
def test_what_is_in_quotes_must_occur(query: str, literals: list[str], words: list[str]) -> None:
    parsed = parse(query)

    assert [literal.text for literal in parsed.literals] == literals
    assert list(parsed.words) == words
    assert not parsed.only_common


def test_what_follows_a_hyphen_must_not_occur() -> None:
    parsed = parse('refund -Card -"bank transfer" -foo/bar re-run - -c++ -👍 -… -.net -"->" -a/b"')

    assert parsed.words == ("refund", "re", "run")
    assert parsed.excluded_words == ("card", "c++", "👍", ".net")
    assert [literal.text for literal in parsed.excluded] == [
        *("bank transfer", "foo/bar", "->", "a/b"),
    ]


@pytest.mark.parametrize(
    ("query", "identifiers"),
    [
        ("look at (foo/bar.py:12), please.", ["foo/bar.py:12"]),
        (
            "snake_case ines@example.com MARIGOLD-77",
            ["snake_case", "ines@example.com", "MARIGOLD-77"],
        ),
        ("nothing here. Really", []),
    ],
)
def test_paths_and_names_with_parts_are_told_apart(query: str, identifiers: list[str]) -> None:
    assert [literal.text for literal in parse(query).identifiers] == identifiers


@pytest.mark.parametrize("query", ["", " \t\n", "\0", '"', '""', '"  " ""', "\u200b", "\u0301"])
def test_an_empty_query_is_told_what_to_give(query: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(query)

    assert str(raised.value) == (
        "The query is empty. Give words, a question, or an exact phrase in double quotes."
    )


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("-x", "-x"),
        (' -x -"y z" ', '-x -"y z"'),
        ("-x\n\n\t-y", "-x -y"),
        ("-" + "x" * 39, "-" + "x" * 39),
        ("-" + "x" * 40, "-" + "x" * 38 + "…"),
    ],
)
def test_a_query_that_only_excludes_is_told_what_to_add(query: str, shown: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(query)

    assert str(raised.value) == (
        f"The query {shown} only says what to leave out. Add a word to look for; to find a "
        "word that begins with a hyphen, put it in double quotes."
    )


@pytest.mark.parametrize(
    "query",
    [
        " ".join(f"word{number}" for number in range(10_000)),
        "東" + "京都市" * 10_000,
        " ".join(f'"literal {number}"' for number in range(200)),
        " ".join(
            f'"{" ".join(f"word{number}x{part}" for part in range(9))}"' for number in range(20)
        ),
        "x " + " ".join(f"-word{number}" for number in range(200)),
        f'"{" ".join(map(str, range(10_000)))}"',
        f'x -"{"y" * 400}"',
        f'"{"y" * 400}" "x"',
        '"a literal" ' + " ".join(f"word{number}" for number in range(MAX_TERMS - 1)),
        "x" * 10_000,
    ],
)
def test_a_query_without_end_is_cut_and_says_so(query: str) -> None:
    parsed = parse(query)

    assert parsed.cut
    assert 1 <= len(parsed.terms) <= MAX_TERMS
    assert max(len(parsed.literals), len(parsed.excluded)) <= MAX_LITERALS
    assert len(parsed.excluded_words) <= MAX_EXCLUDED


@pytest.mark.parametrize(
    "query",
    [
        " ".join(f"word{number}" for number in range(MAX_TERMS)),
        '"a literal" ' + " ".join(f"word{number}" for number in range(MAX_TERMS - 2)),
        " ".join(f'"literal {number}"' for number in range(MAX_LITERALS)),
        "x " + " ".join(f'-"literal {number}"' for number in range(MAX_LITERALS)),
        "x " + " ".join(f"-word{number}" for number in range(MAX_EXCLUDED)),
        f'"{"y" * MAX_LITERAL_CHARS}"',
        f'"{"y y" * (MAX_LITERAL_CHARS // 3)}"',
        "x" * MAX_QUERY_CHARS,
    ],
)
def test_a_query_within_the_bounds_is_not_cut(query: str) -> None:
    assert not parse(query).cut


@pytest.mark.parametrize(
    ("text", "chars"),
    [
        ("word " * 100, 299),
        ("x" + "word " * 100, 300),
        ("xx" + "word " * 100, 296),
        ("x" * 400, 300),
        ("e\u0301" * 200, 300),
        ("x" + "e\u0301\u0302\u0303" * 100, 297),
    ],
)
def test_a_literal_is_cut_at_a_space_or_else_between_characters(text: str, chars: int) -> None:
    assert [literal.text for literal in parse(f'"{text}"').literals] == [text[:chars]]


@given(texts)
def test_any_query_is_understood_or_told_what_to_change(query: str) -> None:
    try:
        parsed = parse(query)
    except QueryError:
        return

    assert parsed.words or parsed.literals
    assert len(parsed.terms) <= MAX_TERMS
