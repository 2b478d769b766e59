"""Logging as it was before, after each test that configures it."""

import logging
import threading
from collections.abc import Iterator

import pytest
import structlog

LOGGERS = (None, "uvicorn", "uvicorn.error", "uvicorn.access", "dbos")


@pytest.fixture
def logging_restored() -> Iterator[None]:
    hook = threading.excepthook
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger, logger.handlers, logger.propagate, logger.level) for logger in loggers]
    yield
    for logger, handlers, propagate, level in before:
        logger.handlers, logger.propagate, logger.level = handlers, propagate, level
    logging.root.setLevel(logging.root.level)  # forgets which levels each logger has worked out
    threading.excepthook = hook
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
