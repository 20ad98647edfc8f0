"""Vetting many at once: each row judged by itself, or all together when the batch is atomic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.dispatch.recruitment.use_cases import locked_places
from services.dispatch.vetting import domain
from services.dispatch.vetting.messages import sign_up_event
from services.dispatch.vetting.schemas import (
    SignUpBatchApprove,
    SignUpBatchOutcome,
    SignUpBatchRefuse,
    SignUpBatchRow,
    SignUpBatchRowOutcome,
)
from services.dispatch.vetting.tables import SignUp, VettingBatch
from services.dispatch.vetting.use_cases import enlist_all, free
from shared.auth import Principal
from shared.bus.outbox import record_many
from shared.contracts.dispatch import RECORD
from shared.database import transaction_time
from shared.ids import new_id
from shared.openapi import ProblemDocument
from shared.privacy import DataClass, Plain, Vault
from shared.problems import FieldError, Forbidden, Invalid, NotFound, Problem, TransitionNotAllowed, invalid
from shared.web import Language

EVENTS = {"approve": "sign_up.approved", "refuse": "sign_up.refused"}


@dataclass
class Judged:
    """The sign-ups of a batch that the caller may see, under lock; why not, by sign-up; and those that changed."""

    present: Mapping[UUID, SignUp]
    problems: dict[UUID, Problem]
    changed: dict[UUID, SignUp] = field(default_factory=dict)

    def possible(self) -> list[SignUp]:
        return [one for one in self.present.values() if one.id not in self.problems]


async def approve_batch(db: AsyncSession, who: Principal, body: SignUpBatchApprove) -> VettingBatch:
    """Approves up to 500; the volunteers are made with them. Raises Invalid when atomic and one cannot be."""
    who.must("sign_ups.batch_approve")
    judged = await _judge(db, who, "approve", body.rows)
    judged.problems |= await enlist_all(db, judged.possible())
    for one in judged.possible():
        if domain.approve(one, who.id, transaction_time(db)):
            judged.changed[one.id] = one
    return await _finish(db, who, "approve", body, judged)


async def refuse_batch(db: AsyncSession, who: Principal, body: SignUpBatchRefuse, vault: Vault) -> VettingBatch:
    """Refuses up to 500, each for its own reason. Raises Invalid when atomic and one cannot be."""
    who.must("sign_ups.batch_refuse")
    rows = {row.sign_up_id: row for row in body.rows}
    calls = select(col(SignUp.recruitment_call_id)).where(col(SignUp.id).in_(rows)).distinct()
    places = await locked_places(db, list((await db.execute(calls)).scalars()))
    judged = await _judge(db, who, "refuse", body.rows)
    notes = await _notes(vault, judged.possible(), {id: row.note for id, row in rows.items() if row.note})
    for one in judged.possible():
        before = one.state
        if domain.refuse(one, rows[one.id].reason_code, notes.get(one.id), who.id, transaction_time(db)):
            await free(db, places[one.recruitment_call_id], before)
            judged.changed[one.id] = one
    return await _finish(db, who, "refuse", body, judged)


async def _judge(db: AsyncSession, who: Principal, action: str, rows: Sequence[SignUpBatchRow]) -> Judged:
    for name in ("row_id", "sign_up_id"):
        if len({getattr(row, name) for row in rows}) < len(rows):
            raise invalid("/rows", "duplicate", f"{name} 有重复。", f"Every {name} must be there once.")
    ids = [row.sign_up_id for row in rows]
    query = select(SignUp).where(col(SignUp.id).in_(ids)).order_by(col(SignUp.id)).with_for_update()
    found = (await db.execute(query.execution_options(populate_existing=True))).scalars()
    present = {one.id: one for one in found}
    problems: dict[UUID, Problem] = {id: NotFound() for id in ids if id not in present}
    for one in present.values():
        try:
            who.must(f"sign_ups.{action}", on=one.area)
            domain.SIGN_UP.step(one.state, action)
        except (Forbidden, TransitionNotAllowed) as problem:
            problems[one.id] = problem
    return Judged(present, problems)


async def _notes(vault: Vault, sign_ups: Sequence[SignUp], notes: Mapping[UUID, str]) -> dict[UUID, bytes]:
    wanted = [one for one in sign_ups if one.id in notes]
    if not wanted:
        return {}
    plains = [Plain(notes[one.id], one.person_id, DataClass.VOLUNTEER_RECORD, "note") for one in wanted]
    return dict(zip((one.id for one in wanted), await vault.seal_many(plains), strict=True))


async def _finish(
    db: AsyncSession, who: Principal, action: str, body: SignUpBatchApprove | SignUpBatchRefuse, judged: Judged
) -> VettingBatch:
    if body.atomic and judged.problems:
        raise _all_or_none(body.rows, judged.problems)
    await record_many(db, RECORD, EVENTS[action], [sign_up_event(one) for one in judged.changed.values()])
    batch = VettingBatch(
        id=new_id(),
        action=action,
        created_by=who.id,
        created_at=transaction_time(db),
        results=[_result(row, judged) for row in body.rows],
    )
    db.add(batch)
    return batch


def _all_or_none(rows: Sequence[SignUpBatchRow], problems: Mapping[UUID, Problem]) -> Invalid:
    errors = [
        FieldError(f"/rows/{index}/sign_up_id", problem.code, problem.detail)
        for index, row in enumerate(rows)
        if (problem := problems.get(row.sign_up_id))
    ]
    detail = ("有些行不能处理, 整批未执行。", "Some rows cannot be done, so none was; correct or leave them out.")
    return Invalid(detail, errors=errors)


def _result(row: SignUpBatchRow, judged: Judged) -> dict[str, Any]:
    problem = judged.problems.get(row.sign_up_id)
    outcome = "rejected" if problem else "updated" if row.sign_up_id in judged.changed else "unchanged"
    said = None if problem is None else {"code": problem.code, "detail": problem.detail}
    return {"row_id": row.row_id, "outcome": outcome, "id": str(row.sign_up_id), "problem": said}


def outcome_of(batch: VettingBatch, language: Language, path: str) -> SignUpBatchOutcome:
    """What the batch did, in one language."""
    rows = [
        SignUpBatchRowOutcome.model_validate(result | {"problem": _document(result["problem"], language, path)})
        for result in batch.results
    ]
    return SignUpBatchOutcome(rows=rows)


def _document(said: dict[str, Any] | None, language: Language, path: str) -> ProblemDocument | None:
    if said is None:
        return None
    zh, en = said["detail"]
    return ProblemDocument.model_validate(Problem((zh, en), code=said["code"]).body(language, path, None))
