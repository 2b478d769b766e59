"""What ASVS asks for and no other test shows: of every answer, of passwords and tokens, and of the code as a whole."""

import ast
import gzip
import logging
import re
import ssl
import subprocess
import sys
from base64 import b32decode
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from pleo_export.service.page.access import passwords, second_factor, sessions
from pleo_export.service.page.access.errors import WeakPasswordError
from pleo_export.service.page.access.provider import ALGORITHMS
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.access.tokens import hashed, new_token
from pleo_export.service.settings import ServiceSettings
from tests.service.page.site import COMPANY, OTHER, Site
from tests.service.page.test_page_access_doors import PASSWORD, add, sign_in

SOURCE = Path(__file__).parents[2] / "src" / "pleo_export"
TEMPLATES = SOURCE / "service" / "page" / "templates"
# What is imported from where; whatever else may be exchanged without a look at the documentation of security.
CRYPTOGRAPHY = {
    "hashlib",
    "hmac",
    "secrets",
    "cryptography",
    "argon2",
    "joserfc",
    "authlib",
    "standardwebhooks",
    "ssl",
}
DANGEROUS = {"eval", "exec", "compile", "__import__"}
READS_OBJECTS = {"pickle", "marshal", "shelve", "yaml", "dill"}
READS_XML = {"xml", "lxml", "defusedxml", "xmltodict"}


def trees(without: tuple[str, ...] = ()) -> Iterator[tuple[Path, ast.Module]]:
    """The modules of the product, without those of some folders."""
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE)
        if name.parts[0] not in without:
            yield name, tree_of(path)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def calls(tree: ast.Module) -> list[tuple[str, ast.Call]]:
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.slow
def test_nothing_is_executed_that_was_text() -> None:
    for name, tree in trees():
        assert not imported(tree) & READS_OBJECTS, name
        for function, call in calls(tree):
            assert function not in DANGEROUS, (name, call.lineno)
            assert function not in {"os.system", "os.popen"}, (name, call.lineno)
            assert not function.endswith("from_string"), (name, call.lineno)
            shell = [key.value for key in call.keywords if key.arg == "shell"]
            assert not shell, (name, call.lineno)


@pytest.mark.slow
def test_no_xml_is_read() -> None:
    assert not [name for name, tree in trees() if imported(tree) & READS_XML]


def of_ours(query: ast.expr) -> bool:
    """Whether a query is one text, or one with nothing put in but constants of ours."""
    if isinstance(query, ast.JoinedStr):
        put_in = [part.value for part in query.values if isinstance(part, ast.FormattedValue)]
        return all(isinstance(part, ast.Name) and part.id.isupper() for part in put_in)
    # This one chooses between two names of ours, by the kind of database.
    chosen = ast.unparse(query) == "statement.format(key=KEYS[self._engine.dialect.name])"
    return chosen or isinstance(query, ast.Constant | ast.Name)


@pytest.mark.slow
def test_no_query_is_put_together_from_texts() -> None:
    """A text that is sent to a database as it is stands in the code as a whole."""
    found = 0
    for name, tree in trees():
        for function, call in calls(tree):
            if function in {"text", "sqlalchemy.text", "connection.exec_driver_sql"} and call.args:
                found += 1
                assert of_ours(call.args[0]), (name, call.lineno, ast.unparse(call))
    assert found > 0


@pytest.mark.slow
def test_no_text_of_others_is_a_format() -> None:
    """`format` is called on texts of ours only: constants, by name or in place."""
    for name, tree in trees(without=("simulator",)):
        for function, call in calls(tree):
            if function.endswith((".format", ".format_map")):
                assert isinstance(call.func, ast.Attribute)
                assert "request" not in ast.unparse(call.func.value), (name, call.lineno)


def escaped(pattern: ast.expr) -> bool:
    """Whether a pattern is a text of ours, with nothing put in but constants of ours and what was escaped."""
    if isinstance(pattern, ast.JoinedStr):
        put_in = [part.value for part in pattern.values if isinstance(part, ast.FormattedValue)]
        return all(
            (isinstance(part, ast.Name) and part.id.isupper())
            or (isinstance(part, ast.Call) and ast.unparse(part.func) == "re.escape")
            for part in put_in
        )
    return isinstance(pattern, ast.Constant)


