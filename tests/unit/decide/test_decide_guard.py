"""The guard: what of a patient is found in a routing string, and that it is not said."""

from __future__ import annotations

import pytest

from causeway.attributes import Attributes, tag_of
from causeway.decide.guard import Exposed, Kind, exposed, exposed_in
from causeway.decide.routing import Routing, RoutingForm, parse


def patient(**values: str | tuple[str, ...]) -> Attributes:
    return Attributes(
        values={
            tag_of(keyword): (value,) if isinstance(value, str) else value
            for keyword, value in values.items()
        }
    )


def found(text: str, header: Attributes, where: str = "PatientComments") -> set[str]:
    leak = exposed_in(text, header, where=where)
    if leak is None:
        return set()
    assert leak.where == where
    return {kind.value for kind in leak.kinds}


@pytest.mark.parametrize(
    ("name", "text", "leaks"),
    [
        ("Doe^Jane", "neuro/amnesia/jane", True),
        ("Doe^Jane", "neuro/amnesia/JANE_01", True),
        ("Doe^Jane", "neuro/amnesia/xjanex", True),
        ("Doe^Jane", "neuro/amnesia/s01", False),
        ("Doe^Jane", "neuro/amnesia/doe", True),
        ("Doe^Jane", "neuro/amnesia/doe-01", True),
        ("Doe^Jane", "neuro/amnesia/s_doe_01", True),
        ("Doe^Jane", "neuro/doeskin/s01", False),  # under four characters: whole words only
        ("Lee^Ann", "neuro/sleep/annual", False),
        ("Lee^Ann", "neuro/sleep/ann", True),
        ("Smith-Jones^Mary Louise", "neuro/amnesia/jones", True),
        ("Smith-Jones^Mary Louise", "neuro/amnesia/LOUISE", True),
        ("Doe^Jane^Q^Dr^Professor", "neuro/professor/q", False),  # titles and initials
        ("van der Berg^Jo", "van/der/s01", False),
        ("van der Berg^Jo", "neuro/amnesia/vanderberg", True),
        ("Müller^Jörg", "neuro/amnesia/mueller", True),
        ("Müller^Jörg", "neuro/amnesia/muller", True),
        ("Mueller^Jo", "neuro/amnesia/müller", True),
        ("Sørensen^Å", "neuro/amnesia/sorensen", True),
        ("García^José", "neuro/amnesia/garcia", True),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "neuro/amnesia/山田太郎", True),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "neuro/amnesia/山田", True),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "neuro/amnesia/tarou", True),
        ("Иванов^Иван", "neuro/amnesia/ИВАНОВ", True),
        ("Jane Doe", "neuro/amnesia/janedoe", True),
        ("12345^678", "neuro/amnesia/12345", False),  # no name; the ID is compared by itself
        ("", "neuro/amnesia/s01", False),
        ("^^", "neuro/amnesia/s01", False),
    ],
)
def test_names(name: str, text: str, leaks: bool):
    assert found(text, patient(PatientName=name)) == ({"name"} if leaks else set())


def test_other_names_count_too():
    header = patient(PatientName="Doe^Jane", OtherPatientNames=("Roe^J", "Poe^Mary"))
    assert found("neuro/amnesia/mary", header) == {"name"}
    assert found("neuro/amnesia/born-smith", patient(PatientBirthName="Smith^Jane")) == {"name"}


@pytest.mark.parametrize(
    "text",
    [
        "g/p/19800103",
        "g/p/1980-01-03",
        "g/p/1980.1.3",
        "g/p/1980_01_03",
        "g/p/03011980",
        "g/p/01031980",
        "g/p/03.01.1980",
        "g/p/3.1.80",
        "g/p/1/3/1980",
        "g/p/1-3-80",
        "g/p/800103",
        "g/p/s030180",
        "g/p/010380_s1",
        "g/p/3 Jan 1980",
        "g/p/03JAN1980",
        "g/p/January 3, 1980",
        "g/p/1980-Jan-03",
        "g/p/jan0380",
        "g/p/198001031234",
    ],
)
def test_birth_dates(text: str):
    assert found(text, patient(PatientBirthDate="19800103")) == {"birth date"}
    assert found(text, patient(PatientBirthDate="19810203")) == set()


@pytest.mark.parametrize(
    "text", ["g/p/1980", "g/p/s0301", "g/p/9800103", "g/p/0301801", "g/p/13.1.1980", "g/p/0103"]
)
def test_what_is_no_birth_date(text: str):
    assert found(text, patient(PatientBirthDate="19800103")) == set()


def test_a_birth_date_that_is_none():
    for date in ("", "0000", "19801303", "unknown"):
        assert found("g/p/19801303/0000/unknown", patient(PatientBirthDate=date)) == set()


@pytest.mark.parametrize(
    ("identity", "text", "leaks"),
    [
        ("AMN012", "g/p/amn012", True),
        ("AMN012", "g/p/xAMN012y", True),
        ("123-456", "g/p/123456", True),
        ("AB 12.34", "g/p/ab1234", True),
        ("1234567", "g/p/s1234567", True),
        ("0001234567", "g/p/1234567", True),
        ("1234567", "g/p/0001234567", True),
        ("1234567", "g/p/91234567", False),  # another number
        ("2026", "g/p/20260107", False),
        ("12", "g/p/12", True),
        ("12", "g/p/s12", True),
        ("12", "g/p/s112", False),
        ("A1", "g/p/A1", True),
        ("A1", "g/p/ba1", False),
        ("", "g/p/s01", False),
        ("--", "g/p/a--b", False),
    ],
)
def test_ids(identity: str, text: str, leaks: bool):
    assert found(text, patient(PatientID=identity)) == ({"ID"} if leaks else set())


def test_an_attribute_is_not_compared_with_itself():
    header = patient(PatientID="s01@neuro/amnesia", PatientName="Doe^Jane")
    text = "neuro/amnesia/s01@neuro/amnesia"
    assert found(text, header, where="PatientID") == set()
    assert found(text, header, where="PatientComments") == {"ID"}
    assert found("neuro/jane", header, where="PatientID") == {"name"}
    assert found("neuro/jane", header, where="PatientName") == set()


def test_a_routing_string_is_looked_at_and_not_what_stands_around_it():
    header = patient(PatientName="Doe^Jane", PatientBirthDate="19800103", PatientID="AMN012")
    text = "fw://neuro/amnesia/s01\nJane Doe, calm"
    routing = parse(text, RoutingForm(), where="PatientComments")
    assert isinstance(routing, Routing)
    assert exposed(routing, header) is None
    routing = parse("fw://neuro/amnesia/Jane/1980-01-03", RoutingForm(), where="PatientComments")
    assert isinstance(routing, Routing)
    assert exposed(routing, header) == Exposed(
        kinds=(Kind.NAME, Kind.BIRTH_DATE), where="PatientComments"
    )


def test_the_reason_says_which_and_never_the_value():
    header = patient(PatientName="Doe^Jane", PatientBirthDate="19800103", PatientID="AMN012")
    leak = exposed_in("neuro/amnesia/jane_19800103_AMN012", header, where="PatientComments")
    assert leak is not None
    assert leak.reason == (
        "the routing string in PatientComments holds the patient's name, birth date and ID"
    )
    for secret in ("ane", "1980", "AMN"):
        assert secret not in leak.reason
        assert secret not in repr(leak)
