"""What the page shows of Pleo and the accounting system themselves, while somebody waits; nothing is changed by it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pleo_export.cli.init import example_chart, settings_text
from pleo_export.service.page.access.roles import Role
from pleo_export.service.page.views import looking
from pleo_export.simulator.hands import Hands
from pleo_export.simulator.server import RunningSimulator
from tests.service.page.site import COMPANY, OTHER, Browser, Site

HOME = f"/companies/{COMPANY}"

pytestmark = pytest.mark.slow


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator(seed=5) as running:
        yield running


class Desk:
    """The company in the simulated Pleo, and its folder."""

    def __init__(self, pleo: Hands, folder: Path, key: str) -> None:
        self.pleo, self.folder, self.key = pleo, folder, key

    def export(self, number: int, scenario: str = "plain") -> str:
        self.pleo.advance(1)
        return self.pleo.press_export(COMPANY, self.pleo.generate(COMPANY, number, seed=3, scenario=scenario))


@pytest.fixture
async def desk(site: Site, simulator: RunningSimulator, tmp_path: Path) -> Desk:
    pleo = Hands(simulator.url)
    key = pleo.create_company("Page ApS", id=COMPANY, vendorBasedBookkeeping=True)["apiKey"]
    (tmp_path / "chart.toml").write_text(example_chart(), encoding="utf-8")
    values = {
        "pleo.company_id": COMPANY,
        "pleo.base_url": simulator.url,
        "vat.input_account": "2640",
        "vat.output_account": "2610",
    }
    await site.store.change_company(COMPANY, settings_text(values), str(tmp_path))
    await site.parts.companies.keep_secret(COMPANY, "pleo-api-key", key)
    return Desk(pleo, tmp_path, key)


@pytest.fixture
async def viewer(site: Site) -> Browser:
    return await site.signed_in({COMPANY: Role.VIEWER, OTHER: Role.VIEWER})


async def test_a_preview_shows_each_expense_beside_its_entry_and_writes_nothing(
    desk: Desk, viewer: Browser
) -> None:
    job_id = desk.export(3)
    waiting = await viewer.get(f"{HOME}/preview")
    assert f"{HOME}/preview/{job_id}" in waiting.text
    text = (await viewer.get(f"{HOME}/preview/{job_id}")).text
    assert "3 would be recorded, 0 would fail." in text
    assert text.count("As it would be written") == 3
    assert text.count("Why: ") >= 6
    assert ">pending<" in (await viewer.get(f"{HOME}/preview")).text
    assert not (desk.folder / "ledger").exists()


async def test_a_preview_groups_what_would_fail(desk: Desk, viewer: Browser) -> None:
    (desk.folder / "chart.toml").write_text(example_chart().replace('"6', '"5'), encoding="utf-8")
    text = (await viewer.get(f"{HOME}/preview/{desk.export(4)}")).text
    assert "4 would fail" in text
    assert "Account unknown: 4 expenses" in text
    assert "What to do:" in text


async def test_a_preview_of_a_job_that_pleo_does_not_know_is_not_there(desk: Desk, viewer: Browser) -> None:
    for job_id in ("00000000-0000-4000-8000-000000000000", "no-id", "..%2F..%2Fv1"):
        assert (await viewer.get(f"{HOME}/preview/{job_id}")).status_code == 404


async def test_where_pleo_lets_nobody_in_the_pages_say_so(site: Site, desk: Desk, viewer: Browser) -> None:
    job_id = desk.export(1)
    await site.parts.companies.keep_secret(COMPANY, "pleo-api-key", "wrong")
    for path in (f"/preview/{job_id}", "/preview", "/health"):
        answer = await viewer.get(f"{HOME}{path}")
        assert answer.status_code == 200
        assert "Pleo did not accept the credential" in answer.text


async def test_a_company_that_is_not_connected_yet_is_told_how_it_is(viewer: Browser) -> None:
    answer = await viewer.get(f"/companies/{OTHER}/health")
    assert "Press Connect with Pleo on its page" in answer.text
    assert f"credentials set-api-key {OTHER} FILE" in answer.text
    assert "PLEO_EXPORT_API_KEY" not in answer.text


async def test_a_look_that_takes_too_long_ends_in_a_sentence(
    desk: Desk, viewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = desk.export(1)
    monkeypatch.setattr(looking, "LOOK_SECONDS", 0.0)
    text = (await viewer.get(f"{HOME}/preview/{job_id}")).text
    assert "took longer than 0 seconds to answer. Nothing was changed" in text


async def test_health_shows_what_doctor_finds(desk: Desk, viewer: Browser) -> None:
    job_id = desk.export(2)
    text = (await viewer.get(f"{HOME}/health")).text
    assert "All well: Pleo, the settings and the accounting system can be used." in text
    assert f"{HOME}/preview/{job_id}" in text
    (desk.folder / "chart.toml").unlink()
    text = (await viewer.get(f"{HOME}/health")).text
    assert "Error: Chart missing" in text
    assert "What to do:" in text
    assert "All well" not in text
