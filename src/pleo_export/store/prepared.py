"""Statements that run for every item, without SQLAlchemy's own way of running them, which costs more than the database.

SQLAlchemy writes the SQL, once a kind of database, and its types convert what goes in and comes out; the driver runs it.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Delete, Dialect, Insert, Table, Update
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Convert = Callable[[Any], Any] | None


class _Spelled(NamedTuple):
    """The statement for one kind of database: its text, how values go in, and in which places, if they have places."""

    sql: str
    fixed: Mapping[str, Any]
    inward: tuple[tuple[str, Convert], ...]
    by_place: bool
    outward: tuple[tuple[str, Convert], ...]


class Prepared:
    """A statement to be run again and again. `returned` is the table whose rows a RETURNING gives."""

    def __init__(self, statement: Insert | Update | Delete, returned: Table | None = None) -> None:
        self._statement, self._returned = statement, returned
        self._spelled: dict[tuple[str, frozenset[str]], _Spelled] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Run it; return how many rows it concerned. Raises the driver's own errors."""
        return self._execute(connection, values)[1].rowcount

    def row(self, connection: Connection, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Run it; return the first row it returns, by column, or None. Raises the driver's own errors."""
        spelled, cursor = self._execute(connection, values)
        found = cursor.fetchone()
        if found is None:
            return None
        return {
            name: value if convert is None else convert(value)
            for (name, convert), value in zip(spelled.outward, found, strict=True)
        }

    def _execute(self, connection: Connection, values: Mapping[str, Any]) -> tuple[_Spelled, DBAPICursor]:
        spelled = self._spelling(connection.dialect, frozenset(values))
        given = {**spelled.fixed, **values}
        ready = {
            name: given[name] if convert is None else convert(given[name]) for name, convert in spelled.inward
        }
        cursor = connection.connection.cursor()
        cursor.execute(spelled.sql, tuple(ready.values()) if spelled.by_place else ready)
        return spelled, cursor

    def _spelling(self, dialect: Dialect, names: frozenset[str]) -> _Spelled:
        key = (dialect.name, names)
        spelled = self._spelled.get(key)
        if spelled is None:
            spelled = self._spelled[key] = self._spell(dialect, names)
        return spelled

    def _spell(self, dialect: Dialect, names: frozenset[str]) -> _Spelled:
        compiled = self._statement.compile(dialect=dialect, column_keys=sorted(names))
        assert isinstance(compiled, SQLCompiler)
        binds = {str(name): bind for bind, name in compiled.bind_names.items()}
        columns = () if self._returned is None else tuple(self._returned.columns)
        return _Spelled(
            sql=compiled.string,
            fixed=compiled.params,
            inward=tuple(
                (name, binds[name].type.dialect_impl(dialect).bind_processor(dialect))
                for name in map(str, compiled.positiontup or binds)
            ),
            by_place=compiled.positiontup is not None,
            outward=tuple((str(column.name), _outward(column.type, dialect)) for column in columns),
        )


def _outward(kind: TypeEngine[Any], dialect: Dialect) -> Convert:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