def test_no_text_of_others_stands_unescaped_in_a_regular_expression() -> None:
    """What is not written there as a whole is one of these, which are made of constants of ours alone."""
    ours = {
        # Each of a tuple of constants.
        ("observe/redaction.py", "re.compile(pattern, re.DOTALL)"),
        ("observe/redaction.py", "re.compile(pattern)"),
        # The remedy's sentence of the catalogue, put together of escaped parts.
        ("service/page/words.py", "re.compile(f'(.+?) ({remedy})', re.DOTALL)"),
    }
    found = {
        (str(name), ast.unparse(call))
        for name, tree in trees(without=("simulator", "testing"))
        for function, call in calls(tree)
        if function.startswith("re.") and function != "re.escape" and call.args and not escaped(call.args[0])
    }
    assert found == ours


@pytest.mark.slow
def test_cryptography_is_imported_where_it_is_listed() -> None:
    """All of it comes from libraries of the field; no weak hash and no weak mode is named anywhere."""
    weak = re.compile(r"\b(md5|sha1|MD5|SHA1|ECB|PKCS1v15|DES|RC4)\b")
    used: set[str] = set()
    for name, tree in trees(without=("simulator", "testing")):
        used |= imported(tree) & CRYPTOGRAPHY
        named = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)}
        assert not [one for one in named if weak.search(one)], name
        texts = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        # The codes of apps (RFC 6238) are HMAC-SHA-1, which is no signature and of no use without the secret.
        allowed = {"'sha1'"} if name.name == "second_factor.py" else set[str]()
        assert {
            text for text in texts if re.fullmatch(r"'(md5|sha1|des|rc4)'", text, re.IGNORECASE)
        } == allowed, name
    assert {"hashlib", "hmac", "secrets", "cryptography", "argon2", "joserfc"} <= used


def test_only_signatures_with_a_public_key_are_believed() -> None:
    assert all(re.fullmatch(r"(RS|PS|ES)(256|384|512)", algorithm) for algorithm in ALGORITHMS)


def test_tokens_are_long_random_and_kept_as_a_hash() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(len(token) >= 43 for token in tokens)  # 256 bits in Base64
    assert all(hashed(token) != token and len(hashed(token)) == 64 for token in tokens)


async def test_a_password_is_kept_by_argon2_with_todays_parameters() -> None:
    found = extract_parameters(await passwords.hash_of(PASSWORD))
    assert found.type is Type.ID
    assert (found.memory_cost, found.time_cost) >= (19 * 1024, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "password",
    [
        "a b c d e f g h i",
        "ÄÖÜ-ééé-çß-字符-🙂🙂",
        "Trailing blank counts ",
        "x1-" * 340 + "y" + "zw",
        "all lower case words",
    ],
)
async def test_a_password_of_any_characters_and_length_is_taken_as_it_is(password: str) -> None:
    passwords.require_strong(password, "anna@example.com")
    kept = await passwords.hash_of(password)
    assert await passwords.matches(kept, password)
    assert not await passwords.matches(kept, password[:-1])
    assert not await passwords.matches(kept, password.swapcase() + "x")


@pytest.mark.parametrize(
    "password",
    [
        "pleo-export-1",
        "anna@example.com",
        "annaannaanna",
        "Password1234",
        "aaaaaaaaaaaa",
        "pleopleopleo123",
        "welcome-admin!",
    ],
)
def test_a_password_that_is_made_of_what_everybody_knows_is_refused(password: str) -> None:
    with pytest.raises(WeakPasswordError, match="nobody guesses"):
        passwords.require_strong(password, "anna@example.com")


def test_passwords_that_breaches_have_shown_are_refused_in_whatever_case() -> None:
    """At least the 3,000 commonest of those that are long enough; the list has them in their order."""
    with gzip.open(passwords.COMMON, "rt", encoding="utf-8") as lines:
        listed = lines.read().splitlines()
    assert len(listed) == len(set(listed)) > 40_000
    assert all(len(one) >= passwords.PASSWORD_CHARACTERS_MIN for one in listed)
    for password in (listed[0], listed[2999].upper(), listed[-1].title()):
        with pytest.raises(WeakPasswordError):
            passwords.require_strong(password, "anna@example.com")
    for password in ("1qaz2wsx3edc", "Qwerty123456", "Sonyericsson"):
        with pytest.raises(WeakPasswordError, match="breaches"):
            passwords.require_strong(password, "anna@example.com")


