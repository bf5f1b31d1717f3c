"""What Google Takeout has of Gemini Apps, as JSON and as HTML."""

from io import BytesIO

import pytest

from backscroll.history.conversation import SourceConversation, SourceItem, Unreadable
from backscroll.history.files.sample import Sample
from backscroll.history.formats.gemini_apps import FORMAT
from backscroll.history.source_file import SourceFile
from backscroll.store.envelopes import JSON
from tests.history.formats.reading import conversation_in, lines_of, read_all, sample_of

NOON = 1768478400
UNKNOWN = (
    "is of an unknown kind: if it is not in English, set the language of your Google Account to "
    "English, and request the export again"
)
NO_TIME = "has no time that can be read: request the export again, in English and as JSON"


def activity(title: str, *answers: str, **fields: object) -> JSON:
    return {
        "header": "Gemini Apps",
        "title": title,
        "time": "2026-01-15T12:00:00.250Z",
        "products": ["Gemini Apps"],
        "safeHtmlItem": [{"html": answer} for answer in answers],
        **fields,
    }


def cell(
    content: str, time: str = "Jan 15, 2026, 12:00:00\u202fPM UTC", product: str = "Gemini Apps"
) -> str:
    """Return an activity as the HTML has it; `TIME` in its content becomes the time."""
    typography = "content-cell mdl-cell mdl-typography--"
    return (
        '<div class="outer-cell mdl-cell"><div class="mdl-grid">'
        f'<div class="header-cell mdl-cell"><p class="title">{product}<br></p></div>'
        f'<div class="{typography}body-1">{content.replace("TIME", time)}</div>'
        f'<div class="{typography}body-1 mdl-typography--text-right"></div>'
        f'<div class="{typography}caption"><b>Products:</b><br>&emsp;{product}<br></div>'
        "</div></div>"
    )


def page(*cells: str) -> str:
    style = "<style>.outer-cell {} a > b {}</style>"
    body = f'<body><div class="mdl-grid">{"".join(cells)}</div></body>'
    return f"<html><head><title>My Activity History</title>{style}</head>{body}</html>"


TEA = SourceConversation(
    source="gemini-apps",
    id="2026-01-15T12:00:00Z",
    items=(
        SourceItem(
            key="prompt",
            item={"type": "message", "role": "user", "content": "Oolong?"},
            created_at=NOON,
        ),
        SourceItem(
            key="answer",
            item={"type": "message", "role": "assistant", "content": "3 min & rest."},
            created_at=NOON,
        ),
    ),
    created_at=NOON,
    updated_at=NOON,
)


def test_a_prompt_and_its_answer_are_a_conversation_and_the_same_one_in_both_forms() -> None:
    answer = "<p>3 min &amp; rest.</p>"

    as_json = read_all(FORMAT, [activity("Prompted Oolong?", answer)])
    as_html = read_all(FORMAT, page(cell(f"Prompted&nbsp;Oolong?<br>TIME<br>{answer}")))

    assert as_json == [TEA]
    assert as_html == [TEA]


def test_a_file_is_recognised_in_both_forms() -> None:
    text = page(cell("Prompted Oolong?<br>TIME<br>"))

    assert FORMAT.recognises(sample_of([activity("Prompted Tea?")]))
    assert FORMAT.recognises(sample_of([activity("Prompted Tea?", header="Bard", products=None)]))
    assert FORMAT.recognises(Sample("text", start=text.encode(), name="x.html"))
    long_style = b"<html><style>" + b"a {}" * 9_000
    assert FORMAT.recognises(Sample("text", start=long_style, name="myactivity.html"))


@pytest.mark.parametrize(
    "sample",
    [
        sample_of([]),
        sample_of({}),
        sample_of([activity("Watched Tea", header="YouTube", products=["YouTube"])]),
        sample_of([{"mapping": {}}]),
        Sample("text", start=b"<html><body>Gemini</body></html>", name="index.html"),
        Sample("text", start=page(cell("", product="YouTube")).encode(), name="myactivity.html"),
        Sample("text", start=b"Gemini", name="myactivity.html"),
    ],
)
def test_another_file_is_not_recognised(sample: Sample) -> None:
    assert not FORMAT.recognises(sample)


def test_prompts_of_the_same_second_are_told_apart_by_their_order() -> None:
    later = activity("Prompted Green tea?", time="2026-01-15T12:00:01Z")
    found = [later, activity("Prompted Two?"), activity("Prompted One?")]

    assert [
        (record.id, lines_of(record.items))
        for record in read_all(FORMAT, found)
        if isinstance(record, SourceConversation)
    ] == [
        ("2026-01-15T12:00:01Z", ["user: Green tea?"]),
        ("2026-01-15T12:00:00Z", ["user: Two?"]),
        ("2026-01-15T12:00:00Z/2", ["user: One?"]),
    ]


