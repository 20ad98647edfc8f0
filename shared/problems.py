"""Every expected error, as RFC 9457 problem+json in Chinese and English.

    Problem                        status  code
    ├─ Malformed                   400     malformed_request, invalid_cursor, idempotency_key_missing
    ├─ Unauthenticated             401     unauthenticated, token_expired, signature_invalid
    ├─ Forbidden                   403     forbidden, consent_required, purpose_required, agreement_required
    ├─ NotFound                    404     not_found
    ├─ Conflict                    409     id_conflict, duplicate, out_of_stock, quota_used, round_closed, …
    │   ├─ TransitionNotAllowed    409     transition_not_allowed
    │   └─ NotYetKnown             409     not_yet_known
    ├─ Gone                        410     gone, cursor_expired
    ├─ VersionMismatch             412     version_mismatch
    ├─ TooLarge                    413     body_too_large
    ├─ Invalid                     422     validation_failed, idempotency_key_reused
    ├─ IfMatchMissing              428     if_match_missing
    ├─ RateLimited                 429     rate_limited
    └─ Unavailable                 5xx     unavailable, bad_upstream, deadline_exceeded, storage_full

A problem carries its status, a stable code and our own limits; it never carries the caller's value or personal data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Text = tuple[str, str]
"""One sentence for a person: (Chinese, English)."""

CODES: Mapping[str, tuple[int, Text]] = {
    "malformed_request": (400, ("请求格式不正确", "The request could not be read")),
    "invalid_cursor": (400, ("翻页标记无效", "The cursor is not valid")),
    "idempotency_key_missing": (400, ("缺少 Idempotency-Key", "Idempotency-Key is missing")),
    "unauthenticated": (401, ("请先登录", "Sign in first")),
    "token_expired": (401, ("登录已过期", "The token has expired")),
    "signature_invalid": (401, ("签名无效", "The signature is not valid")),
    "forbidden": (403, ("没有权限", "You may not do this")),
    "second_factor_required": (403, ("需要第二重验证", "A second factor is required")),
    "consent_required": (403, ("需要本人同意", "Consent is required")),
    "purpose_required": (403, ("需要说明用途", "A purpose is required")),
    "agreement_required": (403, ("需要社区同意的合作协议", "An agreement of the community is required")),
    "not_found": (404, ("没有找到", "Not found")),
    "method_not_allowed": (405, ("不支持此方法", "Method not allowed")),
    "not_acceptable": (406, ("不支持所要求的格式", "Not acceptable")),
    "transition_not_allowed": (409, ("当前状态不允许此操作", "The present state does not allow this")),
    "in_progress": (409, ("相同的请求正在处理", "The same request is being processed")),
    "not_yet_known": (409, ("对象刚刚建立, 请稍候重试", "Just created elsewhere; try again shortly")),
    "id_conflict": (409, ("编号已被不同内容使用", "The id is taken by other content")),
    "duplicate": (409, ("已经存在", "It exists already")),
    "out_of_stock": (409, ("库存不足", "Out of stock")),
    "quota_used": (409, ("已达限购数量", "The quota is used up")),
    "round_closed": (409, ("本轮已截单", "The round is closed")),
    "time_clash": (409, ("时间冲突", "Times clash")),
    "limit_reached": (409, ("已达上限", "The limit is reached")),
    "gone": (410, ("已不再提供", "Gone")),
    "cursor_expired": (410, ("翻页标记已过期", "The cursor has expired")),
    "version_mismatch": (412, ("内容已被更新", "The content has changed meanwhile")),
    "body_too_large": (413, ("内容过大", "The body is too large")),
    "unsupported_media_type": (415, ("不支持的内容类型", "Unsupported media type")),
    "validation_failed": (422, ("提交的内容有误", "The content is not valid")),
    "idempotency_key_reused": (422, ("Idempotency-Key 已用于其他内容", "Idempotency-Key was used for other content")),
    "if_match_missing": (428, ("缺少 If-Match", "If-Match is missing")),
    "rate_limited": (429, ("请求过于频繁", "Too many requests")),
    "internal": (500, ("系统内部错误", "Internal error")),
    "bad_upstream": (502, ("内部服务应答有误", "A service behind answered wrongly")),
    "unavailable": (503, ("服务暂不可用", "Temporarily unavailable")),
    "deadline_exceeded": (504, ("处理超时", "The deadline was exceeded")),
    "storage_full": (507, ("存储空间不足", "Storage is full")),
}


@dataclass(frozen=True)
class FieldError:
    """One wrong field: ``pointer`` is an RFC 6901 pointer into ``location``; ``params`` are our limits."""

    pointer: str
    code: str
    detail: Text
    location: Literal["body", "query", "path", "header"] = "body"
    params: Mapping[str, Any] = field(default_factory=dict)

    def render(self, language: int) -> dict[str, Any]:
        return {
            "location": self.location,
            "pointer": self.pointer,
            "code": self.code,
            "detail": self.detail[language],
            "params": dict(self.params),
        }


class Problem(Exception):
    """An expected refusal. ``code`` is a key of CODES, ``detail`` says what to do, ``extra`` joins the body."""

    default_code = "internal"

    def __init__(
        self,
        detail: Text | None = None,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        self.code = code or self.default_code
        self.status, self.title = CODES[self.code]
        self.detail = detail or self.title
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = extra
        super().__init__(f"{self.code}: {self.detail[1]}")

    def body(self, language: Literal["zh", "en"], instance: str | None, request_id: str | None) -> dict[str, Any]:
        """The problem+json document in one language."""
        index = 0 if language == "zh" else 1
        document: dict[str, Any] = {
            "type": f"urn:problem-type:linli:{self.code}",
            "title": self.title[index],
            "status": self.status,
            "detail": self.detail[index],
            "instance": instance,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = [error.render(index) for error in self.errors]
        return document | self.extra


class Malformed(Problem):
    default_code = "malformed_request"


class Unauthenticated(Problem):
    default_code = "unauthenticated"

    def __init__(self, detail: Text | None = None, *, code: str | None = None) -> None:
        super().__init__(detail, code=code, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    default_code = "forbidden"


class NotFound(Problem):
    default_code = "not_found"


class Conflict(Problem):
    default_code = "duplicate"


class TransitionNotAllowed(Conflict):
    """The machine has no such arrow from this state."""

    default_code = "transition_not_allowed"

    def __init__(self, machine: str, state: str, action: str, allowed_actions: Sequence[str]) -> None:
        super().__init__(
            (
                f"当前状态为 {state}, 不能执行 {action}。",
                f"It is '{state}', which does not allow '{action}'; read it again and choose an allowed action.",
            ),
            state=state,
            allowed_actions=sorted(allowed_actions),
        )
        self.machine = machine


class NotYetKnown(Conflict):
    """A reference to something made elsewhere within the last minute, whose event has not arrived yet."""

    default_code = "not_yet_known"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class Gone(Problem):
    default_code = "gone"


class VersionMismatch(Problem):
    default_code = "version_mismatch"

    def __init__(self, current_version: int) -> None:
        super().__init__(
            ("内容已被他人更新, 请重新读取后再提交。", "It was changed meanwhile; read it again, then repeat."),
            current_version=current_version,
        )


class IfMatchMissing(Problem):
    default_code = "if_match_missing"


class TooLarge(Problem):
    default_code = "body_too_large"


class Invalid(Problem):
    default_code = "validation_failed"


class RateLimited(Problem):
    default_code = "rate_limited"


class Unavailable(Problem):
    default_code = "unavailable"


def invalid(pointer: str, code: str, zh: str, en: str, **params: Any) -> Invalid:
    """A 422 that names one field of the body."""
    error = FieldError(pointer, code, (zh, en), params=params)
    return Invalid((zh, en), errors=[error])
