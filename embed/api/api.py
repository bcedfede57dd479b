"""The API: its endpoints, its errors, and its OpenAPI document."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from embed.api import feedback, likes, schemas
from embed.api.problems import MEDIA_TYPE, problem
from likes.http import Refusal

TEXT = """Likes and feedback of one site, for your server. Staff creates a key on the page of the site; send it as
`Authorization: Bearer rh_…`. Each key may send 600 requests at once and 10 a second in the long run."""
ERRORS = (400, 401, 403, 404, 409, 413, 422, 429, 503)


class Api(NinjaAPI):
    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        response = super().create_temporal_response(request)
        for name, value in getattr(request, "rate_limit", {}).items():
            response[name] = value
        return response

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return str(operation.view_func.__name__)

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """With the errors that every endpoint may return, and the scope that it needs."""
        schema = super().get_openapi_schema(**options)
        content = {MEDIA_TYPE: {"schema": schemas.Problem.model_json_schema()}}
        schema["components"]["responses"] = {"Problem": {"description": "Refused", "content": content}}
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["security"] = [{"Bearer": [operation.pop("x-scope")]}]
                operation["responses"] |= dict.fromkeys(ERRORS, {"$ref": "#/components/responses/Problem"})
        return schema


api = Api(title="Redheart", version="1", description=TEXT, docs_url=None, urls_namespace="api")
api.add_router("", likes.router)
api.add_router("", feedback.router)


def refuse(request: HttpRequest, status: int, detail: object, **headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return problem(status, detail, headers=named | getattr(request, "rate_limit", {}))


@api.exception_handler(HttpError)
def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        sentence = gettext("Send a valid key: Authorization: Bearer rh_…")
        return refuse(request, error.status_code, sentence, WWW_Authenticate="Bearer")
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return refuse(request, error.status_code, gettext("Send a body that is valid JSON."))
    return refuse(request, error.status_code, error)


@api.exception_handler(Http404)
def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return refuse(request, HTTPStatus.NOT_FOUND, gettext("There is nothing with this id."))


@api.exception_handler(Refusal)
def refusal(request: HttpRequest, error: Refusal) -> HttpResponse:
    return refuse(request, error.status, error.message, **({"Retry_After": str(error.wait)} if error.wait else {}))


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Names each field with what is wrong with it."""
    fields = [f"{_field(each['loc'])}: {each['msg']}" for each in error.errors]
    return refuse(request, HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(fields))


def _field(location: tuple[str | int, ...]) -> str:
    """``page.0`` of ``("query", "query", "page", 0)``."""
    return ".".join(map(str, location[2:] or location))


@api.exception_handler(Exception)
def unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    """Left to the middlewares, which also tell an unavailable database from a bug."""
    raise error
