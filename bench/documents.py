"""What a document costs by its size and by the rules of its contract: read, minimised, written and proved."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

from bench.report import Claim
from gateway.body.codecs import read_body, written_body
from gateway.contract.load import load
from gateway.inforce import Prepared, in_force
from gateway.minimise import minimise
from gateway.pieces import whole
from gateway.proving import proved

CONTRACTS = Path(__file__).parent / "contracts"
SIZES = {"1 KB": 1_000, "10 KB": 10_000, "100 KB": 100_000, "1 MB": 1_000_000}
RULES = (10, 100, 1_000)
REPEATS = 9
LINEAR = 1.5
"""How much more a byte may cost in a document of ten times the size, and with a hundred times the rules."""
BASELINE = 3.0
"""How many times what the standard library takes to parse and write the same bytes."""

Item = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one document cost: its kind of body, bytes, the rules of its contract, and CPU in microseconds."""

    body: str
    size: int
    rules: int
    cpu_us: float
    baseline_us: float = 0.0

    @property
    def ratio(self) -> float:
        """To what the standard library takes for the same bytes at the same time, whatever else slows both down."""
        return self.cpu_us / self.baseline_us

    def __str__(self) -> str:
        baseline = f"{self.ratio:>9.2f}" if self.baseline_us else ""
        return (
            f"{self.body:<15} {self.size:>10,} {self.rules:>6} {self.cpu_us:>11,.0f} "
            f"{1000 * self.cpu_us / self.size:>9,.1f} {baseline}"
        ).rstrip()


@dataclass(frozen=True, slots=True)
class Documents:
    """Costs by size, by rules, and of the other kinds of body."""

    costs: Sequence[Cost]

    def claims(self) -> Iterator[Claim]:
        by_size = {cost.size: cost for cost in self.costs if cost.body == "json" and cost.rules == RULES[0]}
        smaller, largest = sorted(by_size.values(), key=lambda cost: cost.size)[-2:]
        growth = largest.ratio / smaller.ratio
        yield Claim("aim", "the ratio at 1 MB to that at 100 KB", growth, LINEAR, met=growth <= LINEAR)
        by_rules = {cost.rules: cost.ratio for cost in self.costs if cost.body == "json" and cost.size == smaller.size}
        growth = by_rules[RULES[-1]] / by_rules[RULES[0]]
        yield Claim("aim", f"the ratio with {RULES[-1]:,} rules to {RULES[0]}", growth, LINEAR, met=growth <= LINEAR)
        ratio = largest.ratio
        yield Claim("aim", "1 MB to json.loads and json.dumps of it", ratio, BASELINE, met=ratio <= BASELINE)


def documents() -> Documents:
    """Measures in this process, on one thread; each figure is the least of several."""
    costs = [_cost("json", size, RULES[0]) for size in SIZES.values()]
    costs += [_cost("json", SIZES["100 KB"], rules) for rules in RULES[1:]]
    costs += [_cost(body, SIZES["10 KB"], RULES[0]) for body in _WRITTEN if body != "json"]
    return Documents(costs)


def rendered(measured: Documents) -> str:
    """The costs for people."""
    heading = f"{'body':<15} {'bytes':>10} {'rules':>6} {'CPU us':>11} {'ns/byte':>9} {'x json':>9}"
    return "\n".join([heading, *map(str, measured.costs), "", *map(str, measured.claims())])


def _cost(body: str, size: int, rules: int) -> Cost:
    prepared, payload = _prepared(body, rules), _payload(body, size)
    media = prepared.terms.sending.media[0]
    baseline, cpu = _least(
        lambda: json.dumps(json.loads(payload)) if body == "json" else None,
        lambda: _through(prepared, payload, media),
    )
    return Cost(body, len(payload), rules, cpu, baseline if body == "json" else 0.0)


def _through(prepared: Prepared, payload: bytes, media: str) -> bytes:
    """A document on the path of a call, from the bytes that came to the bytes that leave."""
    section = prepared.terms.sending
    document, _ = read_body(payload, media, section)
    incoming = {"body": document, "query": {}, "header": {}, "path": {}}
    outgoing = minimise(prepared.sending, incoming)
    written = written_body(outgoing.documents["body"], document, section)
    return whole(proved(prepared.sending, outgoing.documents, incoming, written, b"")[0])


def _least(*works: Callable[[], object]) -> list[float]:
    """The least CPU of each, in microseconds, over several turns: what else runs on the machine only adds to it."""
    return [min(times) for times in zip(*([_once(work) for work in works] for _ in range(REPEATS)), strict=True)]


def _once(work: Callable[[], object]) -> float:
    begun = time.process_time_ns()
    work()
    return (time.process_time_ns() - begun) / 1000


def _prepared(body: str, rules: int) -> Prepared:
    """A contract with about so many rules, the most of them for fields that the document does not have."""
    at = _AT[body]
    unused = "".join(f"        - {at}.other_{number}\n" for number in range(rules - 4))
    operation = f"""\
operation: measured
version: 1
status: draft
owner: fulfilment
match: POST /v2/measured
callers: [fulfilment]
purpose: delivery
subjects: none
retention: {{vendor_keeps: P90D, why: Liability period of the carrier.}}
sending:
  body: {body}
  max_bytes: 8 MiB
  groups:
    - why: Customs needs the class of goods, never the product.
      fields: {{{at}.title: parcel.measure}}
      form: {{replace: Cosmetics}}
    - why: What is carried, and how.
      category: parcel.measure
      fields:
        - {at}.quantity
        - {at}.weight
        - {at}.hs_code
{unused}"""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(CONTRACTS, folder, dirs_exist_ok=True)
        Path(folder, "parcelgate", "measured.yaml").write_text(operation, "utf-8")
        contracts = load(Path(folder))
    bound = in_force(contracts, secrets=lambda _: "key", vendor_key=lambda _: bytes(32), is_played=True)
    return bound.prepared["parcelgate/measured"]


def _payload(body: str, size: int) -> bytes:
    """Items, half of whose members no rule names, until there are about so many bytes."""
    written = _WRITTEN[body]
    one = len(written([_item(0), _item(1)])) - len(written([_item(0)]))
    return written([_item(number) for number in range(max(1, size // one))])


def _item(number: int) -> Item:
    return {
        "title": f"Night Serum {number:06}",
        "sku": f"NS-{number:06}",
        "quantity": 1 + number % 9,
        "weight": 250 + number % 100,
        "hs_code": "33049900",
        "note": 'Gift, "fragile" für Zoë',
    }


def _json(items: Sequence[Item]) -> bytes:
    return json.dumps({"items": items}, ensure_ascii=False).encode()


def _form(items: Sequence[Item]) -> bytes:
    pairs = [f"items[{at}][{name}]={quote_plus(str(each[name]))}" for at, each in enumerate(items) for name in each]
    return "&".join(pairs).encode()


def _xml(items: Sequence[Item]) -> bytes:
    elements = ["".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in each.items()) for each in items]
    return f"<order>{''.join(f'<items>{each}</items>' for each in elements)}</order>".encode()


def _envelope(items: Sequence[Item]) -> bytes:
    payload = _json(items)
    return b'{}\n{"type":"event","length":%d}\n%b\n' % (len(payload), payload)


_WRITTEN: Mapping[str, Callable[[Sequence[Item]], bytes]] = {
    "json": _json,
    "form": _form,
    "xml": _xml,
    "sentry-envelope": _envelope,
}
_AT = {
    "json": "$.items.*",
    "form": "$.items.*",
    "xml": "$.order.items.*",
    "sentry-envelope": "$.event.*.items.*",
}
