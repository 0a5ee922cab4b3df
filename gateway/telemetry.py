"""What operators may measure: counts by vendor and outcome, never anything about anybody."""

from collections.abc import Callable, Mapping

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Telemetry:
    """Counters of one process.

    Labels are vendors of the contracts, codes of `errors.CODES` and kinds of personal data, nothing else.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(scope_info_enabled=False, registry=self._registry)
        self._provider = MeterProvider([reader], resource=Resource.get_empty())
        meter = self._provider.get_meter("gateway")
        meter.create_observable_counter("gateway.calls", [self._calls], description="Calls by outcome or refusal code.")
        meter.create_observable_counter("gateway.edge", [self._edge], description="Requests refused before any call.")
        about = "Values in answers that look personal and that no contract line names."
        meter.create_observable_counter("gateway.answers.unnamed", [self._unnamed], description=about)
        self._meter = meter
        self._personal: dict[tuple[str, str], int] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._refused: dict[str, int] = {}

    def call(self, code: str, vendor: str) -> None:
        """One more call that ended so; `code` is `sent` or a code of `errors.CODES`."""
        key = (code, vendor)
        self._counts[key] = self._counts.get(key, 0) + 1

    def unnamed(self, vendor: str, kinds: Mapping[str, int]) -> None:
        """An answer in which values of these kinds stood that no contract line names."""
        for kind, count in kinds.items():
            self._personal[kind, vendor] = self._personal.get((kind, vendor), 0) + count

    def edge(self, code: str) -> None:
        """One more request that was refused at the edge."""
        self._refused[code] = self._refused.get(code, 0) + 1

    def gauge(self, name: str, description: str, value: Callable[[], int]) -> None:
        """Shows a number of the process itself, read when it is asked for."""
        self._meter.create_observable_gauge(name, [lambda _: [Observation(value())]], description=description)

    def exposition(self) -> bytes:
        """All of it in the text format of Prometheus."""
        return generate_latest(self._registry)

    def close(self) -> None:
        self._provider.shutdown()

    def _calls(self, options: CallbackOptions) -> list[Observation]:
        del options
        return [Observation(n, {"code": code, "vendor": vendor}) for (code, vendor), n in self._counts.items()]

    def _unnamed(self, options: CallbackOptions) -> list[Observation]:
        del options
        return [Observation(n, {"kind": kind, "vendor": vendor}) for (kind, vendor), n in self._personal.items()]

    def _edge(self, options: CallbackOptions) -> list[Observation]:
        del options
        return [Observation(count, {"code": code}) for code, count in self._refused.items()]
