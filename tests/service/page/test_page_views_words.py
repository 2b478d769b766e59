"""How the page says things, and what it never says."""

from datetime import timedelta
from decimal import Decimal
from string import Formatter

import pytest

from pleo_export.domain.catalogue import Cause
from pleo_export.domain.failures import Rejection
from pleo_export.domain.grouping import by_cause
from pleo_export.domain.item import MoneyModel
from pleo_export.domain.money import Money
from pleo_export.engine.errors import EngineUnreachableError
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.views.charts import amounts_charts, outcomes_chart
from pleo_export.service.page.views.downloads import cell
from pleo_export.service.page.views.job import group
from pleo_export.service.page.views.settings import _text
from pleo_export.service.page.words import advice, lasting, money, remedy_in_general, web_address
from pleo_export.store.views import DayAmount, DayOutcomes
from tests.service.page.site import COMPANY, NOON, Site


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause.item is not None])
def test_what_is_wrong_and_what_helps_are_told_apart_for_every_cause(cause: Cause) -> None:
    fields = list(Formatter().parse(cause.sentence + cause.remedy))
    values = {name: 7 if spec else f"<{name}> 1." for _, name, spec, _ in fields if name}
    problem, remedy = cause.told(**values)
    assert advice(Rejection(cause, f"{problem} {remedy}")) == (problem, remedy)
    assert "{" not in remedy_in_general(cause)


def test_a_reason_that_does_not_end_as_its_cause_does_is_kept_whole() -> None:
    reason = "Account 1 is gone. Its entry stands all the same."
    assert advice(Rejection(Cause.ACCOUNT_UNKNOWN, reason)) == (reason, "")


def test_what_is_wrong_with_several_expenses_in_the_same_words_is_said_once() -> None:
    def unknown(reference: str) -> Rejection:
        told = Cause.OUTCOME_UNKNOWN.told(system="Odoo", reference=reference)
        return Rejection(Cause.OUTCOME_UNKNOWN, " ".join(told))

    (found,) = [group(same) for same in by_cause([("e1", unknown("e1")), ("e2", unknown("e2"))])]
    (reason,) = found.reasons
    assert (reason.number, found.number, found.others, reason.example) == (2, 2, 0, "e1")
    assert reason.remedy == "Look there for the reference … before you export it again."


def test_more_reasons_than_can_be_read_are_counted() -> None:
    failures = [(f"e{number}", Rejection(Cause.NO_LINES, f"Reason {number}.")) for number in range(5)]
    (found,) = [group(same) for same in by_cause(failures)]
    assert ([reason.problem for reason in found.reasons], found.others) == (
        ["Reason 0.", "Reason 1.", "Reason 2."],
        2,
    )


def test_amounts_are_shown_exactly_or_as_they_were_sent() -> None:
    assert money(Money("EUR", -123456789)) == "-1,234,567.89 EUR"
    assert money(Money("JPY", 1200)) == "1,200 JPY"
    assert money(MoneyModel(currency="KWD", value=Decimal(1250))) == "12.500 KWD"
    assert money(MoneyModel(currency="???", value=Decimal(1250))) == "12.5 ???"
    assert money(None) == ""


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (61, "1 min 1 s"), (7322, "2 h 2 min")]
)
def test_times_are_told_in_two_units(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil", "http://[", "", None])
def test_only_addresses_of_pages_are_links(url: str | None) -> None:
    assert web_address(url) is None
    assert web_address("https://books.example/1") == "https://books.example/1"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("database_url", "postgresql://me:secret@db:5432/books?password=x", "postgresql://…@db:5432/books?…"),
        ("webhook_url", "https://hooks.example/T0/secret", "https://hooks.example/…"),
        ("base_url", "https://external.pleo.io", "https://external.pleo.io"),
        ("url", "http://[", "…"),
        ("flag", True, "yes"),
        ("list", ["a", "b"], "a, b"),
        ("table", {"6100": "4000"}, "6100 = 4000"),
        ("nothing", (), "nothing"),
        ("unset", None, "not set"),
    ],
)
def test_a_setting_is_shown_without_what_gives_access(name: str, value: object, shown: str) -> None:
    assert _text(name, value) == shown


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_text_that_looks_like_a_formula_is_text_in_a_spreadsheet(value: str) -> None:
    assert cell("note", value) == f"'{value}"
    assert cell("amount", "-1.00") == "-1.00"
    assert cell("position", 1) == 1


def test_a_chart_draws_each_day_in_its_place_and_as_high_as_it_counts() -> None:
    today = NOON.date()
    days = [today - timedelta(days=1), today]
    found = [
        DayOutcomes(days[0], 1, 1),
        DayOutcomes(days[1], 4, 0),
        DayOutcomes(NOON.date().replace(day=20), 9, 9),
    ]
    chart = outcomes_chart(days, found)
    assert [(bar.tone, bar.height) for bar in chart.bars] == [
        ("good", "30.0"),
        ("bad", "30.0"),
        ("good", "120.0"),
    ]
    assert [bar.y for bar in chart.bars] == ["98.0", "68.0", "8.0"]
    assert [bar.x for bar in chart.bars] == ["6.0", "6.0", "322.0"]
    assert chart.rows == [(days[0], ("1", "1")), (days[1], ("4", "0"))]


def test_what_came_back_is_drawn_in_the_other_colour() -> None:
    today = NOON.date()
    (chart,) = amounts_charts([today], [DayAmount(today, Money("EUR", -500))])
    assert [(bar.tone, bar.said) for bar in chart.bars] == [("bad", f"{today}: -5.00 EUR")]


def test_days_without_anything_are_an_empty_drawing() -> None:
    assert not outcomes_chart([NOON.date()], []).bars
    assert not amounts_charts([NOON.date()], [])
    assert not amounts_charts([NOON.date()], [DayAmount(NOON.date(), Money("EUR", 0))])[0].bars


async def test_the_pages_are_shown_while_the_engine_cannot_be_asked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> object:
        raise EngineUnreachableError("postgresql://nowhere", "away")

    monkeypatch.setattr(site.parts.engine, "runs_of_each", away)
    browser = await site.signed_in(Role.VIEWER)
    for path in ("/", f"/companies/{COMPANY}"):
        answer = await browser.get(path)
        assert answer.status_code == 200
        assert "What the service does at the moment is not known" in answer.text