def fields(template: str) -> list[str]:
    return re.findall(r"<input[^>]*>", (TEMPLATES / template).read_text(encoding="utf-8"))


def test_password_fields_mask_and_let_paste_and_managers_work() -> None:
    found = [
        field
        for name in ("sign_in.html", "welcome.html", "account.html", "second_factor.html")
        for field in fields(name)
        if "password" in field
    ]
    assert len(found) == 7
    for field in found:
        assert 'type="password"' in field
        assert re.search(r'autocomplete="(current|new)-password"', field)
        assert "onpaste" not in field
    asked = {
        one
        for path in TEMPLATES.glob("*.html")
        for one in re.findall(r'name="(\w+)"', path.read_text("utf-8"))
    }
    assert not asked & {"question", "hint", "mother", "pet"}


def test_every_form_with_a_secret_is_posted() -> None:
    for path in TEMPLATES.glob("*.html"):
        for form in re.findall(r"<form.*?</form>", path.read_text(encoding="utf-8"), re.DOTALL):
            if 'type="password"' in form or "csrf" in form:
                assert 'method="post"' in form, path.name


def test_no_template_has_a_script_or_a_style_of_its_own() -> None:
    for path in TEMPLATES.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:|\|\s*safe\b", text
        ), path.name
        assert not re.search(r"<(object|embed|applet|iframe)\b", text), path.name


def test_scripts_of_ours_store_nothing_and_make_no_markup() -> None:
    """There is one. What moves on the page is htmx, as it was published, which may not evaluate anything."""
    assets = SOURCE / "service" / "page" / "assets"
    scripts = {path.name for path in assets.rglob("*.js")}
    assert scripts == {"live.js", "htmx-2.0.11.min.js", "htmx-sse-2.2.4.min.js"}
    ours = (assets / "live.js").read_text(encoding="utf-8")
    assert not re.search(r"Storage|cookie|indexedDB|caches|HTML|eval|Function|fetch|__proto__", ours)
    base = (TEMPLATES / "base.html").read_text(encoding="utf-8")
    assert '"allowEval": false' in base
    assert '"selfRequestsOnly": true' in base
    # htmx keeps pages it has shown where it is told to push addresses; none is.
    assert not [path.name for path in TEMPLATES.glob("*.html") if "hx-push-url" in path.read_text("utf-8")]


@pytest.mark.slow
def test_every_cookie_is_bound_to_this_host_and_kept_from_scripts() -> None:
    found = [
        call
        for _, tree in trees(without=("simulator",))
        for name, call in calls(tree)
        if name.endswith(".set_cookie")
    ]
    assert len(found) == 3
    for call in found:
        said = {key.arg: ast.unparse(key.value) for key in call.keywords}
        assert (said["secure"], said["httponly"], said["samesite"], said["path"]) == (
            "True",
            "True",
            "'lax'",
            "'/'",
        )
        assert "domain" not in said
    names = [
        ast.literal_eval(node.value)
        for _, tree in trees(without=("simulator",))
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COOKIE"
    ]
    assert len(names) == 3
    assert all(name.startswith("__Host-") for name in names)
    assert sessions.COOKIE in names


@pytest.mark.slow
async def test_every_answer_keeps_browsers_on_https(site: Site) -> None:
    browser = await site.owner()
    for path in (
        "/",
        "/sign-in",
        f"/companies/{COMPANY}",
        "/nowhere",
        "/healthz",
        "/assets/style.css",
        "/%00",
    ):
        headers = (await browser.get(path)).headers
        seconds = re.match(r"max-age=(\d+); includeSubDomains", headers["strict-transport-security"])
        assert seconds
        assert int(seconds[1]) >= 365 * 24 * 3600
        assert headers["cache-control"] == ("no-cache" if path.startswith("/assets/") else "no-store")


