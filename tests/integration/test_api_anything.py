"""Whatever a client may send: the API answers with what it is, never with an error of its own (schemathesis)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.fakes.dialogue import FakeDialogue
from tests.fakes.stack import Stack

SECONDS = 45
"""For all operations together; the seeds are fixed, so that two runs ask the same."""
EXAMPLES = 25
"""For each operation, each as described and each not."""


@pytest.fixture
def stack(make_stack: Callable[..., Stack], dialogue: FakeDialogue) -> Stack:
    return make_stack(dialogue=dialogue)


def test_nothing_that_the_api_describes_makes_it_fail(stack: Stack) -> None:
    """As described and not as described, by a stranger and by somebody with a conversation."""
    schema = schemathesis.openapi.from_url(f"{stack.url}/api/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    mine = httpx.post(f"{stack.url}/api/v1/conversations", json={}).json()
    owner = {"conversation_id": mine["conversation_id"]}, {"Authorization": f"Bearer {mine['token']}"}
    statuses: dict[str, set[int]] = {operation.label: set() for operation in operations}
    end = time.monotonic() + SECONDS

    for number, operation in enumerate(operations):
        share = (end - time.monotonic()) / (len(operations) - number)
        until = time.monotonic() + max(share, 1)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                statuses[operation.label] |= asked(operation.as_strategy(generation_mode=mode), stack.url, owner, until)
            except Unsatisfiable:  # what takes nothing but an address cannot be asked wrongly
                assert mode is GenerationMode.NEGATIVE

    assert {label: seen for label, seen in statuses.items() if not seen or max(seen) >= 500} == {}
    assert {label: seen for label, seen in statuses.items() if not seen - {400, 401}} == {}  # all got past the door


def asked(cases: Any, url: str, owner: tuple[dict[str, str], dict[str, str]], until: float) -> set[int]:
    """The statuses of the answers to these requests, some of them by the owner of a conversation."""
    seen: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, known=st.booleans())
    def ask(case: Any, known: bool) -> None:
        if time.monotonic() > until:
            return
        if known:
            path, headers = owner
            case.path_parameters = {**(case.path_parameters or {}), **path}
            case.headers = {**(case.headers or {}), **headers}
        seen.add(status(case, url))

    ask()
    return seen


def status(case: Any, url: str) -> int:
    """Sends it and does not wait for what goes on and on."""
    with requests.request(**case.as_transport_kwargs(base_url=url), stream=True, timeout=20) as answer:
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json", case.as_curl_command()
        return answer.status_code
