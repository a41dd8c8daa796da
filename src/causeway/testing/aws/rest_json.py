"""An AWS service's own model, read from the other side: requests in, answers out.

Botocore ships for each service what its requests and answers look like. A client is made of it; so
is this: a request is matched to its operation, its members are taken from path, query and body, and
checked for what the model says of them (required, type, pattern, length, allowed values, and
nothing that the model does not know). An answer or an error is rendered by its shape, so a fake
that answers what the service never would fails here, and not in production.

For services that speak ``rest-json``.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

_LABEL: Final = re.compile(r"\{([A-Za-z0-9_]+)\+?\}")


@dataclass(frozen=True, slots=True)
class Request:
    """What came in over HTTP."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes


class ServiceError(Exception):
    """An error of the service: the name of its shape, and what it says."""

    def __init__(self, name: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.headers = dict(headers or {})


class RestJson:
    """Reads requests and renders answers by a service's model."""

    def __init__(self, service: str) -> None:
        self._model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
        if self._model.metadata["protocol"] != "rest-json":
            raise ValueError(f"{service} does not speak rest-json")
        self._routes = [
            (operation.http["method"], _pattern(operation.http["requestUri"]), operation)
            for operation in map(self._model.operation_model, self._model.operation_names)
        ]

    def read(self, request: Request) -> tuple[OperationModel, dict[str, Any]]:
        """The operation and its parameters. Raises ``ServiceError``."""
        for method, pattern, operation in self._routes:
            found = pattern.fullmatch(request.path)
            if found and method == request.method:
                parameters = _parameters(operation, found.groupdict(), request)
                _check(parameters, operation.input_shape)
                return operation, parameters
        raise ServiceError("ResourceNotFoundException", "no such operation")

    def answer(self, operation: OperationModel, result: Mapping[str, Any]) -> Response:
        """Raises ``AssertionError`` for what this operation never answers."""
        shape = operation.output_shape
        problems = list(_problems(dict(result), shape, operation.name)) if shape else []
        assert not problems, problems
        body = json.dumps(_rendered(dict(result), shape)).encode() if shape else b""
        status = operation.http.get("responseCode", 200)
        return Response(status, {"Content-Type": "application/json"}, body)

    def refuse(self, error: ServiceError) -> Response:
        """As the model has this error; one that it does not know is a defect of the fake."""
        shape = self._model.shape_for(error.name)
        status = shape.metadata["error"]["httpStatusCode"]
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.name}
        return Response(
            status, headers | error.headers, json.dumps({"message": error.message}).encode()
        )


# --- requests -----------------------------------------------------------------------------------


def _pattern(uri: str) -> re.Pattern[str]:
    path = uri.partition("?")[0]
    at, made = 0, ""
    for label in _LABEL.finditer(path):
        made += re.escape(path[at : label.start()]) + f"(?P<{label[1]}>[^/]+)"
        at = label.end()
    return re.compile(made + re.escape(path[at:]))


def _parameters(
    operation: OperationModel, labels: Mapping[str, str], request: Request
) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    query = parse_qs(request.query, keep_blank_values=True)
    headers = {name.lower(): value for name, value in request.headers.items()}
    found: dict[str, Any] = {}
    elsewhere: set[str] = set()
    for name, member in shape.members.items():
        place = member.serialization.get("location")
        wire = member.serialization.get("name", name)
        if place:
            elsewhere.add(wire)
        if place == "uri":
            found[name] = unquote(labels[wire])
        elif place == "querystring" and wire in query:
            found[name] = _from_text(query[wire][0], member)
        elif place == "header" and wire.lower() in headers:
            found[name] = _from_text(headers[wire.lower()], member)
    payload = shape.serialization.get("payload")
    if payload:
        found[payload] = request.body
        return found
    body = _json(request.body)
    by_wire = {member.serialization.get("name", name): (name, member)
               for name, member in shape.members.items()}  # fmt: skip
    for wire, value in body.items():
        if wire not in by_wire or wire in elsewhere:
            raise ServiceError("ValidationException", f"unknown member {wire}")
        name, member = by_wire[wire]
        found[name] = _taken(value, member)
    return found


def _json(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        read = json.loads(body)
    except ValueError:
        raise ServiceError("ValidationException", "the body is no JSON") from None
    if not isinstance(read, dict):
        raise ServiceError("ValidationException", "the body is no structure")
    return read


def _from_text(text: str, shape: Shape) -> Any:
    if shape.type_name in ("integer", "long"):
        try:
            return int(text)
        except ValueError:
            raise ServiceError("ValidationException", f"{text} is no number") from None
    return text == "true" if shape.type_name == "boolean" else text


def _taken(value: Any, shape: Shape) -> Any:
    """A value of the body, by its shape: wire names become members, base64 becomes bytes."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        wires = {m.serialization.get("name", n): (n, m) for n, m in shape.members.items()}
        if unknown := set(value) - set(wires):
            raise ServiceError("ValidationException", f"unknown member {min(unknown)}")
        return {wires[wire][0]: _taken(each, wires[wire][1]) for wire, each in value.items()}
    if kind == "list" and isinstance(value, list):
        return [_taken(each, shape.member) for each in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _taken(each, shape.value) for key, each in value.items()}
    if kind == "blob" and isinstance(value, str):
        return base64.b64decode(value)
    if kind == "timestamp" and isinstance(value, int | float):
        return dt.datetime.fromtimestamp(value, dt.UTC)
    return value


def _check(parameters: dict[str, Any], shape: Shape | None) -> None:
    if shape is not None and (problems := list(_problems(parameters, shape, "request"))):
        raise ServiceError("ValidationException", problems[0])


def _problems(value: Any, shape: Shape, where: str) -> Iterator[str]:
    """What botocore's own check of types finds, and what it leaves to the service."""
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        yield report.generate_report().replace("\n", " ")
        return
    yield from _beyond(value, shape, where)


def _beyond(value: Any, shape: Shape, where: str) -> Iterator[str]:
    metadata = shape.metadata
    match shape.type_name:
        case "structure":
            if unknown := set(value) - set(shape.members):
                yield f"{where} has no member {min(unknown)}"
            for name, member in shape.members.items():
                if name in value:
                    yield from _beyond(value[name], member, name)
        case "list":
            if len(value) > metadata.get("max", len(value)):
                yield f"{where} has more than {metadata['max']} members"
            for each in value:
                yield from _beyond(each, shape.member, where)
        case "string":
            if len(value) > metadata.get("max", len(value)):
                yield f"{where} is longer than {metadata['max']}"
            pattern = metadata.get("pattern", "")
            # \p{…} is Java's; what has it is free text.
            if pattern and "\\p" not in pattern and not re.fullmatch(pattern, value):
                yield f"{where} does not match {pattern}"
            allowed = metadata.get("enum")
            if allowed and value not in allowed:
                yield f"{where} is none of {', '.join(allowed)}"
        case "integer" | "long":
            if value > metadata.get("max", value):
                yield f"{where} is more than {metadata['max']}"


# --- answers ------------------------------------------------------------------------------------


def _rendered(value: Any, shape: Shape) -> Any:
    match shape.type_name:
        case "structure":
            return {
                member.serialization.get("name", name): _rendered(value[name], member)
                for name, member in shape.members.items()
                if name in value
            }
        case "list":
            return [_rendered(each, shape.member) for each in value]
        case "map":
            return {key: _rendered(each, shape.value) for key, each in value.items()}
        case "timestamp":
            return value.timestamp()
        case "blob":
            return base64.b64encode(value).decode()
        case _:
            return value
