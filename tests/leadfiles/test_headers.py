"""Headers of files, made into columns of the leads table or named in one error."""

from collections.abc import Sequence

import pytest

from flowctl.errors import UsageError
from flowctl.leadfile import optouts
from flowctl.leadfile.columns import Column
from flowctl.leadfile.headers import Choices, Layout, lay_out, parse_map
from flowctl.model import Channel


def column(name: str, type: str = "text", *, default: str | None = None) -> Column:  # noqa: A002
    return Column(name, type, type, is_computed=False, is_required=False, default=default)


COLUMNS = [
    column("id", "uuid", default="gen_random_uuid()"),
    column("created_at", "timestamp with time zone", default="now()"),
    *map(column, ("first_name", "last_name", "email", "phone", "timezone", "source", "status")),
]


def layout(*header: str, columns: Sequence[Column] = COLUMNS, **choices: object) -> Layout:
    return lay_out(header, columns, Choices(**choices))  # type: ignore[arg-type]


def targets(found: Layout) -> dict[str, tuple[int, ...]]:
    return {target.column.name: target.cells for target in found.targets}


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("EMAIL", "email"), ("Email Address", "email"), ("E-mail", "email"), (" e_mail ", "email"),
        ("E-Mail-Adresse", "email"), ("Courriel", "email"), ("Adresse e-mail", "email"),
        ("Correo electrónico", "email"), ("メールアドレス", "email"), ("邮箱", "email"),
        ("Phone Number", "phone"), ("Mobile", "phone"), ("SMS", "phone"), ("Handy", "phone"),
        ("Téléphone", "phone"), ("Teléfono", "phone"), ("Telefonnummer", "phone"),
        ("phone_number", "phone"), ("電話番号", "phone"), ("Телефон", "phone"),
        ("FIRSTNAME", "first_name"), ("Vorname", "first_name"), ("Prénom", "first_name"),
        ("FNAME", "first_name"), ("LASTNAME", "last_name"), ("Nachname", "last_name"),
        ("Nom", "last_name"), ("Surname", "last_name"), ("Time Zone", "timezone"),
        ("TIMEZONE", "timezone"), ("Zeitzone", "timezone"), ("Created At", "created_at"),
        ('"Source"', "source"), ("\ufeffemail", "email"),
    ],
)  # fmt: skip
def test_the_usual_names(header: str, name: str) -> None:
    other = "phone" if name == "email" else "email"
    assert targets(layout(header, other))[name] == (0,)


def test_a_column_of_the_table_goes_before_another_name() -> None:
    found = layout("email", "Mobile", columns=[*COLUMNS, column("mobile")])
    assert targets(found) == {"email": (0,), "mobile": (1,)}


def test_other_names_are_named() -> None:
    found = layout("Email Address", "First Name", "phone")
    assert found.other_names == [("Email Address", "email")]


def test_all_problems_are_named_at_once() -> None:
    found = layout("email", "E-mail", "Record ID", "Create Date", "full_name", "emial", "Bounced")
    assert [problem.partition(")")[0] + ")" for problem in found.problems[:-1]] == [
        "'Record ID' (column 3)", "'Create Date' (column 4)", "'full_name' (column 5)",
        "'emial' (column 6)", "'Bounced' (column 7)",
    ]  # fmt: skip
    text = "\n".join(found.problems)
    assert "--map 'Create Date=created_at'" in text
    assert "--map full_name=first_name+last_name" in text
    assert "did you mean 'email'?" in text
    assert "--opt-out Bounced" in text
    assert "'email' (column 1) and 'E-mail' (column 2) are the same column, email" in text


def test_a_file_without_an_address() -> None:
    assert layout("first_name").problems == [
        "no header is email or phone: a lead needs one of them"
    ]


def test_what_is_mapped() -> None:
    found = layout(
        "full_name", "Mail 1", "Mail 2", "x", "lead_id", "flowctl_reason",
        mapped=(("FULL NAME", "first_name+last_name"), ("Mail 2", "email"), ("Mail 1", "email"),
                ("x", "")),
        ignore_unknown=True,
    )  # fmt: skip
    assert found.problems == []
    assert [(t.column.name, t.cells, t.part) for t in found.targets] == [
        ("first_name", (0,), 0), ("last_name", (0,), 1), ("email", (2, 1), None),
    ]  # fmt: skip
    assert found.ignored == ["lead_id"]


