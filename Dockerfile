FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/gateway \
 && /opt/gateway/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ledger_verify.py ./
COPY gateway gateway
# hatchling is in the lock, so the build fetches nothing of its own.
RUN /opt/gateway/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
 && /opt/gateway/bin/pip uninstall --yes --quiet hatchling editables

FROM python:3.13-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home gateway \
 && install --directory --owner gateway --group gateway --mode 0700 /data \
 && install --directory /contracts
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_DATA=/data \
    GATEWAY_CONTRACTS=/contracts \
    GATEWAY_HOST=0.0.0.0
# By its number, so that an orchestrator can tell that it is not root.
USER 10001
WORKDIR /
VOLUME /data
EXPOSE 8080
# The operators' listener stays on loopback; the check runs in here, beside it, and loads little for that.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-I", "-m", "gateway.health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["gateway"]
CMD ["serve"]
