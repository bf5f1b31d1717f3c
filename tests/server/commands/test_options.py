"""Settings as options: every one but a secret, by the rules of the environment."""

import dataclasses

import pytest
from click.testing import CliRunner

from backscroll.cli import commands
from backscroll.commands.options import EVERY, RECORDING, SERVING, with_flags, with_settings
from backscroll.settings.model import Settings

SECRET = "api_key"


def test_every_setting_but_the_keys_can_be_an_option() -> None:
    names = {item.name for item in dataclasses.fields(Settings)}
    secrets = {SECRET, "admin_key", "embeddings_key", "model_key"}
    assert {*SERVING, *RECORDING} == names - secrets
    assert set(SERVING) & set(RECORDING) == set()


@pytest.mark.parametrize("command", ["serve", "call", "doctor"])
def test_a_command_that_asks_the_upstream_has_every_option_and_none_for_the_key(
    command: str,
) -> None:
    shown = CliRunner().invoke(commands, [command, "--help"]).stdout

    wanted = EVERY if command == "call" else SERVING
    assert [name for name in wanted if f"--{name.replace('_', '-')}" not in shown] == []
    assert "--api-key" not in shown


def test_a_key_on_a_command_line_is_refused() -> None:
    result = CliRunner().invoke(commands, ["call", "--api-key", "sk-1"])

    assert result.exit_code == 2
    assert "No such option '--api-key'" in result.stderr


@pytest.mark.parametrize("decorator", [with_settings, with_flags])
def test_no_command_can_be_given_an_option_for_a_secret(decorator: object) -> None:
    assert callable(decorator)
    with pytest.raises(ValueError, match="api_key is a secret, which cannot be an option"):
        decorator("upstream", SECRET)


def test_the_help_of_a_choice_names_the_choices_alone() -> None:
    shown = CliRunner().invoke(commands, ["call", "--help"]).stdout

    assert "--auth none|bearer|api-key|x-api-key|x-goog-api-key|entra\n" in shown
