"""What `make agents` does: sessions of agents are recorded and read back whole."""

from typing import Any

import pytest

from bench.agents import report
from bench.agents.programs import AGENTS, Agent
from bench.agents.session import Session, run
from bench.hosts.programs import version
from tests.pace import limit_s

JSON = dict[str, Any]


def said(message: JSON) -> str:
    """Return the text of a message, or the arguments of its call."""
    calls = [call["function"]["arguments"] for call in message.get("tool_calls", ())]
    return "".join([message["text"], *calls])


@pytest.mark.timeout(limit_s(120))
@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.title)
def test_a_session_is_recorded_and_read_back_whole(agent: Agent) -> None:
    if not version(agent.program):
        pytest.skip(f"{agent.title} is not installed: `make agents` installs it")

    session = run(agent)

    assert session.note == "heron\negret\n"
    assert len(session.answers) == len(session.asked)
    turns = [each for each in session.messages if each["role"] in ("assistant", "tool")]
    assert [each["role"] for each in turns] == 2 * ["assistant", "tool", "assistant"]
    called, output, answer, *second = map(said, turns)
    assert "echo heron" in called
    assert all("heron" in each and "egret" not in each for each in (output, answer))
    assert "echo egret" in second[0]
    assert all("heron\negret" in each for each in second[1:])
    asked = [said(each) for each in session.messages if each["role"] == "user"]
    assert [each for each in asked if "Note the heron." in each] == [asked[-2]]
    assert "Now the egret." in asked[-1]
    if "input" in session.asked[0]:  # of a response, only what is new is stored
        titles = [each["input"] for each in session.asked if "tools" not in each]
        assert session.stored == len(session.messages) + sum(len(each) + 1 for each in titles)


def test_the_section_tells_what_was_recorded_and_what_did_not_run() -> None:
    message = {"role": "user", "text": "hi"}
    asked = ({"input": [message]}, {"messages": [message, message]})
    session = Session(("",), "", asked, frozenset({"resp_1"}), (message,), 4)

    text = report.section(
        "2026-01-02", {("Codex", "1.0"): session, ("Other", ""): "it is not installed."}
    )

    assert "Measured on 2026-01-02." in text
    assert "| Codex | 1.0 | 2 | 1 | 3 | 4 | 1 |" in text
    assert text.endswith("Other did not run: it is not installed.\n")
