"""A company of the service that is connected to Pleo by OAuth, as a person would connect it."""

import urllib.request
from collections.abc import Mapping

from pleo_export.vault import new_key
from tests.e2e.service_process import call
from tests.e2e.story import COMPANY_ID, Story


def registered(story: Story, env: Mapping[str, str], port: int) -> Mapping[str, str]:
    """Register the service with Pleo, where a user allows whatever is asked for."""
    public = f"http://127.0.0.1:{port}"
    scopes = ["export-jobs:read", "export-jobs:write", "export-items:read"]
    client = story.bookkeeper.register_client("pleo-export", f"{public}/oauth/callback", scopes)
    story.bookkeeper.consent(COMPANY_ID)
    return {
        **env,
        "PLEO_EXPORT_API_KEY": "",
        "PLEO_EXPORT_ENCRYPTION_KEY": new_key(),
        "PLEO_EXPORT_PUBLIC_URL": public,
        "PLEO_EXPORT_OAUTH_SERVER": story.url,
        "PLEO_EXPORT_OAUTH_CLIENT_ID": client["clientId"],
        "PLEO_EXPORT_OAUTH_CLIENT_SECRET": client["clientSecret"],
    }


def connect(env: Mapping[str, str]) -> None:
    """Open the address as a person does: Pleo consents and sends the browser to the service."""
    address = call(env, "credentials", "connect", COMPANY_ID).strip()
    with urllib.request.urlopen(address, timeout=30) as answer:
        assert "is connected" in answer.read().decode()
