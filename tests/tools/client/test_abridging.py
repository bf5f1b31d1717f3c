"""Binary content is shown as its type and size; everything else stays as it was sent."""

import base64
import json
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.client.abridging import BINARY, abridged, may_be_abridged
from backscroll_tools.models import JSON

PNG: Final = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(900)).decode()
WAV: Final = base64.b64encode(b"RIFF" + bytes(900)).decode()
OTHER: Final = base64.b64encode(b"\x01\x02" * 400).decode()
DATA_URL: Final = f"data:image/png;base64,{PNG}"


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        (
            {"type": "input_image", "image_url": DATA_URL},
            {"type": "input_image", "image_url": "[image/png, 908 bytes]"},
        ),
        (
            {"type": "image_url", "image_url": {"url": DATA_URL, "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "[image/png, 908 bytes]", "detail": "low"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
            {
                "type": "input_audio",
                "input_audio": {"data": "[audio or image in RIFF, 904 bytes]", "format": "wav"},
            },
        ),
        (
            {"type": "input_file", "filename": "a.bin", "file_data": OTHER},
            {"type": "input_file", "filename": "a.bin", "file_data": "[base64, 800 bytes]"},
        ),
        (
            {"type": "image", "source": {"media_type": "image/png", "data": PNG[:76] * 9}},
            {
                "type": "image",
                "source": {"media_type": "image/png", "data": "[image/png, 513 bytes]"},
            },
        ),
        (
            {"type": "outputs", "logs": [DATA_URL, "short"]},
            {"type": "outputs", "logs": ["[image/png, 908 bytes]", "short"]},
        ),
        (
            {"type": "text", "text": {"value": f"See ![a]({DATA_URL}) here", "annotations": []}},
            {
                "type": "text",
                "text": {"value": "See ![a]([image/png, 908 bytes]) here", "annotations": []},
            },
        ),
        (
            {"type": "output_text", "text": f'{{"screenshot": "{PNG}"}}'},
            {"type": "output_text", "text": '{"screenshot": "[image/png, 908 bytes]"}'},
        ),
    ],
)
def test_binary_content_is_shown_as_its_type_and_size(part: JSON, shown: JSON) -> None:
    message = {"id": "msg_1", "role": "user", "content": [part]}
    expected = {**message, "content": [shown], "omitted": BINARY}
    assert abridged(message) == expected
    assert may_be_abridged(json.dumps(message).encode())
    assert abridged({"object": "list", "data": [message, 7]}) == {
        "object": "list",
        "data": [expected, 7],
    }


@pytest.mark.parametrize(
    "content",
    [
        "x" * 10_000,
        "word " * 2_000,
        "data:image/png;base64,short",
        f"iVBORw0KGgo and prose {'z' * 9_000}",
        [{"type": "input_image", "image_url": "https://a.example/" + "p" * 900}],
        [{"type": "input_file", "file_id": "f" * 200}],
        [{"type": "text", "text": OTHER}],
    ],
)
def test_text_links_and_ids_stay_as_they_are(content: object) -> None:
    message = {"id": "m" * 256, "metadata": {"token": "A" * 512}, "content": content}
    assert abridged(message) is message


def test_the_size_of_a_string_that_the_store_cut_is_that_of_the_whole_string() -> None:
    part = {"image_url": DATA_URL[:64] + "==", "image_url_chars": len(DATA_URL)}
    expected = {"id": "msg_1", "content": [{"image_url": "[image/png, 907 bytes]"}]}
    assert abridged({"id": "msg_1", "content": [part]}) == {**expected, "omitted": BINARY}


@given(
    st.recursive(
        st.text() | st.integers() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_second_time_changes_nothing(value: object) -> None:
    once = abridged({"id": "msg_1", "value": value, "image": DATA_URL})
    assert abridged(once) == once


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("data:image/svg+xml;utf8," + "<g/>" * 100, "[image/svg+xml, 400 characters]"),
        ("data:," + "x" * 400, "[data, 400 characters]"),
        ("data:;base64," + "A" * 400, "[data, 300 bytes]"),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_data_url_without_base64_or_a_type_is_shortened_too(
    url: str, shown: str, whole: bool
) -> None:
    image = {"url": url} if whole else {"url": url[:254] + url[-2:], "url_chars": len(url)}
    assert abridged({"id": "msg_1", "image_url": image}) == {
        "id": "msg_1",
        "image_url": {"url": shown},
        "omitted": "binary content",
    }


PIECES: Final = ('"', "data:", ";base64,", PNG[:99], PNG[:254], PNG)


@given(
    st.dictionaries(
        st.sampled_from(("text", "url", "url_chars", "content")),
        st.integers(0, 400) | st.lists(st.sampled_from(PIECES)).map("".join),
    )
)
def test_a_reply_whose_bytes_show_no_binary_content_has_none(part: JSON) -> None:
    message = {"id": "msg_1", "content": [part]}
    body = json.dumps(message).encode()
    assert may_be_abridged(body) or abridged(message) is message
