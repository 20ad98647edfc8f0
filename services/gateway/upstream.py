"""Calls that the gateway makes itself to the services that own the data (routing forwards bytes and is elsewhere)."""

from typing import Any, cast

import httpx

from services.gateway.identity.keys import service_token
from services.gateway.settings import GatewaySettings
from shared.bus.context import correlation_id
from shared.problems import Problem, Unavailable
from shared.service import Resources


async def call(
    resources: Resources,
    owner: str,
    method: str,
    path: str,
    *,
    json: Any = None,
    params: Any = None,
    key: str | None = None,
    authorization: str | None = None,
    deadline: float = 2.0,
) -> httpx.Response:
    """One request to ``owner`` (registry, orders, dispatch); the answer of any status below 500.

    ``key`` becomes the Idempotency-Key; ``authorization`` is the caller's own header, else the gateway's service token;
    ``deadline`` in seconds. Raises Unavailable (no connection, 5xx) or a Problem ``deadline_exceeded``.
    """
    settings = cast(GatewaySettings, resources.settings)
    headers = {
        "Authorization": authorization or f"Bearer {service_token(settings)}",
        "Linli-Timeout-Ms": str(int(deadline * 1000)),
    }
    if key is not None:
        headers["Idempotency-Key"] = key
    if (request_id := correlation_id.get()) is not None:
        headers["Request-Id"] = request_id
    try:
        answer = await resources.http.request(
            method, settings.url_of(owner) + path, json=json, params=params, headers=headers, timeout=deadline
        )
    except httpx.ConnectError as error:
        raise unavailable(owner) from error
    except httpx.TimeoutException as error:
        raise Problem(code="deadline_exceeded") from error
    except httpx.HTTPError as error:
        raise unavailable(owner) from error
    if answer.status_code >= 500:
        raise unavailable(owner)
    return answer


def unavailable(owner: str) -> Unavailable:
    return Unavailable(
        (f"{owner} 服务暂不可用, 请稍候重试。", f"The {owner} service does not answer; try again shortly."),
        headers={"Retry-After": "2"},
    )
