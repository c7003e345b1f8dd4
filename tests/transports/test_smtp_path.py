"""What is taken for a plain address is what ``smtplib`` makes of it."""

import smtplib

from hypothesis import given
from hypothesis import strategies as st

from flowctl.transports.smtp.delivery import path

NEARLY_PLAIN = st.from_regex(
    r"[a-zA-Z0-9_.+\-'\"<> ,é]{1,12}@[a-zA-Z0-9.\-\[\]]{1,12}", fullmatch=True
)
PLAIN = st.from_regex(r"[a-zA-Z0-9_.+\-]{1,12}@[a-zA-Z0-9.\-]{1,12}", fullmatch=True)


@given(PLAIN | NEARLY_PLAIN)
def test_a_path_is_as_smtplib_writes_it(address: str) -> None:
    assert path(address) == smtplib.quoteaddr(address)
