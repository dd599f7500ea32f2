"""Liars about texts: what a store does to payloads, headers and names."""

from __future__ import annotations

import json
import unicodedata
from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from attrs import evolve
from tests.conformance.tests.liars.catalogue import liar
from tests.conformance.tests.liars.honest import Memory

from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.records import Draft, JobQuery, Put, StoredPage


class _Rewriting(Memory):
    """Stores another text than it was given."""

    @abstractmethod
    def rewritten(self, text: str) -> str:
        """Return what is stored instead."""

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        drafts = [evolve(one, payload=self.rewritten(one.payload)) for one in drafts]
        return super().queue_put(drafts, on_conflict, now)


def _read(text: str, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] = dict) -> Any:
    """Return a payload's value; None where the text is no JSON."""
    try:
        return json.loads(text, object_pairs_hook=object_pairs_hook)
    except ValueError:
        return None


@liar(
    "test_payload_and_headers_are_text_that_a_store_does_not_read[written otherwise]",
    "test_payload_and_headers_are_text_that_a_store_does_not_read[encrypted]",
    "test_a_payload_comes_back_equal[mixed]",
    "test_a_payload_comes_back_equal[every control character]",
)
class PayloadReadAndWritten(_Rewriting):
    """A payload is read as JSON and written anew: escapes, blanks and digits are the store's."""

    def rewritten(self, text: str) -> str:
        value = _read(text)
        return text if value is None else json.dumps(value, separators=(",", ":"))


@liar(
    "test_a_payload_comes_back_equal[key order]",
    "test_a_payload_comes_back_equal[mixed]",
    "test_a_payload_comes_back_equal[past 53 bits]",
    "test_a_payload_comes_back_equal[64 deep]",
)
class KeysSorted(_Rewriting):
    """An object's keys come back sorted by length, the short ones first."""

    def rewritten(self, text: str) -> str:
        value = _read(text, lambda pairs: dict(sorted(pairs, key=lambda pair: len(pair[0]))))
        return text if value is None else json.dumps(value)


@liar(
    "test_a_payload_comes_back_equal[the sum that is not 0.3]",
    "test_a_payload_comes_back_equal[zero]",
    "test_a_payload_comes_back_equal[key order]",
    "test_a_payload_comes_back_equal[looks like JSON]",
)
class FourteenDigits(_Rewriting):
    """A number comes back with fourteen digits."""

    def rewritten(self, text: str) -> str:
        value = _read(text)
        return f"{value:.14g}" if isinstance(value, float) else text


@liar(
    "test_a_payload_comes_back_equal[past 53 bits]",
    "test_a_payload_comes_back_equal[zero]",
    "test_a_payload_comes_back_equal[the largest float]",
    "test_a_payload_comes_back_equal[true]",
)
class IntegersThroughFloats(_Rewriting):
    """An integer comes back as the double next to it."""

    def rewritten(self, text: str) -> str:
        value = _read(text)
        small = type(value) is int and abs(value) < 10**300
        return f"{int(float(value))}" if small and isinstance(value, int) else text


@liar(
    "test_a_payload_comes_back_equal[a float that is whole]",
    "test_a_payload_comes_back_equal[the sum that is not 0.3]",
    "test_a_payload_comes_back_equal[zero]",
    "test_a_payload_comes_back_equal[empty object]",
)
class WholeFloatsAreIntegers(_Rewriting):
    """A float that is whole comes back as an integer."""

    def rewritten(self, text: str) -> str:
        value = _read(text)
        return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else text


@liar(
    "test_a_payload_comes_back_equal[empty list]",
    "test_a_payload_comes_back_equal[empty object]",
    "test_a_payload_comes_back_equal[64 deep]",
    "test_a_payload_comes_back_equal[mixed]",
)
class EmptyListIsAnObject(_Rewriting):
    """An empty list comes back as an empty object."""

    def rewritten(self, text: str) -> str:
        return "{}" if text == "[]" else text


@liar(
    "test_a_payload_comes_back_equal[decomposed]",
    "test_a_payload_comes_back_equal[composed]",
    "test_a_payload_comes_back_equal[256 KiB of wide characters]",
    "test_composed_and_decomposed_names_are_two",
)
class PayloadNormalised(_Rewriting):
    """Characters come back composed."""

    def rewritten(self, text: str) -> str:
        return unicodedata.normalize("NFC", text)


@liar(
    "test_payload_and_headers_are_text_that_a_store_does_not_read[encrypted]",
    "test_payload_and_headers_are_text_that_a_store_does_not_read[empty]",
    "test_a_payload_comes_back_equal[mixed]",
    "test_a_stored_job_is_what_was_given",
)
class HeadersDropped(Memory):
    """A job's headers are not kept."""

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        return super().queue_put([evolve(one, headers="") for one in drafts], on_conflict, now)


class _Likening(Memory):
    """Finds jobs by names that are only alike."""

    @abstractmethod
    def alike(self, name: str) -> str:
        """Return what all names that are taken for one have in common."""

    @hookimpl
    def queue_browse(self, query: JobQuery) -> StoredPage:
        if query.ids is not None:
            wanted = {self.alike(id) for id in query.ids}
            ids = tuple(id for id in self._store.entries if self.alike(id) in wanted)
            query = evolve(query, ids=ids)
        return super().queue_browse(query)


@liar(
    "test_hostile_ids_are_only_ids",
    "test_getting_an_unknown_job_gives_nothing",
    "test_an_id_named_twice_counts_once",
    "test_composed_and_decomposed_names_are_two",
)
class CaseIgnored(_Likening):
    """A job is found by its id in either case."""

    def alike(self, name: str) -> str:
        return name.casefold()


@liar(
    "test_hostile_ids_are_only_ids",
    "test_getting_an_unknown_job_gives_nothing",
    "test_an_id_named_twice_counts_once",
    "test_hostile_types_and_lanes_are_only_names",
)
class IdsStripped(_Likening):
    """A job is found by its id without the blanks around it."""

    def alike(self, name: str) -> str:
        return name.strip()
