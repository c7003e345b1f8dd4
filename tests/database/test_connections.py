"""How flowctl connects: TLS unless told otherwise, and no word of the password when it cannot."""

import socket
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from flowctl import database as db
from flowctl.doctor import Check, Grade, examine, valid_settings
from flowctl.errors import DatabaseUnreachable, FlowctlError, InputError, PasswordRefused
from tests.support.postgres import short_folder
from tests.support.tcp_server import PASSWORD, TcpServer, binaries_with_tls, tcp_server

needs_tls = pytest.mark.skipif(
    binaries_with_tls() is None, reason="no PostgreSQL with TLS is installed"
)


@pytest.fixture(scope="module")
def with_tls(authority: trustme.CA) -> Iterator[TcpServer]:
    """A server whose certificate is for HOST."""
    with short_folder() as folder, tcp_server(folder, authority) as server:
        yield server


@pytest.fixture(scope="module")
def without_tls() -> Iterator[TcpServer]:
    with short_folder() as folder, tcp_server(folder) as server:
        yield server


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> str:
    """The file with the certificate of the right authority."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


@pytest.fixture
def other_ca(tmp_path: Path) -> str:
    """The file with the certificate of an authority that has nothing to do with it."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    return str(tmp_path / "other.pem")


def is_encrypted(url: str) -> bool:
    """Whether a connection comes about by TLS."""
    with db.connect(url) as connection:
        row = connection.execute(
            "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
        ).fetchone()
        assert row is not None
        assert connection.pgconn.ssl_in_use is row[0]
        return bool(row[0])


def refusal(url: str, **options: int) -> FlowctlError:
    """Why no connection comes about."""
    with pytest.raises(FlowctlError) as caught, db.connect(url, **options):
        pass
    return caught.value


def connection_check(url: str) -> Check:
    """What the doctor says of the connection."""
    valid = valid_settings({})
    report = examine(lambda: db.connect(url), valid.settings, [valid.check])
    return next(check for check in report.checks if check.name == "connection")


@needs_tls
def test_a_connection_to_another_host_is_encrypted_unasked(with_tls: TcpServer) -> None:
    assert is_encrypted(with_tls.url())


def test_a_server_without_tls_is_refused_and_not_fallen_back_to(without_tls: TcpServer) -> None:
    error = refusal(without_tls.url())
    assert error.message == "cannot connect to the database: the server offers no TLS"
    assert error.exit_code == 4


def test_clear_text_has_to_be_asked_for(without_tls: TcpServer) -> None:
    assert not is_encrypted(without_tls.url(sslmode="disable"))


