"""Sixty invented secrets of twenty kinds, and ten thousand lines that have none.

The secrets are assembled when the tests run, so that no scanner of repositories finds one here.
Each stands in a line such as a session log has: a command, its output, a file, a request.
"""

import base64
import json
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

LINES: Final = 10_000

_ROOT: Final = Path(__file__).parents[3]
_UPPER: Final = string.ascii_uppercase + string.digits
_LETTERS: Final = string.ascii_letters + string.digits
_HEX: Final = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Invented:
    """An invented secret.

    Attributes:
        kind: what it is, such as `npm`.
        secret: the part that must not remain.
        text: the line or lines that contain it.
    """

    kind: str
    secret: str
    text: str


def secrets() -> list[Invented]:
    """Return sixty secrets: three of each kind, each in another context."""
    random = Random(16)
    return [
        Invented(kind, secret, context.replace("@@", secret))
        for kind, make, *contexts in _kinds()
        for context in contexts
        for secret in [make(random)]
    ]


def innocent() -> list[str]:
    """Return ten thousand lines of code, prose and logs without a secret."""
    bait = list(_bait(Random(17)))
    pins = _lines("bench/peers/node/package-lock.json", ".ci/requirements.txt")[:1_500]
    prose = _lines("README.md", "CHANGELOG.md", *(str(path) for path in sorted(_below("docs"))))
    code = _lines(*(str(path) for path in sorted(_below("server"))))
    found = [*bait, *pins, *prose[:2_200]]
    return [*found, *code[: LINES - len(found)]]


def _below(folder: str) -> Iterator[Path]:
    suffix = "*.md" if folder == "docs" else "*.py"
    return (path.relative_to(_ROOT) for path in (_ROOT / folder).rglob(suffix))


def _lines(*paths: str) -> list[str]:
    return [line for path in paths for line in (_ROOT / path).read_text("utf-8").splitlines()]


def _some(random: Random, alphabet: str, length: int) -> str:
    return "".join(random.choices(alphabet, k=length))


def _jwt(random: Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"sub": _some(random, string.digits, 10), "iat": 1_516_239_022}
    head = {"alg": "HS256", "typ": "JWT"}
    return f"{part(head)}.{part(claims)}.{_some(random, _LETTERS + '-_', 43)}"


def _private_key(random: Random) -> str:
    body = "\n".join(_some(random, _LETTERS + "+/", 64) for _ in range(12))
    name = random.choice(["RSA ", "EC ", "OPENSSH ", ""]) + "PRIVATE" + " KEY"
    return f"-----BEGIN {name}-----\n{body}\n-----END {name}-----"


def _password(random: Random) -> str:
    words = ["harbor", "Velvet", "quartz", "Thunder", "maple", "Orbit"]
    return random.choice(words) + random.choice("!#$%*-_") + _some(random, _LETTERS, 8)


def _of(prefix: str, alphabet: str, length: int) -> Callable[[Random], str]:
    return lambda random: prefix + _some(random, alphabet, length)


def _twilio(random: Random) -> str:
    return "S" + "K" + _some(random, _HEX, 32)


def _sendgrid(random: Random) -> str:
    return f"S{'G'}.{_some(random, _LETTERS, 22)}.{_some(random, _LETTERS + '-_', 43)}"


def _azure(random: Random) -> str:
    return base64.b64encode(random.randbytes(64)).decode()


def _slack(random: Random) -> str:
    digits = string.digits
    numbers = f"{_some(random, digits, 12)}-{_some(random, digits, 12)}"
    return f"xox{'b'}-{numbers}-{_some(random, _LETTERS, 24)}"


