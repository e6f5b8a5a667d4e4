# One image for every process of AstroTV; docker-compose.yml says which command each container runs.
FROM python:3.13-slim-bookworm AS build
WORKDIR /build
COPY requirements.lock .
RUN python -m venv /opt/astrotv \
    && /opt/astrotv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock

FROM python:3.13-slim-bookworm
ENV PATH=/opt/astrotv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ASTROTV_ENV=production \
    HOST=0.0.0.0 \
    FLOWER_ADDRESS=0.0.0.0 \
    DATA_DIR=/var/lib/astrotv \
    HLS_PATH=/var/lib/astrotv/media
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/astrotv --shell /usr/sbin/nologin astrotv \
    && install --directory --owner astrotv --group astrotv /var/lib/astrotv /var/lib/astrotv/media
COPY --from=build /opt/astrotv /opt/astrotv
WORKDIR /srv/astrotv
COPY . .
USER astrotv
VOLUME /var/lib/astrotv
EXPOSE 8000 8001 8002 1935 5555
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "gunicorn", "--config", "api/gunicorn_conf.py", "api.wsgi:app"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-m", "operations.probe", "http://127.0.0.1:8000/health"]
