"""What counts as a no to a time that is held for somebody from the waiting list, and what does not."""

import pytest

from bot.requests import NO_TO_OFFER, TAKES_IT


def is_no(text: str) -> bool:
    return NO_TO_OFFER.fullmatch(text) is not None and TAKES_IT.search(text) is None


@pytest.mark.parametrize(
    "text",
    ["no", "No, that doesn't suit me", "sorry, i can't make it", "that doesn't work", "nope", "it won't work, sadly"],
)
def test_a_no_is_a_no(text):
    assert is_no(text)


@pytest.mark.parametrize(
    "text",
    ["yes", "no problem, see you then", "no worries, i will take it", "not sure", "is there another time?", "hello"],
)
def test_what_is_no_plain_no_is_left_to_the_conversation(text):
    assert not is_no(text)
