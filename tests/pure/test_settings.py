"""What the environment says, and what is refused without showing it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowctl.errors import InputError
from flowctl.model import Channel
from flowctl.settings import Secret, Settings

TWILIO = {
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "token",
    "TWILIO_FROM_NUMBER": "+14155550100",
}
EMAIL = {"SMTP_URL": "smtps://user:word@smtp.example.com:465", "EMAIL_FROM": "news@acme.example"}


def test_nothing_set_configures_nothing_and_says_what_is_missing() -> None:
    settings = Settings.from_env({"PATH": "/bin", "SMTP_URL": " ", "TWILIO_ACCOUNT_SID": ""})

    assert settings.database_url is None
    assert settings.smtp is None
    assert settings.twilio is None
    assert settings.max_per_hour is None
    assert settings.missing[Channel.EMAIL] == ("SMTP_URL", "EMAIL_FROM")
    assert settings.missing[Channel.TEXT] == (
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "TWILIO_FROM_NUMBER or TWILIO_MESSAGING_SERVICE_SID",
    )


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        (TWILIO, ()),
        ({**TWILIO, "TWILIO_AUTH_TOKEN": ""}, ("TWILIO_AUTH_TOKEN",)),
        ({**TWILIO, "TWILIO_AUTH_TOKEN": "", "TWILIO_API_KEY": "SK"}, ("TWILIO_API_SECRET",)),
        ({**TWILIO, "TWILIO_AUTH_TOKEN": "", "TWILIO_API_SECRET": "s"}, ("TWILIO_API_KEY",)),
        ({**TWILIO, "TWILIO_API_KEY": "SK"}, ()),
        ({**TWILIO, "TWILIO_ACCOUNT_SID": ""}, ("TWILIO_ACCOUNT_SID",)),
    ],
)
def test_half_an_account_is_none(environ: dict[str, str], missing: tuple[str, ...]) -> None:
    settings = Settings.from_env(environ)

    assert settings.missing[Channel.TEXT] == missing
    assert (settings.twilio is None) == bool(missing)


def test_an_api_key_is_used_where_it_is_whole() -> None:
    environ = {**TWILIO, "TWILIO_API_KEY": "SK1", "TWILIO_API_SECRET": "s3"}
    twilio = Settings.from_env(environ).twilio

    assert twilio is not None
    assert (twilio.account_sid, twilio.username, twilio.password.reveal()) == ("AC1", "SK1", "s3")


def test_a_server_without_a_sender_sends_nothing() -> None:
    settings = Settings.from_env({"SMTP_URL": EMAIL["SMTP_URL"]})

    assert settings.smtp is None
    assert settings.missing[Channel.EMAIL] == ("EMAIL_FROM",)
    assert Settings.from_env({"EMAIL_FROM": "a@b.example"}).email.sender is not None


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "user", "password"),
    [
        ("smtps://u:p@h.example", "h.example", 465, "implicit", "u", "p"),
        ("smtp://u:p@h.example", "h.example", 587, "starttls", "u", "p"),
        ("SMTP://h.example:2525/", "h.example", 2525, "starttls", None, None),
        ("smtp://h.example:25?starttls=never", "h.example", 25, "none", None, None),
        ("smtp://u:p@localhost:25", "localhost", 25, "none", "u", "p"),
        ("smtp://u:p@127.0.0.9:25", "127.0.0.9", 25, "none", "u", "p"),
        ("smtp://[::1]:25", "::1", 25, "none", None, None),
        ("smtp://localhost:25?cafile=%2Fca.pem", "localhost", 25, "starttls", None, None),
        ("smtps://me@x.com:p@ss:w%2Frd@h.example:1", "h.example", 1, "implicit", "me@x.com",
         "p@ss:w/rd"),
        ("smtps://u:%C3%BC%25@h.example", "h.example", 465, "implicit", "u", "ü%"),
    ],
)  # fmt: skip
def test_an_smtp_url_is_read(  # noqa: PLR0917 - one row of the table
    url: str, host: str, port: int, tls: str, user: str | None, password: str | None
) -> None:
    smtp = Settings.from_env({**EMAIL, "SMTP_URL": url}).smtp

    assert smtp is not None
    assert (smtp.host, smtp.port, smtp.tls, smtp.username) == (host, port, tls, user)
    assert (smtp.password.reveal() if smtp.password else None) == password
    assert smtp.cafile == (Path("/ca.pem") if "cafile" in url else None)


SECRET = "Xyzzy"  # noqa: S105 - what must not show


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", f"smtps://u:{SECRET}%zz@h.example"),
        ("SMTP_URL", f"smtps://u:{SECRET}%ff@h.example"),
        ("SMTP_URL", f"smtps://u:{SECRET}%0a@h.example"),
        ("SMTP_URL", f"smtps://u:a#{SECRET}@h.example"),
        ("SMTP_URL", f"smtps://u:a?{SECRET}=1@h.example"),
        ("SMTP_URL", f"smtps://u:{SECRET} @h.example"),
        ("SMTP_URL", f"smtps://u:{SECRET}@h.example:port"),
        ("SMTP_URL", f"smtps://u:{SECRET}@h.example:70000"),
        ("SMTP_URL", f"smtps://u:{SECRET}@"),
        ("SMTP_URL", f"smtps://u:{SECRET}"),
        ("SMTP_URL", f"smtps://{SECRET}@h.example"),
        ("SMTP_URL", f"smtps://u:p@h.example/{SECRET}"),
        ("SMTP_URL", f"smtps://u:p@h.example?{SECRET.lower()}=1"),
        ("SMTP_URL", f"smtps://u:{SECRET}@h.example?starttls=never"),
        ("SMTP_URL", f"smtp://u:{SECRET}@h.example?starttls=never"),
        ("SMTP_URL", f"smtp://u:{SECRET}@h.example?starttls=no"),
        ("SMTP_URL", f"imap://u:{SECRET}@h.example"),
        ("SMTP_URL", SECRET),
        ("DATABASE_URL", f"postgresql://u:{SECRET}%zz@h/db"),
        ("DATABASE_URL", f"postgresql://u:a@{SECRET}@h/db"),
        ("DATABASE_URL", f"postgresql://u:{SECRET}/a@h/db"),
        ("DATABASE_URL", f"postgres://u:a:{SECRET}\n@h/db"),
        ("DATABASE_URL", f"mysql://u:{SECRET}@h/db"),
        ("DATABASE_URL", SECRET),
        ("TWILIO_AUTH_TOKEN", f"{SECRET}ü"),
        ("TWILIO_API_URL", f"https://u:{SECRET}@api.example.com"),
        ("TWILIO_API_URL", f"https://api.example.com/?key={SECRET}"),
        ("TWILIO_API_URL", f"https://[{SECRET}"),
        ("TWILIO_API_URL", "http://api.example.com"),
        ("TWILIO_API_URL", "api.example.com"),
        ("TWILIO_ACCOUNT_SID", "AC1/../x"),
        ("EMAIL_FROM", "a@b.example, c@d.example"),
        ("EMAIL_FROM", "Acme <a@b.example"),
        ("EMAIL_FROM", "Acme\r\nBcc: x <a@b.example>"),
        ("EMAIL_FROM", "jörg@b.example"),
        ("EMAIL_FROM", "nobody"),
        ("EMAIL_REPLY_TO", "a@"),
        ("EMAIL_UNSUBSCRIBE", "http://example.com"),
        ("EMAIL_RETURN_PATH", "bounces"),
        ("EMAIL_RETURN_PATH", "Bounces <bounces@example.com>"),
        ("EMAIL_RETURN_PATH", "{lead_id}@example.com"),
        ("EMAIL_RETURN_PATH", "a-local-part-of-more-than-28-{message_id}@example.com"),
        ("MAILBOX_URL", f"imaps://u:{SECRET}%zz@h.example"),
        ("MAILBOX_URL", f"imaps://u:a#{SECRET}@h.example/INBOX"),
        ("MAILBOX_URL", f"imaps://u:{SECRET}@h.example:70000"),
        ("MAILBOX_URL", f"imaps://u:p@h.example/INBOX?{SECRET.lower()}=1"),
        ("MAILBOX_URL", f"https://u:{SECRET}@h.example"),
        ("MAILBOX_URL", "imaps://h.example/INBOX"),
        ("MAILBOX_URL", SECRET),
        ("EMAIL_UNSUBSCRIBE", "https://example.com/{token}"),
        ("EMAIL_UNSUBSCRIBE", "https://example.com/ a"),
        ("EMAIL_UNSUBSCRIBE", "mailto:unsubscribe"),
        ("EMAIL_UNSUBSCRIBE", "https://example.com/a,https://example.com/b"),
        ("EMAIL_UNSUBSCRIBE", "mailto:a@example.com, mailto:b@example.com"),
        ("SMTP_URL", f"smtps://u:{SECRET}@h.example?mails=0"),
        ("SMTP_URL", f"smtps://u:{SECRET}@h.example?mails=many"),
        ("FLOWCTL_ONLY_TO", "ada"),
        ("FLOWCTL_ONLY_TO", ","),
        ("EMAIL_HEADERS", "no colon"),
        ("EMAIL_HEADERS", "X Y: no"),
        ("EMAIL_HEADERS", "bcc: x@example.com"),
        ("EMAIL_HEADERS", "X-A: {secret}"),
        ("EMAIL_HEADERS", "X-A: 1\nx-a: 2"),
        ("EMAIL_HEADERS", '{"X-A": 1}'),
        ("EMAIL_HEADERS", '{"X-A": "a\\nb"}'),
        ("EMAIL_HEADERS", "{X-A"),
        ("FLOWCTL_DEFAULT_REGION", "UK"),
        ("FLOWCTL_TEXT_COUNTRIES", "US,America"),
        ("FLOWCTL_MAX_PER_HOUR", "0"),
        ("FLOWCTL_MAX_PER_HOUR", "many"),
        ("FLOWCTL_MAX_PER_HOUR", "-5"),
    ],
)
def test_what_is_malformed_is_named_and_never_shown(name: str, value: str) -> None:
    with pytest.raises(InputError) as refused:
        Settings.from_env({**EMAIL, **TWILIO, name: value})

    shown = f"{refused.value.message} {refused.value.hint}"
    assert name in refused.value.message
    assert refused.value.hint
    assert SECRET.lower() not in shown.lower()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p%40ss@db.example:5432/db?sslmode=require",
        "postgres://u.ref:p?#&@pool.example:6543/postgres",
        "postgresql://%2Ftmp%2Fsockets/db",
        "postgresql:///db?host=/tmp",
        "postgresql://a,b:5433,[::1]:5434/db",
        "host=localhost dbname=db password='a b'",
    ],
)
def test_a_connection_string_of_libpq_is_left_as_it_is(url: str) -> None:
    database_url = Settings.from_env({"DATABASE_URL": f" {url}\n"}).database_url

    assert database_url is not None
    assert database_url.reveal() == url


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=3))
def test_no_error_about_a_url_shows_its_password(password: str) -> None:
    for name, scheme in (("SMTP_URL", "smtps"), ("DATABASE_URL", "postgresql")):
        try:
            Settings.from_env({name: f"{scheme}://user:zq{password}qz@host.example:25/"})
        except InputError as error:
            shown = f"{error.message} {error.hint}"
            assert f"zq{password}" not in shown
            assert f"{password}qz" not in shown


def test_a_secret_shows_nowhere() -> None:
    settings = Settings.from_env({
        "SMTP_URL": f"smtps://u:{SECRET}@smtp.example.com",
        "EMAIL_FROM": "news@acme.example",
        **TWILIO,
        "TWILIO_AUTH_TOKEN": SECRET,
        "DATABASE_URL": f"postgresql://u:{SECRET}@h/d",
    })  # fmt: skip

    assert settings.smtp is not None
    assert settings.twilio is not None
    assert SECRET not in repr(settings)
    assert str(Secret(SECRET)) == f"{Secret(SECRET)}" == "Secret(***)"


def test_the_rest_is_read_as_people_write_it() -> None:
    settings = Settings.from_env({
        "FLOWCTL_DEFAULT_REGION": "us",
        "FLOWCTL_TEXT_COUNTRIES": "us, CA ,gb",
        "FLOWCTL_MAX_PER_HOUR": "500",
        "FLOWCTL_DATA_DIR": "/srv/flow data",
        "EMAIL_FROM": "Acme, Inc. <news@bücher.example>",
        "EMAIL_REPLY_TO": '"Ada \\"Countess\\"" <ada@acme.example>',
        "EMAIL_UNSUBSCRIBE": "<https://acme.example/u?a,{message_id}>, mailto:u@acme.example",
        "EMAIL_HEADERS": "X-One: a: b\n\nX-Two:{message_id}",
    })  # fmt: skip

    assert settings.default_region == "US"
    assert settings.text_countries == frozenset({"US", "CA", "GB"})
    assert settings.max_per_hour == 500
    assert settings.data_dir == Path("/srv/flow data")
    head = settings.email
    assert head.sender is not None
    assert head.reply_to is not None
    assert (head.sender.name, head.sender.address) == (
        "Acme, Inc.",
        "news@xn--bcher-kva.example",
    )
    assert head.sender.domain == "xn--bcher-kva.example"
    assert head.reply_to.name == 'Ada "Countess"'
    assert head.unsubscribe == (
        "https://acme.example/u?a,{message_id}",
        "mailto:u@acme.example",
    )
    assert head.headers == (("X-One", "a: b"), ("X-Two", "{message_id}"))
    as_json = Settings.from_env({"EMAIL_HEADERS": '{"X-One": "a"}'})
    assert as_json.email.headers == (("X-One", "a"),)
