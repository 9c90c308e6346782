# chatprobe as a user that is no root, of any number: what it writes goes to /tmp.
FROM python:3.12-slim AS build
WORKDIR /source
COPY . .
RUN python -m venv /opt/chatprobe && /opt/chatprobe/bin/pip install --no-cache-dir .

FROM python:3.12-slim
COPY --from=build /opt/chatprobe /opt/chatprobe
ENV PATH=/opt/chatprobe/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1
USER 1001:0
EXPOSE 9840
ENTRYPOINT ["chatprobe"]
CMD ["serve"]