@pytest.mark.parametrize(
    ("title", "prompt"),
    [
        ("Prompted One\nTwo", "One\nTwo"),
        ("Prompted\u00a0Tea", "Tea"),
        ("Prompted with: Tea", "Tea"),
        ("Asked Gemini: Tea", "Tea"),
        ("Said Tea", "Tea"),
        ("Branched Tea", "Tea"),
        ("Prompted Prompted Tea", "Prompted Tea"),
    ],
)
def test_a_prompt_begins_after_the_word_for_it(title: str, prompt: str) -> None:
    assert lines_of(conversation_in(FORMAT, [activity(title)]).items) == [f"user: {prompt}"]


def test_other_activities_are_left_out_and_other_languages_refused() -> None:
    found = [
        activity("Created Gemini Canvas titled Tea"),
        activity("Gave feedback: Good response"),
        activity("Used an Assistant feature"),
        activity("Watched Tea", header="YouTube", products=["YouTube"]),
        activity("Eingegebener Prompt: Tee?", "<p>3 Min.</p>"),
        activity("Prompted Tea?", time="yesterday"),
        activity("Prompted "),
        7,
        activity("Prompted Tea?"),
    ]

    *refused, last = read_all(FORMAT, found)

    assert refused[:3] == [
        Unreadable("conversation 5", UNKNOWN),
        Unreadable("conversation 6", NO_TIME),
        Unreadable(
            "conversation 7", "has neither a prompt nor an answer: there is nothing to import"
        ),
    ]
    assert isinstance(refused[3], Unreadable)
    assert isinstance(last, SourceConversation)


def test_files_and_gems_are_named() -> None:
    subtitles = [
        {"name": "Tea master was used in this chat. Manage your Gems.", "url": "g.example"},
        {"name": "Attached 2 files."},
        {"name": "-  a.png", "url": "a-1.png"},
        {"name": "-  b.pdf", "url": "b-1.pdf"},
        {"name": "http://content.example/1"},
    ]
    as_json = activity("Prompted What is it?", subtitles=subtitles, imageFile="a-1.png")
    as_html = (
        "Prompted What is it?<br>Tea master was used in this chat. Manage your Gems.<br>"
        'Attached 2 files.<br>-&nbsp; <a href="a-1.png">a.png</a><br>'
        '-&nbsp; <a href="b-1.pdf">b.pdf</a><br>TIME<br>'
    )

    for content in ([as_json], page(cell(as_html))):
        read = conversation_in(FORMAT, content)
        assert lines_of(read.items) == ["user: What is it? | <a.png> | <b.pdf>"]
        assert read.metadata == {"gem": "Tea master"}
    alone = activity("Prompted ", imageFile="a-1.png", attachedFiles=["c.txt"])
    assert lines_of(conversation_in(FORMAT, [alone]).items) == ["user: <c.txt> | <a-1.png>"]


def test_several_answers_are_one_message() -> None:
    found = activity("Prompted Tea?", "<p>One</p>", "", "<p>Two</p>")

    assert lines_of(conversation_in(FORMAT, [found]).items) == [
        "user: Tea?",
        "assistant: One\n\nTwo",
    ]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h3>Tea</h3><p>One\n  two<br>three</p>", "### Tea\n\nOne two\nthree"),
        ("<ul><li>A<ul><li>B</li></ul></li><li><p>C</p></li></ul>", "- A\n  - B\n- C"),
        ("<ol><li>A</li><li>B</li></ol>", "1. A\n2. B"),
        (
            "<p>Run <code>a  b</code>:</p><pre><code>if x:\n    y &lt; 1\n</code></pre>",
            "Run `a b`:\n\n```\nif x:\n    y < 1\n```",
        ),
        (
            '<a href="https://t.example">Tea</a> <a href="https://u.example">https://u.example</a>',
            "[Tea](https://t.example) https://u.example",
        ),
        (
            '<a href="/x">Tea</a><p><a href="https://t.example">Sea</a>',
            "Tea\n\n[Sea](https://t.example)",
        ),
        (
            "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>",
            "| A | B\n| 1 | 2",
        ),
        ('<img alt="A cup" src="x"><script>run()</script><style>a {}</style>', "A cup"),
        ("<![endif]><!-- no --><p>Tea<p>Sea", "Tea\n\nSea"),
        ("3 < 4 &amp; 5", "3 < 4 & 5"),
    ],
)
def test_the_html_of_an_answer_becomes_text(html: str, text: str) -> None:
    assert lines_of(conversation_in(FORMAT, [activity("Prompted ", html)]).items) == [
        f"assistant: {text}"
    ]


