"""Figures that other parts of the benchmark measure: the service's and Odoo's. Kept beside the results."""

from pathlib import Path
from typing import Self

import msgspec

from bench.installed import PLACE

FILE = PLACE / "side.json"


class Grown(msgspec.Struct, frozen=True, kw_only=True):
    """What so many workers of the service took for one job of every company: seconds, CPU of all, MB of the largest."""

    companies: int
    workers: int
    items: int
    seconds: float
    cpu: float
    peak_mb: float


class Side(msgspec.Struct, frozen=True):
    """Seconds and MB; None: not measured. `missing` says why, by figure or by tool."""

    webhook_seconds: float | None = None
    ready_seconds: float | None = None
    idle_mb: float | None = None
    odoo_ratio: float | None = None
    grown: list[Grown] = []
    missing: dict[str, str] = {}

    @classmethod
    def load(cls, file: Path = FILE) -> Self:
        return msgspec.json.decode(file.read_bytes(), type=cls) if file.exists() else cls()

    def save(self, file: Path = FILE) -> None:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(msgspec.json.encode(self))
