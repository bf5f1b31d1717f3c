"""Describes flaws in the bytes of a message, in terms of the transport that carried them."""

from dataclasses import dataclass
from typing import Final

from backscroll_tools.strict_json import DEPTH, JSONFlawError


@dataclass(frozen=True, slots=True)
class Carrier:
    """The unit in which a transport sends one message.

    Attributes:
        name: `line` or `body`.
        each: completes "Send one message …": `a line`, or `in each body`.
    """

    name: str
    each: str


LINE: Final = Carrier("line", "a line")
BODY: Final = Carrier("body", "in each body")


def describe(flaw: JSONFlawError, carrier: Carrier) -> str:
    """Return what is wrong with a JSON text, where, and how to fix it.

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
                f"A string holds a lone surrogate, {found}, {at}. "
                "Send both halves of the pair, or leave it out."
            )
        case "duplicate":
            return f"The key {found} appears twice in one object. Send it once."
        case "control":
            return rf"A string holds a raw control character {at}. Escape it, as in \n or \u0007."
        case "depth":
            nested = f"The {carrier.name} is nested more than {DEPTH} levels deep."
            return f"{nested} Send a flatter value."
        case "syntax":
            return (
                f"The {carrier.name} is not JSON: {found} at byte {flaw.at}. "
                f"Send one whole JSON-RPC message {carrier.each}."
            )
