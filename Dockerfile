# Backscroll over HTTP. Its required settings: docs/production.md.
FROM python:3.13-slim AS build
WORKDIR /source
COPY .ci/venv .ci/build-requirements.txt .ci/image-requirements.txt .ci/
COPY CHANGELOG.md LICENSE README.md pyproject.toml ./
COPY manifests manifests
COPY server server
COPY tools tools
# The tested versions, pinned by hash, so that a later build contains the same packages.
RUN .ci/venv /opt/build .ci/build-requirements.txt \
    && /opt/build/bin/python -m build --no-isolation --wheel . \
    && .ci/venv /opt/backscroll .ci/image-requirements.txt \
    && /opt/backscroll/bin/python -m pip install --no-cache-dir --no-index --no-deps dist/*.whl \
    && /opt/backscroll/bin/python -m pip check

FROM python:3.13-slim
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin backscroll \
    && install --directory --owner backscroll --group backscroll --mode 0700 /data
COPY --from=build /opt/backscroll /opt/backscroll
ENV PATH=/opt/backscroll/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    BACKSCROLL_DATABASE=sqlite:////data/backscroll.db \
    BACKSCROLL_LOG_FORMAT=json
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["backscroll"]
CMD ["serve", "--transport", "http", "--host", "0.0.0.0"]
