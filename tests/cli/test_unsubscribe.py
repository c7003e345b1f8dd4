"""The way out of a flow that every email carries: one address, in its text and in its header."""

import re
from urllib.parse import parse_qs, urlsplit

from tests.support.cli import RunFlowctl
from tests.support.factories import a_lead, a_step, messages
from tests.support.postgres import Connection
from tests.support.smtp_server import SmtpServer

PAGE = "https://app.example.com/unsubscribe?id={message_id}&to={email}"
CONTENT = (
    '<p>Hello</p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p><p>{{ unsubscribe_url }}</p>'
)


def test_the_link_of_a_sent_email_unsubscribes_its_recipient(
    conn: Connection, flowctl: RunFlowctl
) -> None:
    a_step(conn, content=CONTENT)
    a_step(conn, day=3)
    a_lead(conn, email="ada+1@example.com")
    ((message_id,), _) = messages(conn, "id")
    url = f"https://app.example.com/unsubscribe?id={message_id}&to=ada%2B1%40example.com"
    with SmtpServer() as server:
        env = {
            "SMTP_URL": server.url(),
            "EMAIL_FROM": "hello@example.com",
            "EMAIL_UNSUBSCRIBE": f"mailto:unsubscribe@example.com?subject={{message_id}}, {PAGE}",
        }
        assert flowctl("dispatch", "--once", "--json", env=env).json()["sent"] == 1
        (mail,) = server.mails
    email = mail.parsed
    assert re.findall(r"<([^>]+)>", email["List-Unsubscribe"]) == [
        f"mailto:unsubscribe@example.com?subject={message_id}",
        url,
    ]
    assert email["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain, html = email.get_body(("plain",)), email.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert url in plain.get_content()
    assert html.get_content().count(url.replace("&", "&amp;")) == 2
    shown = flowctl("messages", "show", str(message_id), "--json").json()
    assert url.replace("&", "&amp;") in shown["content"]

    (found,) = parse_qs(urlsplit(url).query)["id"]
    assert conn.execute("select public.unsubscribe(%s)", (found,)).fetchone() == (True,)
    assert conn.execute("select address, source, message_id from suppressions").fetchall() == [
        ("ada+1@example.com", "unsubscribe", message_id)
    ]
    assert messages(conn, "status") == [("sent",), ("cancelled",)]
