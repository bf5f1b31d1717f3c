"""Kinds of tokens that can be recognised by their prefix, such as `npm_…`.

Sources of the prefixes and lengths: the documentation of the issuers, and of the secret scanning of
GitHub and GitLab.
"""

import re
from collections import defaultdict
from typing import Final

from msgspec import Struct

RUN: Final = 20
"""The minimum length of a run of letters, digits, `_` and `-` in a token, in characters."""


class Token(Struct, frozen=True):
    """A kind of token.

    Attributes:
        kind: its name in the text that replaces it.
        pattern: matches the whole token, which contains a run of at least `RUN` characters.
        before: the start of the token before that run, such as `SG.`; empty for most kinds.
    """

    kind: str
    pattern: re.Pattern[str]
    before: str = ""


_ROWS: Final = (
    # kind, the first two characters of the run, pattern, before
    ("age key", "AG", r"AGE-SECRET-KEY-1[A-Z0-9]{58}", ""),
    ("anthropic key", "sk", r"sk-ant-[a-z]{2,10}\d\d-[\w-]{20,}", ""),
    ("atlassian token", "AT", r"ATATT3[\w-]{50,}={0,2}(?:=[0-9A-F]{8})?", ""),
    ("aws access key", "AK AS AB AC", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![\w-])", ""),
    ("databricks token", "da", r"dapi[a-f0-9]{32}(?:-\d)?(?!\w)", ""),
    ("digitalocean token", "do", r"do[opr]_v1_[a-f0-9]{64}", ""),
    ("docker token", "dc", r"dckr_(?:pat|oat)_[\w-]{27,}", ""),
    ("github token", "gh", r"gh[opusr]_[A-Za-z0-9]{36,}", ""),
    ("github token", "gi", r"github_pat_[A-Za-z0-9_]{50,}", ""),
    ("gitlab token", "gl", r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[\w-]{20,}", ""),
    ("google key", "AI", r"AIza[\w-]{35}(?![\w-])", ""),
    ("google secret", "GO", r"GOCSPX-[\w-]{28}", ""),
    ("google token", "", r"ya29\.[\w-]{20,}", "ya29."),
    ("grafana token", "gl", r"glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}", ""),
    ("groq key", "gs", r"gsk_[A-Za-z0-9]{40,}", ""),
    ("hugging face token", "hf", r"hf_[A-Za-z]{30,}", ""),
    ("jwt", "ey", r"eyJ[\w-]{17,}\.eyJ[\w-]{8,}\.[\w-]{16,}", ""),
    ("linear key", "li", r"lin_(?:api|oauth)_[A-Za-z0-9]{40,}", ""),
    ("new relic key", "NR", r"NRAK-[A-Z0-9]{27}", ""),
    ("notion token", "nt", r"ntn_[A-Za-z0-9]{40,}", ""),
    ("npm token", "np", r"npm_[A-Za-z0-9]{36}(?!\w)", ""),
    ("openai key", "sk", r"sk-(?:proj|svcacct|admin|None)-[\w-]{20,}", ""),
    ("openai key", "sk", r"sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}", ""),
    ("openrouter key", "sk", r"sk-or-v1-[a-f0-9]{64}", ""),
    ("perplexity key", "pp", r"pplx-[A-Za-z0-9]{40,}", ""),
    ("planetscale token", "ps", r"pscale_(?:tkn|pw|oauth)_[\w-]{32,}", ""),
    ("postman key", "PM", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}", ""),
    ("pypi token", "py", r"pypi-AgE[\w-]{50,}", ""),
    ("replicate token", "r8", r"r8_[A-Za-z0-9]{37}", ""),
    ("rubygems key", "ru", r"rubygems_[a-f0-9]{48}", ""),
    ("secret key", "sk", r"sk-(?=[a-z-]{0,20}\d?[A-Za-z]*\d)[A-Za-z0-9]{32,}(?![\w-])", ""),
    ("sendgrid key", "", r"SG\.[\w-]{20,24}\.[\w-]{39,50}", "SG."),
    ("sentry token", "sn", r"sntry[su]_[\w+/=-]{60,}", ""),
    ("shopify token", "sh", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}", ""),
    ("slack token", "xo", r"xox[abeoprs]-[\w-]{16,}", ""),
    ("slack token", "xa", r"xapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{32,}", ""),
    ("square token", "sq", r"sq0[a-z]{3}-[\w-]{22,43}", ""),
    ("stripe key", "sk rk", r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}", ""),
    ("stripe secret", "wh", r"whsec_[A-Za-z0-9+/]{32,}={0,2}", ""),
    ("supabase token", "sb", r"sbp_[a-f0-9]{40}", ""),
    ("supabase token", "sb", r"sb_secret_[\w-]{20,}", ""),
    ("telegram token", "AA", r"(?<=\d:)AA[\w-]{33}(?![\w-])", ""),
    ("twilio key", "SK", r"SK[a-f0-9]{32}(?!\w)", ""),
    ("vault token", "", r"hv[sb]\.[\w-]{24,}", "hvs."),
    ("vault token", "", r"hv[sb]\.[\w-]{24,}", "hvb."),
    ("xai key", "xa", r"xai-[A-Za-z0-9]{70,}", ""),
)


def _by_start() -> dict[str, tuple[Token, ...]]:
    found: dict[str, list[Token]] = defaultdict(list)
    for kind, starts, pattern, _ in _ROWS:
        for start in starts.split():
            found[start].append(Token(kind, re.compile(pattern, re.ASCII)))
    return {start: tuple(tokens) for start, tokens in found.items()}


BY_START: Final = _by_start()
"""The kinds of tokens by the first two characters of their run."""

AFTER: Final = tuple(
    Token(kind, re.compile(pattern, re.ASCII), before)
    for kind, _, pattern, before in _ROWS
    if before
)
"""The kinds of tokens whose run is preceded by a fixed text that belongs to the token."""

_LOOK: Final = re.compile(r"\(\?[=!][^)]*\)|(?P<behind>\(\?<=)(?P<kept>[^)]*)\)")
_OPEN: Final = re.compile(r"(?<=[\]d])(?:\+|(?P<least>\{\d+),\}).*")
"""Matches the first quantifier without a maximum, and the rest of the pattern."""


def _hint(pattern: str) -> str:
    """Return the start of a pattern of `_ROWS`, without what Rust's syntax does not have.

    It matches only texts of limited length, because it ends with the first quantifier that has no
    maximum. Texts that `(?<=` requires before a token become a part of the match.
    """
    known = _LOOK.sub(lambda look: look["kept"] or "", pattern)
    return _OPEN.sub(lambda found: f"{found['least']}}}" if found["least"] else "", known)


HINT: Final = "|".join(_hint(pattern) for _, _, pattern, _ in _ROWS)
"""A pattern in Rust's syntax, for ASCII texts. It matches all texts that contain a token, and some
others."""