@pytest.mark.parametrize(
    "html",
    ["<!--" * 200_000, "<a " * 200_000, "<ul><li>" * 20_000, "</a>" * 50_000, "<a b='" * 100_001],
    ids=["comments", "tags", "lists", "end tags", "attributes"],
)
def test_html_that_never_ends_is_read_in_a_time_that_grows_with_its_size(html: str) -> None:
    found = activity("Prompted Tea?", f"<p>3 min.</p>{html}")

    prompt, *_ = lines_of(conversation_in(FORMAT, [found]).items)

    assert prompt == "user: Tea?"


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("Jan 15, 2026, 12:00:00 PM UTC", NOON),
        ("Jan 15, 2026, 12:00:00\u202fAM\u00a0GMT", NOON - 12 * 3600),
        ("Jan 15, 2026, 7:00:00 AM EST", NOON),
        ("Jul 15, 2026, 8:00:00 AM EDT", NOON + 181 * 86400),
        ("Jan 15, 2026, 5:30:00 PM GMT+5:30", NOON),
        ("Jan 15, 2026, 9:00:00 AM GMT-3", NOON),
        ("Jan 15, 2026, 8:30:00 AM GMT\N{MINUS SIGN}03:30", NOON),
        ("15 Jan 2026, 13:00:00 CET", NOON),
        ("15 Sept 2026, 12:00:00 UTC", NOON + 243 * 86400),
    ],
)
def test_a_time_is_read_in_each_zone(time: str, seconds: int) -> None:
    read = conversation_in(FORMAT, page(cell("Prompted Tea?<br>TIME<br>", time)))

    assert read.created_at == seconds


@pytest.mark.parametrize(
    ("content", "time", "reason"),
    [
        ("Prompted Tea?<br>TIME<br>", "Jan 15, 2026, 12:00:00 PM QQT", NO_TIME),
        ("Prompted Tea?<br>TIME<br>", "Feb 30, 2026, 12:00:00 PM UTC", NO_TIME),
        ("Prompted Tea?<br>TIME<br>", "15.01.2026, 12:00:00 MEZ", NO_TIME),
        ("Eingegebener Prompt: Tee?<br>TIME<br>", "15.01.2026, 12:00:00 MEZ", UNKNOWN),
    ],
)
def test_a_page_in_another_language_is_refused(content: str, time: str, reason: str) -> None:
    assert read_all(FORMAT, page(cell(content, time))) == [Unreadable("activity 1", reason)]


def test_a_page_without_gemini_says_so() -> None:
    reason = "has no activities of Gemini Apps: choose them under My Activity in Google Takeout"

    for text in (page(), page(cell("Watched Tea<br>TIME<br>", product="YouTube"))):
        assert read_all(FORMAT, text) == [Unreadable("the file", reason)]


def test_a_prompt_of_several_lines_and_nested_elements_are_read() -> None:
    content = "Prompted One<br>Two<br>TIME<br><div><p>Three</p><div>Four</div></div>Five"

    read = read_all(FORMAT, page(cell(content), cell("Prompted Six<br>TIME<br>")))

    assert [
        lines_of(record.items) for record in read if isinstance(record, SourceConversation)
    ] == [["user: One\nTwo", "assistant: Three\n\nFour\nFive"], ["user: Six"]]


@pytest.mark.parametrize("cut", [40, 150, 300, 390, 420, 500])
def test_a_page_that_is_cut_off_is_read_to_its_end(cut: int) -> None:
    whole = page(cell("Prompted One<br>TIME<br>"))
    text = whole.partition("</body>")[0] + cell("Prompted Two<br>TIME<br>")[:cut]

    first, *_ = read_all(FORMAT, text)

    assert isinstance(first, SourceConversation)
    assert lines_of(first.items) == ["user: One"]


def test_a_tag_without_an_end_does_not_stop_the_reader() -> None:
    whole = page(cell("Prompted One<br>TIME<br>")).encode()
    content = whole + b'<div class="' + b"x" * (5 * 1024 * 1024)

    read = list(FORMAT.read(SourceFile("page", lambda: BytesIO(content))))

    assert len(read) == 1
