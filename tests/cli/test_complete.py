from pleo_export.cli.common import complete


class Large:
    """What is too large to be written out as a text; `written` tells that it was."""

    written = False

    def __repr__(self) -> str:
        self.written = True
        return "x"


def test_what_a_command_worked_out_is_not_made_a_text_of() -> None:
    large = Large()

    async def work() -> Large:
        return large

    assert complete(work()) is large
    assert not large.written
