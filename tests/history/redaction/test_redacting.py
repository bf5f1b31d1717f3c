import json
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backscroll.history.conversation import SourceConversation, SourceItem
from backscroll.history.redaction.redacting import redacted
from backscroll.history.streamed_items import StreamedItems
from backscroll.store.envelopes import JSON
from tests.history.redaction.invented import Invented, innocent, secrets


def conversation(items: Sequence[JSON], title: str = "") -> SourceConversation:
    return SourceConversation(
        source="codex",
        id="c1",
        items=[SourceItem(key=f"k{n}", item=item) for n, item in enumerate(items)],
        title=title,
        metadata={"git_branch": "main"},
    )


def user(text: str) -> JSON:
    return {"type": "message", "role": "user", "content": text}


def redacted_text(text: str) -> str:
    [item] = redacted(conversation([user(text)]))[0].items
    return str(item.item["content"])


def remains(invented: Invented) -> bool:
    return invented.secret in redacted_text(invented.text)


def test_all_60_invented_secrets_are_replaced() -> None:
    missed = [invented.text for invented in secrets() if remains(invented)]

    assert len(secrets()) == 60
    assert len({invented.kind for invented in secrets()}) == 20
    assert missed == []


def test_none_of_10_000_lines_without_a_secret_is_changed() -> None:
    lines = innocent()

    changed = [line for line in lines if redacted_text(line) != line]

    assert len(lines) == 10_000
    assert changed == []


PASSWORDS = (
    *("hunter2", "hunter22", "Winter2025", "Sommer24", "dragon99", "Kotik1234", "MyDogRex2019"),
    *("admin2024", "zebra2", "fooBar9931", "letmein", "12345678", "qlzzyplugh3", "MyPassword2024"),
)
"""Passwords that people choose. As words or names with digits, they look like names in code."""


@pytest.mark.parametrize(
    "frame",
    [
        *("DB_PASSWORD=@@", "export DB_PASSWORD='@@'", "password: @@", '"password": "@@"'),
        *("password=@@", "db.passwd = '@@'", 'secret: "@@"', "api_key: @@", 'apiKey="@@"'),
        *("password=@@;Encrypt=True", "API_TOKEN=@@x1", '{"user": "a", "pwd":"@@"}'),
        *("<password>@@</password>", "  <db:Password>@@</db:Password>", '"PASSWORD=@@"'),
        *("ALTER USER ada WITH PASSWORD '@@';", "CREATE USER ada IDENTIFIED BY '@@'"),
        *("machine db.example.com login ada password @@", "machine a\n  login b\n  password @@\n"),
    ],
)
def test_passwords_that_people_choose_are_replaced_after_a_name_that_says_so(frame: str) -> None:
    kept = [each for each in PASSWORDS if each in redacted_text(f"x {frame.replace('@@', each)}")]

    assert kept == []


@pytest.mark.parametrize(
    "text",
    [
        *("password = value2(1)", "password: string", "password: String;", "password = payload"),
        *("password=user.password", "password: self.word", "connect(password=chosen)", "PWD=/home"),
        *("password=password2", "password: userPassword", 'token = "identifier"', "token: 1234567"),
        *('"password": "string"', "password=null123", "password: ******", "password: <hunter2>"),
        *("DB_PASSWORD=${PASSWORD2}", "PASSWORD=your-password2", 'password = os.environ["PW2222"]'),
        *("password_count: 1234567", "passwordChangedAt: 1712345678", "login form password field"),
        *("api_key: Optional[str]", "password: sha256", "the password: please choose a long one"),
        *("if (password>minimum2) {", "secret: undefined", 'DB_PASSWORD=""', "password: password"),
        *("Reset your password test2025", "the password utf8encoder", "PASSWORD 'required'"),
        *('"password": "Please enter it"', 'api_key="unused"'),
    ],
)
def test_code_and_placeholders_after_such_a_name_are_kept(text: str) -> None:
    assert redacted_text(f"a line: {text}") == f"a line: {text}"


@pytest.mark.parametrize("frame", ["login ada\n@@", "$ cat .netrc\n  @@\n", "\t@@\nmachine b"])
def test_the_line_of_a_password_in_netrc_is_replaced(frame: str) -> None:
    text = frame.replace("@@", "password Winter2025")

    assert redacted_text(text) == text.replace("Winter2025", "[redacted: password]")


def test_a_password_in_an_input_of_a_tool_is_replaced_by_the_name_of_its_field() -> None:
    call = {"type": "custom_call", "input": {"password": "hunter2", "user": "hunter2"}}

    [item] = redacted(conversation([call]))[0].items

    assert item.item["input"] == {"password": "[redacted: password]", "user": "hunter2"}


def test_secrets_are_replaced_in_the_middle_of_a_long_text() -> None:
    text = "\n".join(f"line {n}\n{invented.text}" for n, invented in enumerate(secrets()))

    result = redacted_text(text)

    assert sum(invented.secret in result for invented in secrets()) <= 3
    assert "line 0\n" in result
    assert "line 59\n" in result