def _kinds() -> list[tuple[str, Callable[[Random], str], str, str, str]]:
    """Return each kind with its generator, and three texts in which `@@` is the secret."""
    return [
        (
            "aws-id",
            _of("AK" + "IA", _UPPER[:26] + "234567", 16),
            "aws_access_key_id = @@",
            'export AWS_ACCESS_KEY_ID="@@"',
            "The key that CI uses is @@, and it was made in March.",
        ),
        (
            "aws-secret",
            _of("", _LETTERS + "+/", 40),
            "aws_secret_access_key = @@",
            "AWS_SECRET_ACCESS_KEY=@@ terraform plan",
            'provider "aws" {\n  access_key = var.id\n  secret_key = "@@"\n}',
        ),
        (
            "github",
            _of("gh" + "p_", _LETTERS, 36),
            "git clone https://x-access-token:@@@github.com/acme/site.git",
            "gh auth login --with-token <<< @@",
            '{"GITHUB_TOKEN": "@@"}',
        ),
        (
            "gitlab",
            _of("gl" + "pat-", _LETTERS + "-_", 20),
            "curl --header 'PRIVATE-TOKEN: @@' https://gitlab.example.com/api/v4/projects",
            "  GITLAB_TOKEN: @@",
            "I rotated @@ just now",
        ),
        (
            "slack",
            _slack,
            "SLACK_BOT_TOKEN=@@",
            'app = App(token="@@")',
            "it says invalid_auth for @@",
        ),
        (
            "stripe",
            _of("sk" + "_live_", _LETTERS, 24),
            "stripe.api_key = '@@'",
            "curl https://api.stripe.com/v1/charges -u @@:",
            "STRIPE_SECRET_KEY=@@",
        ),
        (
            "openai",
            _of("sk" + "-proj-", _LETTERS + "-_", 74),
            'client = OpenAI(api_key="@@")',
            "OPENAI_API_KEY=@@",
            "Incorrect API key provided: @@. You can find your key in the settings.",
        ),
        (
            "anthropic",
            _of("sk" + "-ant-api03-", _LETTERS + "-_", 93),
            "export ANTHROPIC_API_KEY=@@",
            "curl -H 'x-api-key: @@' https://api.example.com/v1/messages",
            r'{"command": "echo \"key=@@\" >> .env"}',
        ),
        (
            "google",
            _of("AI" + "za", _LETTERS + "-_", 35),
            "https://maps.example.com/api/js?key=@@&callback=init",
            'const firebaseConfig = { apiKey: "@@" };',
            "GOOGLE_API_KEY=@@",
        ),
        (
            "jwt",
            _jwt,
            "Cookie: session=@@; Path=/",
            "access token: @@",
            'const anon = "@@"',
        ),
        (
            "private-key",
            _private_key,
            "$ cat id_rsa\n@@",
            'key = """@@"""',
            "    1\t@@\n    2\t",
        ),
        (
            "bearer",
            _of("", _LETTERS, 40),
            "Authorization: Bearer @@",
            "curl -H 'authorization: bearer @@' https://api.example.com/me",
            'headers = {"Authorization": "Bearer @@"}',
        ),
        (
            "url-password",
            _password,
            "https://deploy:@@@registry.example.com/simple",
            "git remote add origin https://anna:@@@git.example.com/a.git",
            "curl ftp://backup:@@@files.example.com/dump.gz",
        ),
        (
            "connection-string",
            _password,
            "DATABASE_URL=postgres://app:@@@db.internal:5432/app",
            "mongodb+srv://root:@@@cluster0.example.net/test?retryWrites=true",
            "Server=tcp:db.example.net,1433;Database=app;User ID=sa;Password=@@;Encrypt=True;",
        ),
        (
            "env",
            _password,
            "DB_PASSWORD=@@",
            "  MYSQL_ROOT_PASSWORD: @@",
            "SECRET_KEY='@@'",
        ),
        (
            "npm",
            _of("np" + "m_", _LETTERS, 36),
            "//registry.example.com/:_authToken=@@",
            "NPM_TOKEN=@@ npm publish",
            "npm ERR! 403 with @@",
        ),
        (
            "pypi",
            _of("py" + "pi-AgEIcHlwaS5vcmc", _LETTERS + "-_", 120),
            "password = @@",
            "twine upload -u __token__ -p @@ dist/*",
            "UV_PUBLISH_TOKEN=@@",
        ),
        (
            "sendgrid",
            _sendgrid,
            "SENDGRID_API_KEY=@@",
            "sgMail.setApiKey('@@')",
            "the old one was @@",
        ),
        (
            "twilio",
            _twilio,
            "TWILIO_API_KEY=@@",
            'client = Client("@@", secret)',
            "twilio login @@",
        ),
        (
            "azure",
            _azure,
            "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=@@;EndpointSuffix=x",
            'AZURE_STORAGE_KEY="@@"',
            "az storage blob list --account-key @@",
        ),
    ]


