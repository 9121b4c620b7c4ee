"""`evoke bench`: how it measures, on stand-ins for both sides."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from bot.commands import bench_clients, bench_stock
from bot.commands.bench import compared
from bot.commands.bench_clients import EvokeTalk, Measured, StockTalk, measure, percentile, scripts, typed_by, until
from bot.loopback import Loopback
from bot.settings import Settings


class SlowTalk:
    """Answers after a while; counts how many are at it at once."""

    now = 0
    most = 0

    async def begin(self) -> None:
        pass

    async def say(self, text: str) -> None:
        SlowTalk.now += 1
        SlowTalk.most = max(SlowTalk.most, SlowTalk.now)
        await asyncio.sleep(0.01)
        SlowTalk.now -= 1

    async def end(self) -> None:
        pass


class SilentTalk(SlowTalk):
    async def say(self, text: str) -> None:
        await asyncio.sleep(60)


async def test_clients_talk_at_once_and_every_message_is_counted() -> None:
    result = await measure(lambda number: SlowTalk(), 5, 4, 30)
    assert SlowTalk.most == 5
    assert len(result.latencies) == 20
    assert result.figures()["throughput"] > 100


async def test_a_measurement_ends_in_time() -> None:
    result = await measure(lambda number: SlowTalk(), 1, 10_000, 0.1)
    assert result.wall < 1


async def test_a_missing_answer_is_counted_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_clients, "ANSWER_SECONDS", 0.05)
    result = await measure(lambda number: SilentTalk(), 2, 3, 30)
    assert (result.lost, result.latencies) == (2, [])


def test_percentiles_and_figures() -> None:
    assert percentile([0.1, 0.3, 0.2, 0.4], 0.5) == 0.2
    assert Measured([0.1] * 19 + [1.0], 4.0).figures() == {
        "messages": 20,
        "lost": 0,
        "throughput": 5.0,
        "p50_ms": 100.0,
        "p95_ms": 100.0,
    }


def test_ratios_are_ours_to_stocks_at_all_clients() -> None:
    ours = {"1": {"throughput": 9.0, "p95_ms": 1.0}, "10": {"throughput": 30.0, "p95_ms": 200.0}}
    stock = {"1": {"throughput": 9.0, "p95_ms": 1.0}, "10": {"throughput": 10.0, "p95_ms": 800.0}}
    result = compared(ours, stock, 10)
    assert (result["throughput_ratio"], result["p95_ratio"]) == (3.0, 0.25)
    json.dumps(result)


def test_clients_type_whole_conversations_and_begin_again() -> None:
    assert all(isinstance(text, str) and text for script in scripts() for text in script)
    assert len(list(typed_by(0, 40))) == 40
    assert list(typed_by(0, 3)) != list(typed_by(1, 3))


async def test_an_evoke_client_waits_for_the_answer_to_its_own_message() -> None:
    app, sent = FastAPI(), asyncio.Queue[dict[str, Any]]()

    @app.post("/api/v1/conversations", status_code=201)
    async def begin() -> dict[str, Any]:
        return {"conversation_id": "c", "token": "t", "messages": [{"seq": 2}]}

    @app.post("/api/v1/conversations/c/messages", status_code=202)
    async def send(body: dict[str, Any]) -> dict[str, Any]:
        await sent.put({"id": "reply", "in_reply_to": body["client_message_id"] + "-stored"})
        return {"message": {"id": body["client_message_id"] + "-stored"}}

    @app.get("/api/v1/conversations/c/events")
    async def events() -> StreamingResponse:
        async def stream() -> AsyncIterator[str]:
            yield 'event: typing\ndata: {"on": true}\n\n'
            while True:
                yield f"data: {json.dumps(await sent.get())}\n\n"

        return StreamingResponse(stream(), media_type="text/event-stream")

    server = Loopback(app)
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=server.url) as http:
            talk = EvokeTalk(http)
            await talk.begin()
            await asyncio.wait_for(talk.say("hello"), 5)
            await asyncio.wait_for(talk.say("again"), 5)
            await talk.end()
    finally:
        await server.stop()


async def test_a_stock_client_posts_to_the_rest_channel() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.path, json.loads(request.content)))
        return httpx.Response(200, json=[])

    async with httpx.AsyncClient(base_url="http://x", transport=httpx.MockTransport(answer)) as http:
        await StockTalk(http, "me").say("hello")
    assert seen == [("/webhooks/rest/webhook", {"sender": "me", "message": "hello"})]


async def test_waiting_takes_a_refused_connection_for_not_yet() -> None:
    tries = iter([httpx.ConnectError("no"), False, True])

    async def ready() -> bool:
        step = next(tries)
        if isinstance(step, Exception):
            raise step
        return step

    assert await until(ready, 5)
    assert not await until(ready, 0)


def test_stock_rasa_is_the_default_pipeline_and_policies() -> None:
    config = yaml.safe_load(bench_stock.CONFIG.read_text())
    assert "DIETClassifier" in [part["name"] for part in config["pipeline"]]
    assert [part["name"] for part in config["policies"]] == ["MemoizationPolicy", "TEDPolicy", "RulePolicy"]


def test_the_stock_model_is_named_after_its_data(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(models=tmp_path)
    before = bench_stock.stock_model(settings)
    assert before.name.startswith("stock-")
    other = tmp_path / "other.yml"
    other.write_text("pipeline: []")
    monkeypatch.setattr(bench_stock, "CONFIG", other)
    assert bench_stock.stock_model(settings) != before
