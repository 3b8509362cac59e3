"""The least that REST framework needs to take choices: a view, a serializer and a cookie."""

from __future__ import annotations

import json
from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.benchmarks.website.urls import pages


class BodySerializer(serializers.Serializer[Any]):
    choices = serializers.DictField(child=serializers.BooleanField(), allow_empty=False)


class PreferencesView(APIView):
    renderer_classes = (JSONRenderer,)

    def get(self, request: Request) -> Response:
        stored = json.loads(request.COOKIES.get("choices", "{}"))
        return Response(BodySerializer({"choices": stored}).data)

    def put(self, request: Request) -> Response:
        body = BodySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        response = Response(body.data)
        response.set_cookie(
            "choices",
            json.dumps(body.validated_data["choices"]),
            max_age=182 * 86_400,
            samesite="Lax",
        )
        return response


urlpatterns = [*pages, path("consent/api/preferences/", PreferencesView.as_view())]


def seed(tools: int) -> None:
    pass


def cookie(visitor: str) -> str:
    return ""
