"""External ids: the names by which Odoo knows what we made, and makes nothing twice.

    pleo_export.c1_e<reference>       an entry's own document, in the company with number 1
    pleo_export.c1_e<reference>_s     its settlement; `_x` its clearing; `_r<digest>` one of its receipts
    pleo_export.c1_v<vendor>          a vendor

Odoo allows one dot and keeps names in an index with a limit on their length. A character that is no letter, digit or
hyphen is written as `_` and two hexadecimal digits a byte, so no two references share a name, and none of them reads
like one with a suffix.
"""

import hashlib
from enum import StrEnum

MODULE = "pleo_export"
_PLAIN_MAX = 120


class Part(StrEnum):
    """Which document of an entry."""

    ENTRY = ""
    SETTLEMENT = "_s"
    CLEARING = "_x"


def entry_id(company: int, reference: str, part: Part = Part.ENTRY) -> str:
    """Return the external id of an entry's document."""
    return f"{MODULE}.c{company}_e{_safe(reference)}{part}"


def receipt_id(company: int, reference: str, key: str, sha256: str) -> str:
    """Return the external id of a file with this key and content at an entry."""
    digest = hashlib.sha256(f"{key}\n{sha256}".encode(errors="surrogatepass")).hexdigest()
    return f"{entry_id(company, reference)}_r{digest[:40]}"


def vendor_id(company: int, vendor: str) -> str:
    """Return the external id of a vendor that was created with an entry."""
    return f"{MODULE}.c{company}_v{_safe(vendor)}"


def _safe(text: str) -> str:
    name = "".join(one if _plain(one) else _escaped(one) for one in text)
    if len(name) <= _PLAIN_MAX:
        return name
    return "_h" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _plain(character: str) -> bool:
    return character == "-" or (character.isascii() and character.isalnum())


def _escaped(character: str) -> str:
    return "".join(f"_{byte:02x}" for byte in character.encode(errors="surrogatepass"))
