"""The service's settings and their page say the same."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from pleo_export.service.settings import ServiceSettings

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "service.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(ServiceSettings.model_fields))
def test_every_setting_stands_in_the_reference_with_its_default_and_meaning(name: str) -> None:
    field = ServiceSettings.model_fields[name]
    default = "none" if field.default is None else f"`{field.default}`"
    assert f"| `PLEO_EXPORT_{name.upper()}` | {default} | {field.description} |" in PAGE


def test_a_setting_that_cannot_be_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEO_EXPORT_DATABASE_URL", "mysql://nowhere")
    with pytest.raises(ValidationError, match="database_url"):
        ServiceSettings()


def test_a_secret_is_not_shown() -> None:
    settings = ServiceSettings(operator_token="a token nobody may see")  # type: ignore[arg-type]
    assert "nobody may see" not in repr(settings)
