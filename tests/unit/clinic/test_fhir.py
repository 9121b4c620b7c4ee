"""The summary as FHIR: valid, readable by a client library over HTTP, and with no more than was agreed."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle as ClientBundle

from bot.clinic.fhir import bundle
from bot.clinic.sharing import ITEMS, choose
from bot.clinic.summary import summarise
from tests.unit.clinic.stories import tell
from tests.unit.clinic.test_summary import OF_ITEM

KINDS = {
    *("Patient", "QuestionnaireResponse", "Observation", "RiskAssessment", "CarePlan", "Appointment", "Communication")
}


@pytest.fixture
def client(session, config, now):
    return tell(session, config, now)


@pytest.fixture
def made(session, config, client, now):
    def make(*items: str):
        choose(client, {item: item in items for item in ITEMS})
        session.flush()
        return bundle(summarise(session, config, client, now), config)

    return make


@pytest.fixture
def served() -> Iterator:
    """A server that answers every request with one document, as a record system would hand it out."""
    document: dict[str, object] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def serve(found: dict[str, object]) -> str:
        document.update(found)
        return f"http://127.0.0.1:{server.server_port}/"

    yield serve
    server.shutdown()
    thread.join()
    server.server_close()


def resources(found, kind):
    return [entry["resource"] for entry in found["entry"] if entry["resource"]["resourceType"] == kind]


def test_the_bundle_is_valid_and_has_every_kind_of_resource(made):
    found = made(*ITEMS)
    Bundle.model_validate(found)
    assert {entry["resource"]["resourceType"] for entry in found["entry"]} == KINDS


@pytest.mark.parametrize("shared", [(), ("plan",), ("questionnaires",), ("reasons", "rulers"), ("conversation",)])
def test_the_bundle_is_valid_and_holds_only_what_was_agreed(made, shared):
    found = made(*shared)
    Bundle.model_validate(found)
    text = json.dumps(found, ensure_ascii=False)
    for item, telling in OF_ITEM.items():
        if item == "conversation":
            assert telling[0] not in text  # words of the conversation are never in the bundle
        else:
            looked_for = {"rulers": ["Importance ruler"], "questionnaires": ["Little interest"]}.get(item, telling)
            assert all((line in text) == (item in shared) for line in looked_for), item


def test_every_reference_leads_to_a_resource_of_the_bundle(made):
    found = made(*ITEMS)
    there = {entry["fullUrl"] for entry in found["entry"]}
    text = json.dumps(found)
    named = set(re.findall(r'"reference": "([^"]+)"', text))
    assert named <= there
    assert len(there) == len(found["entry"])


def test_a_client_library_reads_it_back_over_http(made, served):
    found = made(*ITEMS)
    reader = FHIRClient(settings={"app_id": "evoke-test", "api_base": served(found)})
    read = ClientBundle.read_from("Bundle/1", reader.server)
    by_kind: dict[str, list] = {}
    for entry in read.entry:
        by_kind.setdefault(entry.resource.resource_type, []).append(entry.resource)
    assert set(by_kind) == KINDS
    assert by_kind["Patient"][0].name[0].text == "Ana"
    totals = [o for o in by_kind["Observation"] if o.code.coding]
    assert [(o.code.coding[0].code, o.valueInteger, o.interpretation[0].text) for o in totals] == [
        ("44261-6", 8, "mild")
    ]
    (response,) = by_kind["QuestionnaireResponse"]
    assert response.questionnaire == "http://loinc.org/q/44249-1"
    assert [item.answer[0].valueCoding.code for item in response.item] == ["1"] * 8 + ["0"]
    (risk,) = by_kind["RiskAssessment"]
    assert risk.prediction[0].qualitativeRisk.text == "moderate"
    assert by_kind["Appointment"][0].status == "booked"
    assert json.loads(json.dumps(read.as_json())) == json.loads(json.dumps(found)), "nothing is lost on the way"


def test_each_statement_names_the_turn_it_comes_from(made):
    found = made(*ITEMS)
    sources = {
        kind: {resource["meta"]["source"] for resource in resources(found, kind)}
        for kind in ("Communication", "RiskAssessment", "CarePlan")
    }
    assert sources == {
        "Communication": {"urn:evoke:conversation:ana-talk#turn-2", "urn:evoke:conversation:ana-talk#turn-3"},
        "RiskAssessment": {"urn:evoke:conversation:ana-talk#turn-8"},
        "CarePlan": {"urn:evoke:conversation:ana-talk#turn-2"},
    }


def test_the_patient_holds_no_more_than_the_client_gave(made, client):
    client.name = client.contact = None
    (patient,) = resources(made(*ITEMS), "Patient")
    assert set(patient) == {"resourceType", "id", "identifier", "text"}


def test_the_same_summary_has_the_same_ids_again(made):
    assert made(*ITEMS) == made(*ITEMS)


def test_an_item_that_was_skipped_leaves_no_total(made, session, client):
    from bot.store.models import Questionnaire

    row = session.get_one(Questionnaire, "ana-phq9")
    row.answers = [a if a["item"] != "3" else {**a, "value": None} for a in row.answers]
    found = made(*ITEMS)
    Bundle.model_validate(found)
    (total,) = [o for o in resources(found, "Observation") if "coding" in o["code"]]
    assert "valueInteger" not in total
    assert "missing: 3" in total["dataAbsentReason"]["text"]