def _bait(random: Random) -> Iterator[str]:
    """Yield lines that look as if they had a secret, and have none."""
    for _ in range(16):
        sha1, sha256 = _some(random, _HEX, 40), _some(random, _HEX, 64)
        word = random.choice(["harbor", "velvet", "quartz", "maple", "orbit"])
        number = random.randrange(10_000)
        b64 = base64.b64encode(random.randbytes(66)).decode()
        uuid = f"{sha1[:8]}-{sha1[8:12]}-4{sha1[13:16]}-a{sha1[17:20]}-{sha1[20:32]}"
        yield from (
            f"commit {sha1}",
            f"index {sha1[:7]}..{sha256[:7]} 100644",
            f"sha256:{sha256}  {word}.tar.gz",
            f'"integrity": "sha512-{b64}",',
            f'{{"sessionId": "{uuid}", "requestId": "req_{sha1[:24]}", "id": "msg_{b64[:22]}"}}',
            f"<img src='data:image/png;base64,{b64}'>",
            f"tokens used: {number}; max_tokens={number}, token_count: {number}",
            f'token = os.environ["{word.upper()}_TOKEN"]',
            f'password = getpass.getpass("Password for {word}: ")',
            f"const apiKey = process.env.{word.upper()}_API_KEY;",
            f"api_key: str = Field(description='the key of {word}')",
            f"api_key=settings.{word}_api_key,",
            f"{word.upper()}_API_KEY=",
            f"{word.upper()}_TOKEN=your-token-here",
            f"{word.upper()}_SECRET=changeme",
            f"PASSWORD=<your {word} password>",
            "OPENAI_API_KEY=sk-...",
            "ANTHROPIC_API_KEY=sk-ant-...",
            "export API_KEY=$(pass show work/api)",
            f"password: ${{{{ secrets.{word.upper()}_PASSWORD }}}}",
            f"  secretName: {word}-tls-secret",
            f"  secretKeyRef: {{name: {word}, key: password}}",
            "Authorization: Bearer $TOKEN",
            'headers["Authorization"] = f"Bearer {token}"',
            f"https://{word}.example.com/a/b?next_token={number}&page_token=abc",
            f"https://user@{word}.example.com/path and user:password pairs",
            "postgres://user:password@localhost:5432/app",
            "postgres://postgres:postgres@localhost/test",
            "redis://:@localhost:6379/0",
            "mysql://root:${DB_PASSWORD}@db/app",
            f"if token == '{word}':",
            f"secret_{word} = compute_secret({word})",
            f"The password of {word} must have at least 12 characters and one digit.",
            f"password: string; // of {word}",
            f"passwordResetTokenExpiresInMinutes: {number}",
            'PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]',
            f'"next_page_token": "{word}_{number}"',
            f"assert secret != {word}",
            f"key = '{sha256}'",
            f'etag: "{sha1[:32]}"',
            f"cache-key: linux-{word}-{sha256}",
            f"X-Request-Id: {uuid}",
            f"docker pull {word}@sha256:{sha256}",
            f"arn:aws:iam::123456789012:role/{word}-{number}",
            "if pem.startswith('-----BEGIN PRIVATE KEY-----'): return load(pem)",
            f"sk-{word}-{number}",
            f"npm_config_{word}_{number}=true npm_package_version=1.0.0",
            f"risk-adjusted task-{word}-{sha1[:12]} disk-usage",
            f"/home/{word}/{b64[:20].replace('/', 'x')}/token.json",
            f"auth: {{ type: 'bearer', token: '{{{{ {word}_token }}}}' }}",
        )
