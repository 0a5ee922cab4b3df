"""`make month`: a month of a shop, ten thousand orders unless another number is given (`make month ORDERS=80`)."""

import sys
import tempfile
import time
from pathlib import Path

from month.story import lived

if __name__ == "__main__":
    COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    BEGUN = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        differences = lived(Path(folder), COUNT)
    for difference in differences:
        print(difference)
    print(f"{COUNT} orders in {time.monotonic() - BEGUN:.0f} s; reports and shop differ in {len(differences)} places")
    sys.exit(bool(differences))