@pytest.mark.parametrize("before", range(7_600, 8_300, 60))
def test_a_secret_is_replaced_wherever_it_starts_in_a_long_text(before: int) -> None:
    prose = "a line of prose\n" * 600
    texts = [f"\n{invented.text}\n" for invented in secrets()]

    results = [redacted_text(f"{prose[:before]}{text}{prose}") for text in texts]

    assert results == [f"{prose[:before]}{redacted_text(text)}{prose}" for text in texts]


def test_text_outside_ascii_neither_hides_a_secret_nor_stops_the_redaction() -> None:
    for invented in secrets():
        result = redacted_text(f"« é 日本 \ud800 »\n{invented.text}\n« é »")
        assert result == f"« é 日本 \ud800 »\n{redacted_text(invented.text)}\n« é »"
    kelvin = "\N{KELVIN SIGN}"
    assert redacted_text(f"basic {kelvin * 8}") == f"basic {kelvin * 8}"
    assert "x1y2z3" not in redacted_text(f"TO{kelvin}EN=x1y2z3w4v5u6")


@pytest.mark.parametrize(
    "text",
    [
        "postgres://jürgen:x1y2z3@db.internal/app",
        "https://日本:x1y2z3@example.org",
        "machine h logın u pa\N{LATIN SMALL LETTER LONG S}sword x1y2z3",
        "login bob pas\N{LATIN SMALL LETTER LONG S}word x1y2z3",
    ],
)
def test_a_password_is_replaced_if_the_text_before_it_is_not_ascii(text: str) -> None:
    assert redacted_text(text) == text.replace("x1y2z3", "[redacted: password]")


def test_secrets_are_replaced_inside_the_json_of_a_tool_call() -> None:
    for invented in secrets():
        arguments = json.dumps({"command": invented.text, "note": "after"})
        call = {"type": "function_call", "name": "sh", "call_id": "1", "arguments": arguments}

        [item] = redacted(conversation([call]))[0].items

        kept = json.loads(item.item["arguments"])
        assert kept["note"] == "after"
        assert invented.secret not in kept["command"] or remains(invented)


def test_redaction_counts_each_kind_and_keeps_everything_else() -> None:
    key = "gh" + "p_" + "a1B2" * 9
    before = conversation([user(f"use {key}"), user("nothing here")], title=f"About {key}")

    after, counts = redacted(before)

    assert counts == {"k0": Counter({"github token": 1})}
    assert after == SourceConversation(
        source="codex",
        id="c1",
        items=[
            SourceItem(key="k0", item=user("use [redacted: github token]")),
            SourceItem(key="k1", item=user("nothing here")),
        ],
        title="About [redacted: github token]",
        metadata={"git_branch": "main"},
    )


def test_redacting_a_second_time_changes_nothing() -> None:
    once, _ = redacted(conversation([user(invented.text) for invented in secrets()]))

    twice, counts = redacted(once)

    assert (twice, counts) == (once, {})


def test_the_user_and_the_host_of_an_url_with_a_password_remain() -> None:
    password = "tr0ub" + "4dor"

    assert redacted_text(f"postgres://app:{password}@db/app") == (
        "postgres://app:[redacted: password]@db/app"
    )


@pytest.mark.parametrize("frame", ["Authorization: Basic @@", "authorization: 'basic @@'"])
def test_a_password_in_a_basic_header_is_replaced(frame: str) -> None:
    import base64

    value = base64.b64encode(b"deploy:" + b"tr0ub4dor").decode()

    assert value not in redacted_text(frame.replace("@@", value))


def test_an_image_in_base64_is_not_searched() -> None:
    image = "data:image/png;base64," + "gh" + "p_" + "a1B2" * 9

    assert redacted_text(image) == image


def test_a_private_key_without_its_end_is_replaced() -> None:
    lines = "\n".join("MIIEvQ" + "aB3/" * 14 for _ in range(4))
    text = f"-----BEGIN PRIVATE {'KEY'}-----\n{lines}"

    assert redacted_text(f"{text}\n$ ls") == "[redacted: private key]\n$ ls"


@given(st.text(max_size=60), st.sampled_from([invented.secret for invented in secrets()][::7]))
def test_any_text_around_a_replacement_is_kept(around: str, secret: str) -> None:
    result = redacted_text(f"{around}\nSECRET_KEY={secret}\n{around}")

    assert result.endswith(f"\n{around}") or redacted_text(around) != around


def test_items_that_are_read_as_they_are_used_are_redacted_as_they_are_used() -> None:
    item = SourceItem(key="k0", item=user("use gh" + "p_" + "a1B2" * 9))
    streamed = replace(conversation([]), items=StreamedItems(lambda: iter([item])))

    after, counts = redacted(streamed)

    assert counts == {}
    for _ in range(2):
        assert [each.item for each in after.items] == [user("use [redacted: github token]")]
    assert counts == {"k0": Counter({"github token": 1})}
