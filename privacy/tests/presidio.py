"""Misses and false alarms of Presidio on labelled.jsonl, counted as labelled.rs counts them.

    python3 -m venv /tmp/presidio && /tmp/presidio/bin/pip install presidio-analyzer
    /tmp/presidio/bin/python privacy/tests/presidio.py

Its pattern recognisers alone, with every one of them that finds the kinds that Hearken knows, for every language; the
names that a spaCy model would find are none of these kinds.
"""

import json
import pathlib
from collections import defaultdict

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from presidio_analyzer import predefined_recognizers as known

LANGUAGES = ["en", "de", "fr", "es", "it", "ja"]
KINDS = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "US_SSN": "ssn",
    "IP_ADDRESS": "ip",
}


class Blank(SpacyNlpEngine):
    """Tokens and nothing else, as PyPI has no models."""

    def __init__(self):
        super().__init__()
        self.nlp = {language: spacy.blank("xx") for language in LANGUAGES}

    def load(self):
        pass


registry = RecognizerRegistry(supported_languages=LANGUAGES)
for language in LANGUAGES:
    for recognizer in [
        known.EmailRecognizer,
        known.CreditCardRecognizer,
        known.IbanRecognizer,
        known.UsSsnRecognizer,
        known.IpRecognizer,
    ]:
        registry.add_recognizer(recognizer(supported_language=language))
    regions = ["US", "GB", "DE", "FR", "ES", "IT", "JP"]  # those of the rows; its own choice knows half of them
    registry.add_recognizer(known.PhoneRecognizer(supported_language=language, supported_regions=regions))
analyzer = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=LANGUAGES)

labelled, missed, false_alarms = defaultdict(int), defaultdict(int), defaultdict(int)
for line in pathlib.Path(__file__).with_name("labelled.jsonl").read_text(encoding="utf-8").splitlines():
    row = json.loads(line)
    found = [
        (KINDS[result.entity_type], result.start, result.end)
        for result in analyzer.analyze(row["text"], language=row["language"])
        if result.entity_type in KINDS
    ]
    places, at = [], 0
    for kind, text in row["spans"]:
        start = row["text"].index(text, at)
        at = start + len(text)
        places.append((kind, start, at))
    for kind, start, end in places:
        is_found = any(s <= start and end <= e for _, s, e in found)
        for name in [kind, row["language"], "all"]:
            labelled[name] += 1
            missed[name] += not is_found
    counted = []
    for kind, start, end in found:
        overlaps = any(s < end and start < e for _, s, e in places) or any(s < end and start < e for s, e in counted)
        if not overlaps:
            counted.append((start, end))
            for name in [kind, row["language"], "all"]:
                false_alarms[name] += 1
for name in [*sorted(KINDS.values()), *sorted(LANGUAGES), "all"]:
    print(f"| {name} | {labelled[name]} | {missed[name]} | {false_alarms[name]} |")
