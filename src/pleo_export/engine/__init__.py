"""The durable engine: a trigger becomes a run, and a run drains one company, one at a time, whoever dies."""

from pleo_export.engine.engine import Drain, Engine, problem_of
from pleo_export.engine.errors import (
    EngineAlreadyStartedError,
    EngineError,
    EngineUnreachableError,
    NothingToRunError,
    OldSqliteError,
    UnknownEngineUrlError,
)
from pleo_export.engine.runs import Begun, CompanyRuns, EngineStatus, Run, RunState, Worker
from pleo_export.engine.watch import Pace

__all__ = [
    "Begun",
    "CompanyRuns",
    "Drain",
    "Engine",
    "EngineAlreadyStartedError",
    "EngineError",
    "EngineStatus",
    "EngineUnreachableError",
    "NothingToRunError",
    "OldSqliteError",
    "Pace",
    "Run",
    "RunState",
    "UnknownEngineUrlError",
    "Worker",
    "problem_of",
]
