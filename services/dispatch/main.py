"""The API of dispatch; wiring only."""

from fastapi import FastAPI

from services.dispatch.service import SERVICE
from shared.app import build_app


def create_app() -> FastAPI:
    return build_app(SERVICE)
