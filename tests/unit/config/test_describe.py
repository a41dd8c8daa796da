from __future__ import annotations

import json

from causeway.config import parse
from causeway.config.describe import effective, keys_at, schema, settings_of, tables, tables_with

TEXT = """\
data_dir = "data"
[[listener]]
ae_title = "A"
port = 11112
tls = { certificate = "c", key = "k", key_password = "env:SECRET" }
[[source]]
name = "ct"
ae_title = "CT"
addresses = ["10.0.0.0/8"]
"""


def test_every_setting_has_a_description() -> None:
    for table in tables():
        assert table.model.__doc__
        for key, field in settings_of(table.model):
            assert field.description, f"{table.heading} {key}"
            assert field.description.rstrip().endswith("."), f"{table.heading} {key}"


def test_units_stand_in_the_names_of_numbers() -> None:
    units = ("_bytes", "_seconds", "_hours", "_days", "_bytes_per_second")
    counts = {"port", "factor", "processes", "associations"}  # that have no unit
    for table in tables():
        for key, field in settings_of(table.model):
            if field.annotation in (int, float):
                counted = key in counts or key.startswith(("maximum_", "parallel_"))
                assert key.endswith(units) or counted, key


def test_effective_values_have_their_origin() -> None:
    loaded = parse(TEXT, look=False)
    shown = {item.key: item for item in effective(loaded.configuration, loaded.lines)}
    assert shown["listener[0].port"].value == 11112
    assert shown["listener[0].port"].line == 4
    assert shown["listener[0].tls.key_password"].value == "env:SECRET"
    assert shown["listener[0].tls.minimum_version"].line is None
    assert shown["source[0].addresses"].value == ["10.0.0.0/8"]
    assert shown["spool.durability"].line is None
    assert json.dumps([item.value for item in shown.values()])


def test_keys() -> None:
    written = {"listener": [{"tls": {}}], "destination": [{"type": "folder"}, {}]}
    assert "crl" in keys_at(("listener", 0, "tls"), written)
    assert "listener" in keys_at((), written)
    assert "path" in keys_at(("destination", 0), written)
    assert tables_with("quiet_seconds")[:2] == ["[[source]]", "[completion]"]


def test_the_schema_closes_every_table_and_describes_every_setting() -> None:
    document = schema()
    json.dumps(document)
    for table in (document, *document["$defs"].values()):
        assert table["additionalProperties"] is False
        assert table["description"]
        for name, setting in table["properties"].items():
            assert "description" in setting or "$ref" in setting, name
