"""What an additive change may not do: take a field away, or give it another JSON type."""

from typing import Any

import orjson
from pydantic import ValidationError

from shared.contracts.base import Contract


def breaks(model: type[Contract], golden: dict[str, Any]) -> list[str]:
    """Why the model no longer understands, or no longer says, what the golden payload says; empty when it does."""
    try:
        today = model.model_validate_json(orjson.dumps(golden))
    except ValidationError as error:
        return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return _differences(golden, orjson.loads(today.to_json()), model.__name__)


def _differences(old: Any, new: Any, path: str) -> list[str]:
    if type(old) is not type(new):
        return [f"{path}: was {type(old).__name__}, is {type(new).__name__}"]
    if isinstance(old, dict):
        gone = [f"{path}.{name}: is gone" for name in old if name not in new]
        return gone + [
            line for name in old if name in new for line in _differences(old[name], new[name], f"{path}.{name}")
        ]
    if isinstance(old, list):
        if len(old) != len(new):
            return [f"{path}: had {len(old)} entries, has {len(new)}"]
        return [
            line for n, pair in enumerate(zip(old, new, strict=True)) for line in _differences(*pair, f"{path}.{n}")
        ]
    return [] if old == new else [f"{path}: was {old!r}, is {new!r}"]
