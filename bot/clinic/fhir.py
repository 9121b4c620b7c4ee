"""The clinician's summary as a FHIR R4 bundle (https://hl7.org/fhir/R4/), ready for a clinic's record system.

Plain dicts: a test validates them with a FHIR library's models, so that running Evoke needs none. What a client did
not agree to share is not in the summary, and so not in here. `meta.source` of each resource names the message that it
comes from.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.clinic.config import ClinicConfig
from bot.clinic.summary import Line, Result, Risk, Source, Summary, words
from bot.clinic.summary_pdf import risk_text, score_text

LOINC = "http://loinc.org"
SURVEY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}
ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
STATUSES = {"booked": "booked", "cancelled": "cancelled", "held": "proposed", "expired": "cancelled"}
Resource = dict[str, Any]


def bundle(summary: Summary, config: ClinicConfig) -> Resource:
    """A collection of Patient, QuestionnaireResponse, Observation, RiskAssessment, CarePlan, Appointment and
    Communication, as far as there is anything to put into them."""
    patient = _patient(summary)
    resources = [
        patient,
        *(_communication(summary, line, "for change") for line in summary.reasons),
        *(_communication(summary, line, "against change") for line in summary.against),
        *(_ruler(summary, line, number) for number, line in enumerate(summary.rulers)),
        *_questionnaires(summary),
        *_care_plan(summary),
        *(_risk(summary, risk) for risk in summary.risks if risk.case.reason == "risk"),
        *_appointments(summary, config),
    ]
    return {
        "resourceType": "Bundle",
        "id": _id(summary, "bundle", summary.made_at.isoformat()),
        "type": "collection",
        "timestamp": _time(summary.made_at),
        "entry": [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources],
    }


def _patient(summary: Summary) -> Resource:
    """Who it is, with no more than the client gave: an id, perhaps a name and a way to reach them."""
    client = summary.client
    patient: Resource = {
        "resourceType": "Patient",
        "id": _id(summary, "patient"),
        "identifier": [{"system": "urn:evoke:client", "value": client.id}],
        "text": _narrative("A client of " + summary.clinic),
    }
    if client.name:
        patient["name"] = [{"text": client.name}]
    if client.contact:
        system = "email" if "@" in client.contact else "phone"
        patient["telecom"] = [{"system": system, "value": client.contact}]
    return patient


def _communication(summary: Summary, line: Line, side: str) -> Resource:
    """Something that the client said, in their words."""
    return _about(
        summary,
        {
            "resourceType": "Communication",
            "id": _id(summary, "communication", side, line.text),
            "status": "completed",
            "topic": {"text": f"talk {side}" + (f": {line.label}" if line.label else "")},
            "payload": [{"contentString": line.text}],
            "sender": _subject(summary),
        },
        line.source,
        time="sent",
    )


def _ruler(summary: Summary, line: Line, number: int) -> Resource:
    return _about(
        summary,
        {
            "resourceType": "Observation",
            "id": _id(summary, "ruler", str(number)),
            "status": "final",
            "category": [SURVEY],
            "code": {"text": f"{words()['rulers'].get(line.label, line.label)} ruler, 0 to 10"},
            "valueInteger": line.value,
        },
        line.source,
        time="effectiveDateTime",
    )


def _questionnaires(summary: Summary) -> Iterable[Resource]:
    for result in summary.results:
        response = _response(summary, result)
        yield response
        yield _total(summary, result, response["id"])


def _response(summary: Summary, result: Result) -> Resource:
    screener = result.screener
    items = []
    for item in screener.items:
        line = next((line for line in result.answers if line.label == item.text), None)
        if line is None:
            continue
        entry: Resource = {"linkId": item.id, "text": item.text}
        if line.value is not None:
            ordinal = [{"url": ORDINAL, "valueDecimal": line.value}]
            coding = {"extension": ordinal, "code": str(line.value), "display": line.text}
            entry["answer"] = [{"valueCoding": coding}]
        items.append(entry)
    return {
        "resourceType": "QuestionnaireResponse",
        "id": _id(summary, "response", result.id),
        "meta": {"source": f"urn:evoke:questionnaire:{result.id}"},
        "questionnaire": f"http://loinc.org/q/{screener.panel}",
        "status": "completed",
        "subject": _subject(summary),
        "source": _subject(summary),
        "authored": _time(result.finished_at),
        "text": _narrative(f"{screener.name}: {score_text(result)}"),
        "item": items,
    }


def _total(summary: Summary, result: Result, response_id: str) -> Resource:
    screener = result.screener
    total: Resource = {
        "resourceType": "Observation",
        "id": _id(summary, "total", result.id),
        "meta": {"source": f"urn:evoke:questionnaire:{result.id}"},
        "status": "final",
        "category": [SURVEY],
        "code": {"coding": [{"system": LOINC, "code": screener.total}], "text": f"{screener.name} total score"},
        "subject": _subject(summary),
        "effectiveDateTime": _time(result.finished_at),
        "derivedFrom": [{"reference": f"urn:uuid:{response_id}"}],
        "note": [{"text": f"{words()['note'].strip()} Bands: {screener.source}."}],
    }
    if result.total is None:
        return total | {"dataAbsentReason": {"text": score_text(result)}}
    return total | {"valueInteger": result.total, "interpretation": [{"text": result.band}]}


def _care_plan(summary: Summary) -> Iterable[Resource]:
    if not summary.plan:
        return
    yield {
        "resourceType": "CarePlan",
        "id": _id(summary, "plan"),
        "meta": {"source": _source(next((line.source for line in summary.plan if line.source), None))},
        "status": "active",
        "intent": "plan",
        "title": "The client's own plan",
        "description": "Made by the client in conversation with a program, in the client's words.",
        "subject": _subject(summary),
        "created": _time(summary.made_at),
        "author": _subject(summary),
        "activity": [
            {
                "detail": {"status": "not-started", "description": f"{line.label}: {line.text}"},
                "progress": [{"text": f"From {_source(line.source)}"}],
            }
            for line in summary.plan
        ],
    }


def _risk(summary: Summary, risk: Risk) -> Resource:
    """A case as the screen raised it; what a clinician makes of it is theirs to write."""
    answers = "; ".join(f"{asked}: {answer}" for asked, answer in risk.answers)
    outcome = ", ".join(words()["kinds"].get(kind, kind) for kind in risk.case.kinds) or "safety"
    return {
        "resourceType": "RiskAssessment",
        "id": _id(summary, "risk", risk.case.id),
        "meta": {"source": _source(risk.source)},
        "identifier": [{"system": "urn:evoke:case", "value": risk.case.id}],
        "status": "final" if risk.case.closed_at else "preliminary",
        "method": {"text": "Automatic screen of what the client wrote, and the client's answers to direct questions"},
        "subject": _subject(summary),
        "occurrenceDateTime": _time(risk.case.opened_at),
        "prediction": [{"outcome": {"text": outcome}, "qualitativeRisk": {"text": words()["tiers"][risk.case.tier]}}],
        "note": [{"text": text} for text in (risk_text(risk), answers, risk.case.outcome or "") if text],
    }


def _appointments(summary: Summary, config: ClinicConfig) -> Iterable[Resource]:
    for appointment in summary.appointments:
        clinician = config.clinician(appointment.clinician)
        status = STATUSES[appointment.status]
        accepted = "accepted" if status == "booked" else "declined"
        yield {
            "resourceType": "Appointment",
            "id": _id(summary, "appointment", appointment.id),
            "identifier": [{"system": "urn:evoke:appointment", "value": appointment.id}],
            "status": status,
            "start": _instant(appointment.starts_at),
            "end": _instant(appointment.ends_at),
            "participant": [
                {"actor": _subject(summary), "status": accepted},
                {"actor": {"display": clinician.name if clinician else appointment.clinician}, "status": accepted},
            ],
        }


def _about(summary: Summary, resource: Resource, source: Source | None, *, time: str) -> Resource:
    """The resource with its patient, and with the message it comes from and that message's time."""
    resource |= {"meta": {"source": _source(source)}, "subject": _subject(summary)}
    return resource | ({time: _time(source.at)} if source else {})


def _source(source: Source | None) -> str:
    return f"urn:evoke:conversation:{source.conversation_id}#turn-{source.turn}" if source else "urn:evoke"


def _subject(summary: Summary) -> Mapping[str, str]:
    return {"reference": f"urn:uuid:{_id(summary, 'patient')}"}


def _id(summary: Summary, *parts: str) -> str:
    """The same thing has the same id in every export."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("urn:evoke", summary.client.id, *parts))))


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


_instant = _time


def _narrative(text: str) -> Resource:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{escaped}</div>'}
