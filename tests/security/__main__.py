"""`python -m tests.security` writes docs/explanation/security.md."""

from tests.security.page import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
