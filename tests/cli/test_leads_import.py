"""``flowctl leads import``: what is taken and refused, and what an end in the middle leaves."""

import csv
from pathlib import Path

import pytest

from tests.support.cli import RunFlowctl
from tests.support.factories import a_flow, a_lead, a_step, count
from tests.support.postgres import Connection

SAMPLES = Path(__file__).parents[1] / "samples" / "leadfiles"

REFUSED = {
    "h01-libreoffice-ansi.csv": ["line 2: not UTF-8", "--encoding cp1252"],
    "h03-meta-lead-ads.csv": [
        "'created_time' (column 2)", "'ad_id' (column 3)", "--map created_time=created_at",
        "--map full_name=first_name+last_name", "'id' (column 1)", "'lead_status' (column 16)",
    ],
    "h05-mailchimp-subscribed.csv": ["'MEMBER_RATING' (column 5)", "'TAGS' (column 21)"],
    "h06-mailchimp-unsubscribed.csv": ["'UNSUB_TIME' (column 5)", "suppressions import"],
    "h07-hubspot-contacts.csv": [
        "'Record ID' (column 1)", "--opt-out 'Unsubscribed from all email'",
    ],
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "leads.csv"


def emails(conn: Connection) -> list[str]:
    return [row[0] for row in conn.execute("select email from leads order by email").fetchall()]


def test_files_that_are_not_clear_are_refused_whole(flowctl: RunFlowctl, conn: Connection) -> None:
    for name, words in REFUSED.items():
        ran = flowctl("leads", "import", SAMPLES / name)
        assert (ran.exit_code, ran.stdout) == (3, "")
        assert all(word in ran.stderr for word in words), ran.stderr
    ran = flowctl("leads", "import", SAMPLES / "h06-mailchimp-unsubscribed.csv", "--ignore-unknown")
    assert ran.exit_code == 3
    assert count(conn, "leads") == 0


@pytest.mark.parametrize(
    ("text", "args", "status", "words"),
    [
        ("", [], 3, "leads.csv is empty"),
        ("email\n", [], 3, "leads.csv has a header and no rows"),
        ("name,age\nx,1\n", ["--ignore-unknown"], 3, "no header is email or phone"),
        ("email,created_at\na@b.co,02/03/2026\n", [], 3, "--dates dmy (day first) or --dates mdy"),
        ("email,\na@b.co,x\n", [], 3, "column 2 has no header, and line 2 has a value there"),
        ('email,source\na@b.co,"x\n', [], 3, "leads.csv, line 2: a quote that opens here"),
        ("email,status\na@b.co,blocklisted\n", [], 3, "--opt-out status=blocklisted"),
        ("email,Status\na@b.co,Bounced\n", ["--ignore-unknown"], 3, "says 'Bounced' (line 2)"),
        ("email,Accepts Marketing\na@b.co,no\n", ["--ignore-unknown"], 3, "says 'no' (line 2)"),
        ("email\na@b.co\n", ["--map", "x"], 2, "--map: not HEADER=column: 'x'"),
        ("email\na@b.co\n", ["--region", "XX"], 2, "--region: 'XX' is not a country"),
        ("email\na@b.co\n", ["--timezone", "PST"], 2, "--timezone: 'PST' is not"),
        ("email\na@b.co\n", ["--encoding", "ansi2"], 2, "there is no encoding 'ansi2'"),
        (None, [], 3, "leads.csv: no such file"),
    ],
)
def test_what_is_refused(
    text: str | None, args: list[str], status: int, words: str, *, file: Path, flowctl: RunFlowctl
) -> None:
    if text is not None:
        file.write_text(text, "utf-8")
    ran = flowctl("leads", "import", file, *args)
    assert (ran.exit_code, ran.stdout) == (status, "")
    assert words in ran.stderr


def test_an_opt_out_stands_before_its_lead(
    file: Path, flowctl: RunFlowctl, conn: Connection
) -> None:
    """Also of a row that is skipped or rejected, on the channel that the header names."""
    conn.execute(
        "create function late() returns trigger language plpgsql as $$ begin"
        " if new.first_name = 'No' and not exists (select from suppressions"
        " where address = new.email) then raise 'scheduled before the opt-out'; end if;"
        " return new; end $$"
    )
    conn.execute("create trigger late before insert on leads for each row execute function late()")
    a_step(conn)
    a_lead(conn, email="Old@example.com", phone=None)
    file.write_text(
        "first_name,email,phone,Email Opt Out,Do Not Call\n"
        "Ada,ada@example.com,+12125550101,,\n"
        "No,no@example.com,+12125550102,yes,no\n"
        "Old,OLD@example.com,,TRUE,\n"
        "Bad,bad@example.com,12,1,1\n"
        "Both,both@example.com,+12125550103,x,x\n",
        "utf-8",
    )
    ran = flowctl(
        "leads", "import", file, "--opt-out", "Email Opt Out", "--opt-out", "Do Not Call", "--json"
    )
    assert ran.exit_code == 1
    document = ran.json()
    assert {name: document[name] for name in ("imported", "skipped", "rejected", "suppressed")} == {
        "imported": 3, "skipped": 1, "rejected": 1, "suppressed": 5,
    }, ran.stderr  # fmt: skip
    assert conn.execute("select address, source from suppressions order by address").fetchall() == [
        ("+12125550103", "import"), ("bad@example.com", "import"), ("both@example.com", "import"),
        ("no@example.com", "import"), ("old@example.com", "import"),
    ]  # fmt: skip


def test_values_of_an_opt_out_column(file: Path, flowctl: RunFlowctl, conn: Connection) -> None:
    file.write_text(
        "email,status\na@b.co,enabled\nc@d.co,blocklisted\ne@f.co,Bounced\ng@h.co,Unsubscribed\n",
        "utf-8",
    )
    ran = flowctl("leads", "import", file, "--opt-out", "status=Blocklisted", "--opt-out",
                  "status=unsubscribed")  # fmt: skip
    assert ran.exit_code == 0
    assert "warning: 'status' (column 2) says 'Bounced' (line 4; 1 row)" in ran.stderr
    assert conn.execute("select address from suppressions order by 1").fetchall() == [
        ("c@d.co",), ("g@h.co",),
    ]  # fmt: skip
    assert conn.execute("select count(status) from leads").fetchone() == (0,)


def test_rejects_can_be_mended_and_imported(
    file: Path, flowctl: RunFlowctl, conn: Connection
) -> None:
    kept = file.with_name("leads.rejects.csv")
    kept.write_text("mine", "utf-8")
    file.write_text(
        '"email";"phone";"source"\n'
        '"ada@example.com";"abc";"=HYPERLINK(""x"")"\n'
        '"bo@example.com";"+12125550101";"+1, said"\n'
        '"cy";"";"@SUM(A1)"\n'
        '"di@example.com";"+12125550102"\n'
        '"ed@example.com";"";"x";"y"\n',
        "utf-8",
    )
    first = flowctl("leads", "import", file, "--json")
    assert first.exit_code == 1
    assert first.json()["imported"] == 1
    rejects = Path(first.json()["rejects_file"])
    assert kept.read_text("utf-8") == "mine"
    with rejects.open(encoding="utf-8", newline="") as opened:
        header, *rows = csv.reader(opened, delimiter=";")
    assert header == ["email", "phone", "source", "flowctl_reason"]
    assert rows[0] == [
        "ada@example.com", "abc", "'=HYPERLINK(\"x\")",
        "line 2: phone: 'abc' is not a phone number; email can be taken",
    ]  # fmt: skip
    assert [row[-1] for row in rows[1:]] == [
        "line 4: email: 'cy' is not an email address",
        "line 5: 2 fields where the header has 3",
        "line 6: 4 fields where the header has 3",
    ]
    again = flowctl("leads", "import", rejects, "--json")
    assert again.json()["rejected"] == 3
    text = rejects.read_text("utf-8").replace(';"abc";', ';"";').replace('"cy"', '"cy@example.com"')
    rejects.write_text(text.replace(';"y"', ""), "utf-8")
    mended = flowctl("leads", "import", rejects, "--json")
    assert (mended.exit_code, mended.json()["rejects_file"]) == (0, None)
    assert emails(conn) == [f"{name}@example.com" for name in ("ada", "bo", "cy", "di", "ed")]
    assert conn.execute("select source from leads where email like 'ada%'").fetchone() == (
        '=HYPERLINK("x")',
    )


def test_what_the_database_refuses_is_rejected_by_itself(
    file: Path, flowctl: RunFlowctl, conn: Connection
) -> None:
    conn.execute("alter table leads add score smallint, add tag varchar(3)")
    conn.execute("alter table leads add constraint low check (score < 100)")
    rows = [f"lead{number}@example.com,{number},x" for number in range(50)]
    rows[7], rows[20], rows[33] = "a@example.com,100,x", "b@example.com,70000,x", "c@b.co,1,long"
    file.write_text("\n".join(["email,score,tag", *rows]), "utf-8")
    ran = flowctl("leads", "import", file, "--json")
    assert (ran.json()["imported"], ran.json()["rejected"]) == (47, 3)
    for line, words in ((9, "violates check constraint"), (22, "out of range"), (35, "too long")):
        (said,) = [text for text in ran.stderr.splitlines() if text.startswith(f"line {line} ")]
        assert words in said
    assert count(conn, "leads") == 47


def test_what_is_said(file: Path, flowctl: RunFlowctl, conn: Connection) -> None:
    a_flow(conn, timezone="America/New_York")
    for day in range(1, 10):
        a_step(conn, day=day, time="9:00 AM", time_type="specific")
    a_step(conn, type="text", day=1, time="10:00 AM", time_type="specific")
    file.write_text(
        "Email Address;Phone;Time Zone;x\n"
        "ada@example.com;+12125550101;Mars/Base;1\n"
        "ADA@example.com;;;2\n",
        "utf-8",
    )
    dry = flowctl("leads", "import", file, "--ignore-unknown", "--dry-run")
    assert dry.stdout.splitlines()[0].split() == ["email", "phone", "timezone", "created_at"]
    assert "1 lead would be imported, 1 skipped" in dry.stdout
    assert count(conn, "leads") == 0
    ran = flowctl("leads", "import", file, "--ignore-unknown", env={"FLOWCTL_MAX_PER_HOUR": "1"})
    assert (ran.exit_code, ran.stdout.splitlines()[:2]) == (
        0, ["1 lead imported, 1 skipped", "10 messages scheduled, by day of America/New_York:"],
    )  # fmt: skip
    assert [line.split()[-2:] for line in ran.stdout.splitlines()[3:]] == [
        ["1", "1"], *[["1", "0"]] * 5, ["3", "0"],
    ]  # fmt: skip
    assert "'Email Address' is taken as email\n" in ran.stderr
    assert "left out: x\n" in ran.stderr
    assert "line 3 skipped: its email is in line 2\n" in ran.stderr
    assert "warning: timezone 'Mars/Base' cannot be read (1 lead)" in ran.stderr


def test_a_pace_of_days_is_warned_of(file: Path, flowctl: RunFlowctl, conn: Connection) -> None:
    a_step(conn)
    leads = "".join(f"lead{number}@example.com\n" for number in range(60))
    file.write_text("email\n" + leads, "utf-8")
    ran = flowctl("leads", "import", file, env={"FLOWCTL_MAX_PER_HOUR": "1"})
    assert "take 2.5 days at FLOWCTL_MAX_PER_HOUR=1" in ran.stderr