def test_the_id_of_another_system_is_not_ours() -> None:
    assert "'id' (column 1)" in layout("id", "email").problems[0]
    assert targets(layout("id", "email", mapped=(("id", "id"),)))["id"] == (0,)
    assert targets(layout("id", "email", columns=[column("id"), *COLUMNS[1:]]))["id"] == (0,)


@pytest.mark.parametrize(
    ("mapped", "problem"),
    [
        (("x", "phone"), "--map: the file has no header 'x'"),
        (("email", "emial"), "--map: leads has no column 'emial'; did you mean 'email'?"),
        (("email", "a+b+c"), "--map: a+b+c: a cell can be split in two, no more"),
    ],
)
def test_what_cannot_be_mapped(mapped: tuple[str, str], problem: str) -> None:
    assert problem in layout("email", "phone", mapped=(mapped,)).problems


@pytest.mark.parametrize("written", ["email", "=email", " =x"])
def test_what_is_no_map(written: str) -> None:
    with pytest.raises(UsageError):
        parse_map(written)


@pytest.mark.parametrize(
    ("header", "channels"),
    [
        ("Unsubscribed from all email", "email"), ("Email Opt Out", "email"),
        ("HasOptedOutOfEmail", "email"), ("EMAIL_BLACKLISTED", "email"), ("Do Not Call", "text"),
        ("SMS_BLACKLISTED", "text"), ("Do Not Text", "text"), ("Phone opt-out", "text"),
        ("Opted Out", "email text"), ("Unsubscribed", "email text"), ("Bounced", "email text"),
        ("Blacklisted", "email text"), ("E-Mail abgemeldet", "email"), ("Désabonné", "email text"),
        ("Hard Bounce", "email text"), ("Suppressed", "email text"), ("DND", "email text"),
    ],
)  # fmt: skip
def test_a_no_is_never_left_out_in_silence(header: str, channels: str) -> None:
    found = layout("email", header, ignore_unknown=True)
    assert len(found.problems) == 1
    assert "--opt-out" in found.problems[0]
    chosen = layout("email", header, opt_outs=(header,))
    assert chosen.problems == []
    assert chosen.opt_outs[0].channels == tuple(map(Channel, channels.split()))
    assert layout("email", header, mapped=((header, ""),)).problems == []


def test_a_column_of_the_table_that_says_no_is_not_just_a_value() -> None:
    columns = [*COLUMNS, column("unsubscribed", "boolean")]
    assert len(layout("email", "unsubscribed", columns=columns).problems) == 1
    mapped = layout("email", "unsubscribed", columns=columns, mapped=(("unsubscribed",) * 2,))
    assert mapped.problems == []


@pytest.mark.parametrize("header", ["UNSUB_TIME", "CLEAN_TIME", "UNSUB_REASON", "Bounce date"])
def test_a_file_of_those_who_said_no(header: str) -> None:
    (problem,) = layout("email", header, ignore_unknown=True).problems
    assert "flowctl suppressions import" in problem


@pytest.mark.parametrize(
    "header",
    ["OPTIN_TIME", "CONFIRM_IP", "MEMBER_RATING", "Lead Status", "TAGS", "NOTES", "Company",
     "Marketing contact status", "Contact owner", "State", "CC", "REGION", "Accepts Marketing"],
)  # fmt: skip
def test_what_may_be_left_out(header: str) -> None:
    assert layout("email", header, ignore_unknown=True).problems == []


def test_opt_outs_with_values() -> None:
    found = layout("email", "status", opt_outs=("status=blocklisted", "Status=Bounced"))
    assert [(one.cell, one.values) for one in found.opt_outs] == [(1, ("blocklisted", "bounced"))]
    assert "status" not in targets(found)


@pytest.mark.parametrize(
    ("value", "wanted", "answer"),
    [
        ("true", (), True), ("Yes", (), True), ("1", (), True), ("x", (), True),
        ("2026-03-02", (), True), ("WAHR", (), True), ("no", (), False), ("FALSE", (), False),
        ("0", (), False), ("0.0", (), False), ("Nein", (), False), ("FAUX", (), False),
        ("Blocklisted", ("blocklisted",), True), ("enabled", ("blocklisted",), False),
        ("Opted-Out", ("opted-out",), True), ("opted out", ("optedout",), True),
    ],
)  # fmt: skip
def test_what_a_cell_says(value: str, wanted: tuple[str, ...], answer: bool) -> None:
    assert optouts.matches(value, wanted) is answer
