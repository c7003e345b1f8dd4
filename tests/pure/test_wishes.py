"""What replies by text ask for."""

import pytest

from flowctl.reconcile.wishes import Wish, wish_of


@pytest.mark.parametrize(
    "reply",
    [
        "STOP", " stop. ", "Stop!", "'stop'",
        "\u201cStop\u201d", "STOP\n", "\uff33\uff34\uff2f\uff30",
        "Stop \U0001f6d1", "stopall", "Stop all", "stop-all", "STOP STOP", "Unsubscribe",
        "unsubscribe me", "UNSUB", "CANCEL", "Cancel, thanks", "end", "End.", "QUIT", "revoke",
        "Revoke consent", "OPTOUT", "opt out", "Opt-Out", "opt\u2013out", "OPT  OUT!!",
        "opt me out",
        "Stop. Thank you", "stop thanks", "Stop, thank you very much!", "please stop", "Pls STOP",
        "No, stop", "Stop texting me", "please stop sending me messages", "cancel all texts",
        "quit messaging me", "I would like to opt out please", "I'd like to unsubscribe",
        "remove me from your list", "take me off your list", "Stop! Who is this?",
        "STOP\n\nSent from my phone",
    ],
)  # fmt: skip
def test_an_opt_out_whatever_is_around_it(reply: str) -> None:
    assert wish_of(reply) is Wish.STOP


@pytest.mark.parametrize(
    "reply", ["START", "start.", '"Start"', "yes", "Yes!", "UNSTOP", " yes \n"]
)
def test_an_opt_in_is_one_word(reply: str) -> None:
    assert wish_of(reply) is Wish.START


@pytest.mark.parametrize(
    "reply",
    [
        "", " ", "?", "\U0001f44d", "HELP", "thank you", "please", "don't stop",
        "don\u2019t stop writing",
        "I can't stop laughing", "Stop by tomorrow", "the end", "end of month works for me",
        "cancel my appointment", "cancel it", "Cancel the Friday demo", "when does it end?",
        "quit my job for this", "yes please", "yes, call me", "can we start on Monday?", "nonstop",
        "restart", "weekend", "no", "unstoppable",
    ],
)  # fmt: skip
def test_everything_else_is_for_a_person_to_read(reply: str) -> None:
    assert wish_of(reply) is Wish.OTHER
