"""Writes error messages for invalid JSON in a line (stdio) or a body (HTTP)."""

from typing import Final

from msgspec import Struct

from backscroll_tools.strict_json import DEPTH, JSONFlawError


class Carrier(Struct, frozen=True):
    """The unit in which a transport sends one message: a line or a body.

    Attributes:
        name: `line` for stdio, `body` for HTTP.
        choosing: the part of an error message that says how to select the MCP version that
            supports batches.
    """

    name: str
    choosing: str


LINE: Final = Carrier("line", "agree on that version in initialize")
BODY: Final = Carrier("body", "send the header MCP-Protocol-Version: 2025-03-26")


def describe(flaw: JSONFlawError, carrier: Carrier) -> str:
    """Return an error message: what is wrong with a JSON text, where, and how to fix it.

    Args:
        flaw: the flaw.
        carrier: the unit in which the text was sent.
    """
    found, at = flaw.found, f"at byte {flaw.at} of the {carrier.name}"
    match flaw.kind:
        case "encoding":
            byte = f"Byte {flaw.at} of the {carrier.name}"
            return f"{byte}, {found}, is not UTF-8. Encode the text as UTF-8."
        case "number":
            return f"{found} {at} is not a JSON number. Send a finite number, or null."
        case "surrogate":
            return (
                f"A string has a lone surrogate, {found}, {at}. "
                "Send both surrogates of the pair, or none."
            )
        case "duplicate":
            return f"The key {found} appears twice in one object. Send it once."
        case "control":
            return (
                f"A string has an unescaped control character {at}. "
                r"Escape it, as in \n or \u0007."
            )
        case "depth":
            nested = f"The {carrier.name} is nested more than {DEPTH} levels deep."
            return f"{nested} Send a message with fewer levels."
        case "syntax":
            return (
                f"The {carrier.name} is not JSON: {found} at byte {flaw.at}. "
                f"Send one complete JSON-RPC message per {carrier.name}."
            )