def test_clear_text_can_be_asked_for_in_libpqs_variable(
    without_tls: TcpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLMODE", "prefer")
    assert not is_encrypted(without_tls.url())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_needs_no_tls(without_tls: TcpServer, host: str) -> None:
    assert not is_encrypted(without_tls.url(host))


@needs_tls
def test_the_right_authority_is_verified(with_tls: TcpServer, ca: str) -> None:
    assert is_encrypted(with_tls.url(sslmode="verify-full", sslrootcert=ca))


@needs_tls
def test_the_wrong_authority_is_refused(with_tls: TcpServer, other_ca: str) -> None:
    error = refusal(with_tls.url(sslmode="verify-full", sslrootcert=other_ca))
    assert error.message.endswith("the server's certificate is not trusted")
    assert error.hint == "name its CA with sslrootcert=FILE"


@needs_tls
def test_a_certificate_for_another_name_is_refused(with_tls: TcpServer, ca: str) -> None:
    url = with_tls.url("other.flowctl.test", sslmode="verify-full", sslrootcert=ca)
    assert refusal(url).message.endswith("the server's certificate is not trusted")


@needs_tls
def test_a_missing_authority_is_refused(with_tls: TcpServer, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    error = refusal(with_tls.url(sslmode="verify-full", sslrootcert=missing))
    assert isinstance(error, DatabaseUnreachable)


@needs_tls
def test_the_doctor_recommends_to_verify(with_tls: TcpServer, ca: str) -> None:
    check = connection_check(with_tls.url())
    assert check.status is Grade.NOTE
    assert "sslmode=require" in check.detail
    assert "verify-full" in check.hint
    verified = connection_check(with_tls.url(sslmode="verify-full", sslrootcert=ca))
    assert verified.status is Grade.OK


def test_the_doctor_calls_clear_text_a_fault(without_tls: TcpServer) -> None:
    check = connection_check(without_tls.url(sslmode="disable"))
    assert check.status is Grade.FAULT
    assert "verify-full" in check.hint
    assert connection_check(without_tls.url("127.0.0.1")).status is Grade.OK


@pytest.mark.parametrize(
    ("conninfo", "environ", "mode"),
    [
        ("postgresql://u@db.example.com/x", {}, "require"),
        ("host=db.example.com", {}, "require"),
        ("host=localhost,db.example.com", {}, "require"),
        ("hostaddr=192.0.2.1", {}, "require"),
        ("", {"PGHOST": "db.example.com"}, "require"),
        ("", {"PGHOSTADDR": "192.0.2.1"}, "require"),
        ("host=10.0.0.5", {}, "require"),
        ("host=db.example.com sslmode=verify-full", {}, "verify-full"),
        ("host=db.example.com", {"PGSSLMODE": "prefer"}, None),
        ("host=127.0.0.1", {"PGHOST": "db.example.com"}, None),
        ("host=localhost", {}, None),
        ("host=[::1]", {}, "require"),
        ("host=::1", {}, None),
        ("host=/run/postgresql", {}, None),
        ("", {}, None),
    ],
)
def test_tls_is_required_of_every_host_but_this_one(
    conninfo: str, environ: dict[str, str], mode: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert db._parameters(conninfo, 10).get("sslmode") == mode  # noqa: SLF001 - no host to ask


@pytest.mark.parametrize(
    ("entry", "mode"),
    [("host=db.example.com", "require"), ("host=db.example.com\nsslmode=verify-ca", None)],
)
def test_a_service_counts_as_what_it_names(
    entry: str, mode: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "services").write_text(f"[crm]\n{entry}\n", "utf-8")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGSERVICE", "crm")
    assert db._parameters("", 10).get("sslmode") == mode  # noqa: SLF001 - no host to ask


def test_a_wrong_password_is_told_without_it(without_tls: TcpServer) -> None:
    error = refusal(without_tls.url("127.0.0.1", password="WRONGPASSWORD"))  # noqa: S106 - of nobody
    assert isinstance(error, PasswordRefused)
    assert error.message == "cannot connect to the database: the password was refused"
    assert "WRONG" not in "".join(traceback.format_exception(error))


def test_a_database_that_is_not_there_is_told(without_tls: TcpServer) -> None:
    error = refusal(without_tls.url("127.0.0.1", name="nowhere"))
    assert error.message == "cannot connect to the database: no such database or user"
    assert PASSWORD not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example.com"])
def test_a_host_that_is_none_is_told(host: str) -> None:
    error = refusal(f"host={host} password=SECRET")
    assert error.message == "cannot connect to the database: its host name is not known"
    assert isinstance(error, DatabaseUnreachable)


def test_a_refused_connection_is_told() -> None:
    error = refusal("postgresql://me:SECRET@127.0.0.1:1/crm")
    assert error.message == (
        "cannot connect to the database at 127.0.0.1:1: nothing listens there (connection refused)"
    )


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        error = refusal(f"postgresql://me:SECRET@{place}/crm", connect_timeout=2)
    assert error.message == (
        f"cannot connect to the database at {place}: it does not answer (timed out)"
    )


@pytest.mark.parametrize(
    "wrong", ["port=99999", "port=SECRET", "sslmode=SECRET", "connect_timeout=SECRET"]
)
def test_a_parameter_with_an_impossible_value_is_what_the_user_wrote(wrong: str) -> None:
    error = refusal(f"host=127.0.0.1 {wrong}")
    assert isinstance(error, InputError)
    assert "SECRET" not in "".join(traceback.format_exception(error))