@pytest.mark.slow
async def test_no_other_site_may_read_an_answer(site: Site) -> None:
    browser = await site.owner()
    for path in ("/", "/sign-in", "/healthz", "/api/openapi.json", "/assets/style.css"):
        answer = await browser.get(
            path, headers={"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
        )
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_signing_out_is_on_every_page(site: Site) -> None:
    browser = await site.owner()
    for path in ("/", "/users", f"/companies/{COMPANY}", f"/companies/{COMPANY}/audit"):
        assert 'action="/sign-out"' in (await browser.get(path)).text, path


async def test_a_download_is_named_by_us(site: Site) -> None:
    browser = await site.owner()
    answer = await browser.get(f"/companies/{COMPANY}/diagnostics.zip")
    named = answer.headers.get("content-disposition", "")
    assert re.fullmatch(r'attachment; filename="[\w.-]+"', named), (answer.status_code, named)


async def test_signing_in_and_failing_to_are_noted(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    await add(site)
    browser = await site.browser()
    with caplog.at_level(logging.WARNING):
        await sign_in(browser, password="something else entirely")
    assert "a sign-in from 127.0.0.1 was refused: RefusedSignInError" in caplog.text
    assert "anna" not in caplog.text
    await sign_in(browser)
    (action,) = await site.store.actions(None, 9)
    assert action.action == "signed in"


async def test_what_a_visitor_may_not_do_is_logged_without_a_name(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    browser = await site.signed_in(Role.VIEWER, "anna@example.com")
    with caplog.at_level(logging.WARNING):
        await browser.post(f"/companies/{COMPANY}/pause", headers={"X-CSRF-Token": browser.csrf})
        await browser.post(f"/companies/{COMPANY}/pause", headers={"X-CSRF-Token": "0" * 64})
        await browser.get(f"/companies/{OTHER}")
    told = [record.getMessage() for record in caplog.records if "was refused" in record.getMessage()]
    assert [line.rpartition(": ")[2] for line in told] == [
        "NotAllowedError",
        "CrossSiteError",
        "NotHereError",
    ]
    assert not [line for line in told if "anna" in line or COMPANY in line or OTHER in line]


@pytest.mark.slow
async def test_the_service_says_nothing_of_itself_that_it_need_not(site: Site) -> None:
    assert not site.app.debug
    assert (site.app.docs_url, site.app.redoc_url) == (None, None)
    answer = await (await site.browser()).get("/healthz")
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers
    (run,) = [tree for name, tree in trees() if str(name) == "service/run.py"]
    said = {key.arg: ast.unparse(key.value) for _, call in calls(run) for key in call.keywords}
    assert said["server_header"] == "False"


@pytest.mark.slow
def test_calls_go_out_by_tls_12_or_newer_with_certificates_checked() -> None:
    """Nobody turns the check off, and what is used without a word is good."""
    for name, tree in trees():
        for _, call in calls(tree):
            said = {key.arg: ast.unparse(key.value) for key in call.keywords}
            assert said.get("verify") != "False", (name, call.lineno)
            assert said.get("ssl") != "False", (name, call.lineno)
        assert not [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in {"CERT_NONE", "_create_unverified_context"}
        ], name
    usual = ssl.create_default_context()
    assert usual.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert usual.verify_mode is ssl.CERT_REQUIRED
    assert usual.check_hostname


def test_second_factors_are_random_and_recovery_codes_too_long_to_be_tried() -> None:
    secrets = {second_factor.new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(len(b32decode(secret)) * 8 >= 160 for secret in secrets)
    codes = {code for _ in range(100) for code in second_factor.new_recovery_codes()}
    assert len(codes) == 1000
    # 24 signs of 32 different ones: more than 112 bits, so that SHA-256 is enough for keeping them.
    assert all(re.fullmatch(r"([a-z2-7]{6}-){3}[a-z2-7]{6}", code) for code in codes)
    assert len({second_factor.kept_of(code) for code in codes}) == 1000


def test_no_secret_has_a_default() -> None:
    secret = {
        name: field
        for name, field in ServiceSettings.model_fields.items()
        if re.search(r"secret|token|password|smtp_url", name)
    }
    assert len(secret) >= 5
    assert {name: field.default for name, field in secret.items()} == dict.fromkeys(secret)


def test_the_image_holds_no_source_control_and_runs_as_nobody_special() -> None:
    text = (SOURCE.parents[1] / "deploy" / "Containerfile").read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE)
    assert {name for line in copied for name in line.split()} == {
        "pyproject.toml",
        "uv.lock",
        "README.md",
        "LICENSE",
        "src",
    }
    assert re.findall(r"^USER (\d+)$", text, re.MULTILINE) == ["10001"]
    assert text.count("uv sync --frozen") == 2


@pytest.mark.slow
def test_the_service_imports_no_simulator_and_no_test_code() -> None:
    code = (
        "import sys, pleo_export.service.run;"
        "print([name for name in sys.modules if name.startswith(('pleo_export.simulator', 'pleo_export.testing', 'pytest'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
