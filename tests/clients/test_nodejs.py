import subprocess
import sys

import pytest

from tests.clients import nodejs


def test_tokens_are_those_of_o200k() -> None:
    # The examples of OpenAI's cookbook on tiktoken; cl100k takes nine for the last.
    texts = ["antidisestablishmentarianism", "2 + 2 = 4", "お誕生日おめでとう"]

    assert nodejs.count_tokens(texts) == [6, 7, 8]


def test_a_special_token_in_a_text_is_text() -> None:
    assert nodejs.count_tokens(["", "<|endoftext|>"]) == [0, 7]


def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        nodejs.inspect([sys.executable, "-c", ""], "--method", "tools/list")

    assert "".join(caught.value.__notes__).strip()
