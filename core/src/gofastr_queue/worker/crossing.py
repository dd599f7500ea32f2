"""A claim as JSON text, on its way to a child process.

Nothing is pickled: a payload comes from a store, and what a store holds must not become code.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from attrs import fields

from gofastr_queue.job import Claim, Job, JobError
from gofastr_queue.lifecycle import Status
from gofastr_queue.places import Place

_MOMENTS = ("created_at", "scheduled_at", "lease_until")


def order(place: Place, claim: Claim) -> str:
    """Return the text that asks for a job to be run, ASCII without line breaks."""
    return json.dumps(
        {
            "place": [place.module, place.name, place.script],
            "token": claim.token,
            "lease_until": claim.lease_until.isoformat(),
            "job": _written(claim.job),
        }
    )


def read(text: str | bytes) -> tuple[Place, Claim]:
    """Return what an order asks for."""
    values = json.loads(text)
    lease_until = datetime.fromisoformat(values["lease_until"])
    return Place(*values["place"]), Claim(_job(values["job"]), values["token"], lease_until)


def _written(job: Job) -> dict[str, Any]:
    values = {field.name: getattr(job, field.name) for field in fields(Job)}
    for name in _MOMENTS:
        values[name] = None if values[name] is None else values[name].isoformat()
    values["headers"] = dict(job.headers)
    values["errors"] = [
        (one.attempt, one.at.isoformat(), one.kind, one.message, one.traceback)
        for one in job.errors
    ]
    return values


def _job(values: dict[str, Any]) -> Job:
    for name in _MOMENTS:
        values[name] = None if values[name] is None else datetime.fromisoformat(values[name])
    values["status"] = Status(values["status"])
    values["errors"] = tuple(
        JobError(attempt, datetime.fromisoformat(at), *texts)
        for attempt, at, *texts in values["errors"]
    )
    return Job(**values)
