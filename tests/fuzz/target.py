"""One check under the fuzzer, in a process of its own: `python -m fuzz.target CHECK [libFuzzer's options]`."""

import sys

import atheris

with atheris.instrument_imports(include=["gateway.body", "gateway.minimise", "xml", "json", "urllib"]):
    from fuzz.oracle import checks

if __name__ == "__main__":
    check = checks()[sys.argv.pop(1)]
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
