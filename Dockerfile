# chatprobe on Red Hat's Universal Base Image, for any user number of group 0 and a read-only root.
#
# What stays behind in the first stage: the compiler and headers, pip, hatchling, the source, and the tests that packages bring along.
# Compiled Python is kept: who runs it could not write it anew, and it halves the start.
#
# With --build-arg REQUIREMENTS=requirements-language.txt it has the extra `language` too, for checks of an answer's language; with
# requirements-bench.txt the extra `bench`, for benchmark runs.
FROM registry.access.redhat.com/ubi9/python-312:9.8 AS build
ARG REQUIREMENTS=requirements.txt
WORKDIR /opt/app-root/src
COPY --chown=1001:0 helm/image/requirements.txt helm/image/requirements-language.txt helm/image/requirements-bench.txt helm/image/build-requirements.txt helm/image/
RUN pip install --no-cache-dir --only-binary :all: --require-hashes --requirement helm/image/build-requirements.txt \
 && python -m venv --without-pip /opt/app-root/chatprobe \
 && pip --python /opt/app-root/chatprobe install --no-cache-dir --only-binary :all: --require-hashes --requirement "helm/image/$REQUIREMENTS" \
 && find /opt/app-root/chatprobe -type d -name tests -prune -exec rm -r {} +
COPY --chown=1001:0 . .
RUN pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir /tmp/dist . \
 && pip --python /opt/app-root/chatprobe install --no-cache-dir --no-index --no-deps /tmp/dist/*.whl \
 && pip --python /opt/app-root/chatprobe check

FROM registry.access.redhat.com/ubi9/python-312-minimal:9.8
COPY --from=build --chown=0:0 /opt/app-root/chatprobe /opt/app-root/chatprobe
COPY --chown=0:0 LICENSE /licenses/LICENSE
ENV PATH=/opt/app-root/chatprobe/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1
WORKDIR /etc/chatprobe
USER 1001:0
EXPOSE 9840
STOPSIGNAL SIGTERM
# By http.client, as urllib would ask the proxy of HTTP_PROXY.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1', 9840, timeout=4); c.request('GET', '/-/healthy'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["chatprobe"]
CMD ["serve", "--listen", "0.0.0.0:9840"]

ARG VERSION=0.1.0
ARG RELEASE=1
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL name="chatprobe" \
      vendor="chatprobe" \
      maintainer="chatprobe" \
      version="$VERSION" \
      release="$RELEASE" \
      summary="Blackbox exporter for streaming LLM chat" \
      description="Chats with LLM engines as a user does and tells Prometheus what that user feels: first token, rhythm, length, failures." \
      usage="podman run --read-only --tmpfs /tmp --publish 9840:9840 --volume ./chatprobe.yaml:/etc/chatprobe/chatprobe.yaml:ro chatprobe" \
      vcs-ref="$REVISION" \
      build-date="$CREATED" \
      com.redhat.component="chatprobe" \
      com.redhat.license_terms="https://www.redhat.com/en/about/red-hat-end-user-license-agreements#UBI" \
      io.k8s.display-name="chatprobe" \
      io.k8s.description="Chats with LLM engines as a user does and tells Prometheus what that user feels: first token, rhythm, length, failures." \
      io.openshift.expose-services="9840:http" \
      io.openshift.tags="prometheus,exporter,llm,vllm,tgi,ollama,latency,slo" \
      org.opencontainers.image.title="chatprobe" \
      org.opencontainers.image.description="Blackbox exporter for streaming LLM chat" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="registry.access.redhat.com/ubi9/python-312-minimal:9.8"
