from pathlib import Path

from pleo_export.engine.database import PAGES_KEPT_KB, address, connect


def test_no_connection_keeps_much_of_a_file_that_grows_for_days(tmp_path: Path) -> None:
    pool = connect(address(f"sqlite:///{tmp_path}/engine.db"))
    with pool.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA cache_size").scalar() == -PAGES_KEPT_KB
    pool.dispose()
