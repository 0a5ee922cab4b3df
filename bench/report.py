"""What the measurements say: the table, the ratios, and which claims hold."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

CONNECTIONS = (1, 32)
OURS = "gateway"
AIMS: Mapping[str, float] = {"plain": 0.60, "mitmproxy": 0.45}
"""Our CPU per request as a share of a competitor's."""
LATENCY_US = 1000.0
MEMORY_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """One load: requests a second, latency and CPU per request in microseconds, and what was no success."""

    server: str
    connections: int
    rate: float
    p50_us: float
    p99_us: float
    cpu_us: float
    errors: int

    def __str__(self) -> str:
        return (
            f"{self.server:<10} {self.connections:>4} {self.rate:>9,.0f} {self.p50_us:>9,.0f} "
            f"{self.p99_us:>9,.0f} {self.cpu_us:>9,.0f} {self.errors:>6}"
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that must hold, or that we aim at: a figure and the most it may be."""

    kind: str
    what: str
    figure: float
    most: float
    met: bool

    def __str__(self) -> str:
        verdict = "met" if self.met else "MISSED"
        return f"{self.kind:<4} {self.what}: {self.figure:,.2f} (at most {self.most:,.2f}) {verdict}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """All samples of all rounds, and what one durable write costs on the same disk, in microseconds."""

    samples: Sequence[Sample]
    fdatasync_us: float
    rounds: int
    seconds: int
    versions: Mapping[str, str]

    @property
    def errors(self) -> int:
        return sum(sample.errors for sample in self.samples)

    def of(self, server: str, connections: int) -> list[Sample]:
        return [sample for sample in self.samples if (sample.server, sample.connections) == (server, connections)]

    def medians(self) -> list[Sample]:
        """One line for each server and number of connections: each figure the median of its rounds, errors in sum."""
        kinds = dict.fromkeys((sample.connections, sample.server) for sample in self.samples)
        return [_median(self.of(server, connections)) for connections, server in sorted(kinds, key=_by_connections)]

    def ratio(self, rival: str, connections: int) -> float | None:
        """Our CPU per request to a rival's, the median over rounds; None where one of both was not measured."""
        pairs = zip(self.of(OURS, connections), self.of(rival, connections), strict=False)
        ratios = [ours.cpu_us / theirs.cpu_us for ours, theirs in pairs if theirs.cpu_us]
        return statistics.median(ratios) if ratios else None

    def claims(self) -> list[Claim]:
        return [*self._about_cpu(), *self._about_latency()]

    def _about_cpu(self) -> Iterator[Claim]:
        for rival, aim in AIMS.items():
            for connections in CONNECTIONS:
                ratio = self.ratio(rival, connections)
                if ratio is None:
                    continue
                what = f"CPU per request to that of {rival}, {connections} connection(s)"
                yield Claim("must", f"{what}, below", ratio, 1.0, met=ratio < 1)
                yield Claim("aim", what, ratio, aim, met=ratio <= aim)

    def _about_latency(self) -> Iterator[Claim]:
        ours, sink = self.of(OURS, 1), self.of("sink", 1)
        if ours and sink:
            p50, most = _median(ours).p50_us, _median(sink).p50_us + LATENCY_US + 2 * self.fdatasync_us
            what = "p50 in microseconds at 1 connection (the sink's + 1,000 + 2 x fdatasync)"
            yield Claim("aim", what, p50, most, met=p50 <= most)


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes of a server after a number of calls, and after many more."""

    first_calls: int
    first_rss: int
    last_calls: int
    last_rss: int
    errors: int

    @property
    def growth(self) -> int:
        return self.last_rss - self.first_rss

    def claim(self) -> Claim:
        mib = 1024 * 1024
        met = abs(self.growth) < MEMORY_BYTES
        return Claim("aim", "MiB between both, less than", self.growth / mib, MEMORY_BYTES / mib, met=met)


def rendered(comparison: Comparison) -> str:
    """The comparison for people."""
    about = ", ".join(f"{name} {version}" for name, version in comparison.versions.items())
    heading = f"{'server':<10} {'conn':>4} {'req/s':>9} {'p50 us':>9} {'p99 us':>9} {'CPU us':>9} {'errors':>6}"
    lines = [
        f"{comparison.rounds} round(s) of {comparison.seconds} s, medians; {about}",
        f"fdatasync of 4 KiB: {comparison.fdatasync_us:,.0f} us",
        "",
        heading,
        *map(str, comparison.medians()),
        "",
        *map(str, comparison.claims()),
    ]
    return "\n".join(lines)


def _by_connections(kind: tuple[int, str]) -> int:
    return kind[0]


def _median(samples: Sequence[Sample]) -> Sample:
    return Sample(
        server=samples[0].server,
        connections=samples[0].connections,
        rate=statistics.median(sample.rate for sample in samples),
        p50_us=statistics.median(sample.p50_us for sample in samples),
        p99_us=statistics.median(sample.p99_us for sample in samples),
        cpu_us=statistics.median(sample.cpu_us for sample in samples),
        errors=sum(sample.errors for sample in samples),
    )
