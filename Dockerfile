# syntax=docker/dockerfile:1
# The service and the command in one image: docker build -t synthos .

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/synthos
ENV PATH=/opt/synthos/bin:$PATH
# torch first and alone, from the index of builds for processors: the usual one brings gigabytes for GPUs.
RUN pip install --index-url https://download.pytorch.org/whl/cpu torch==2.13.0
WORKDIR /src
COPY pyproject.toml README.md LICENSE serve_app.py ./
COPY pipelines pipelines
COPY synthos synthos
RUN pip install .

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 synthos \
    && useradd --uid 10001 --gid synthos --no-create-home --home-dir /var/lib/synthos synthos \
    && install --directory --owner synthos --group synthos --mode 0700 /var/lib/synthos
COPY --from=build /opt/synthos /opt/synthos
COPY configs/service.yaml configs/production.yaml /etc/synthos/
# One thread each: several processes share the processors.
ENV PATH=/opt/synthos/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    MKL_NUM_THREADS=1 \
    POLARS_MAX_THREADS=1 \
    RAY_USAGE_STATS_ENABLED=0 \
    SYNTHOS_DATA_FOLDER=/var/lib/synthos \
    SYNTHOS_HOST=0.0.0.0
WORKDIR /var/lib/synthos
USER 10001:10001
VOLUME /var/lib/synthos
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["synthos"]
CMD ["serve", "--config", "/etc/synthos/service.yaml"]
