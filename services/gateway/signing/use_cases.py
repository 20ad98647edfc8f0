"""Secrets made, rotated and read. The plain text leaves only in the answer to whoever made or rotated it."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.gateway.signing.domain import new_secret
from services.gateway.signing.tables import SigningSecret
from shared.database import transaction_time
from shared.ids import new_id
from shared.privacy import DataClass, Sealed, Vault
from shared.problems import Conflict

OVERLAP = timedelta(hours=24)
MOST = 10
FIELD = "signing_secret"


async def add_secret(db: AsyncSession, vault: Vault, owner_id: UUID) -> str:
    """A fresh secret for the owner, sealed and stored; the plain text."""
    secret = new_secret()
    sealed = await vault.seal(secret, owner_id, DataClass.IDENTITY, FIELD)
    db.add(SigningSecret(id=new_id(), owner_id=owner_id, sealed=sealed, created_at=transaction_time(db)))
    await db.flush()
    return secret


async def rotate_secret(db: AsyncSession, vault: Vault, owner_id: UUID) -> str:
    """A fresh secret; those before it stay valid for 24 h. Raises Conflict (limit_reached) at ten valid ones.

    The caller holds the lock on the owner's row.
    """
    now = transaction_time(db)
    await db.execute(
        delete(SigningSecret).where(col(SigningSecret.owner_id) == owner_id, col(SigningSecret.expires_at) <= now)
    )
    kept = (
        (await db.execute(select(col(SigningSecret.id)).where(col(SigningSecret.owner_id) == owner_id))).scalars().all()
    )
    if len(kept) >= MOST:
        raise Conflict(
            (
                f"同时有效的密钥最多 {MOST} 个; 旧密钥 24 小时后失效, 届时再换。",
                f"At most {MOST} secrets overlap; rotate again when an old one has expired.",
            ),
            code="limit_reached",
        )
    await db.execute(
        update(SigningSecret)
        .where(col(SigningSecret.owner_id) == owner_id, col(SigningSecret.expires_at).is_(None))
        .values(expires_at=now + OVERLAP)
    )
    return await add_secret(db, vault, owner_id)


async def live_secrets(db: AsyncSession, vault: Vault, owner_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """Every owner's valid secrets, the newest first; an owner whose secrets were destroyed is left out."""
    now = transaction_time(db)
    query = (
        select(SigningSecret)
        .where(
            col(SigningSecret.owner_id).in_(owner_ids),
            or_(col(SigningSecret.expires_at).is_(None), col(SigningSecret.expires_at) > now),
        )
        .order_by(col(SigningSecret.id).desc())
    )
    rows = (await db.execute(query)).scalars().all()
    opened = await vault.open_many([Sealed(row.sealed, row.owner_id, DataClass.IDENTITY, FIELD) for row in rows])
    found: dict[UUID, list[str]] = {}
    for row, secret in zip(rows, opened, strict=True):
        if secret is not None:
            found.setdefault(row.owner_id, []).append(secret)
    return found


async def newest_secret(db: AsyncSession, vault: Vault, owner_id: UUID) -> str | None:
    """The secret to show to whoever has just made it."""
    return next(iter((await live_secrets(db, vault, [owner_id])).get(owner_id, [])), None)
