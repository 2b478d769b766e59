"""Takes a folder of its own in the work folder that is given, keeps a receipt there, says so, and waits to be killed."""

import signal
import sys
from pathlib import Path

from pleo_export.service.work_folder import own_folder

receipt = own_folder(Path(sys.argv[1])) / "receipt.pdf"
receipt.write_bytes(b"%PDF")
sys.stdout.write(f"{receipt}\n")
sys.stdout.flush()
signal.pause()
