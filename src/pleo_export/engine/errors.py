"""What can go wrong with the engine.

EngineError                      the engine cannot be used; says what happened and what to do
├── UnknownEngineUrlError        neither SQLite nor PostgreSQL
├── OldSqliteError               this Python needs a newer SQLite than it was built with
├── EngineUnreachableError       the engine's database does not answer, or refuses
├── NothingToRunError            started before it was told what a run does
├── EngineAlreadyStartedError    one working engine a process
└── EngineStoppingError          the engine was stopped before a run could begin; another worker begins it

Nothing of an EngineError's operation needs undoing; it may be tried again once the cause is gone.
"""


class EngineError(Exception):
    """The engine cannot be used."""


class UnknownEngineUrlError(EngineError):
    """The address names a database that the engine does not know."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url} is no address of an engine's database. Write sqlite:////folder/file.db or postgresql://user@host/database."
        )


class OldSqliteError(EngineError):
    """The SQLite of this Python is too old for the statements that the engine uses on it."""

    def __init__(self, python: str, sqlite: str) -> None:
        super().__init__(
            f"Python {python} with SQLite {sqlite} cannot hold the engine's file: from Python 3.12 on, SQLite 3.42 or later is"
            " needed. Use Python 3.11, a Python that brings a newer SQLite, or a PostgreSQL database."
        )


class EngineUnreachableError(EngineError):
    """The engine's database could not be used. Whether the last change was kept is unknown; asking again is safe."""

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(
            f"the engine's database {url} cannot be used: {detail}. Check that it runs and may be written."
        )


class NothingToRunError(EngineError):
    """The engine was started before `register`."""

    def __init__(self) -> None:
        super().__init__("tell the engine with register() what a run does before it is started")


class EngineAlreadyStartedError(EngineError):
    """A second engine was to work in this process."""

    def __init__(self) -> None:
        super().__init__("an engine works in this process already; stop it before another one is started")


class EngineStoppingError(EngineError):
    """The engine was stopped before the run could begin."""

    def __init__(self, run_id: int) -> None:
        super().__init__(f"run {run_id} was not begun, because the worker is stopping")
