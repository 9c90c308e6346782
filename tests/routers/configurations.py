"""How the routers are configured: as people have them before engines, and as OpenShift writes its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Program = Literal["haproxy", "nginx"]


@dataclass(frozen=True)
class Setup:
    """A router before one engine. `text` makes its configuration of the port, the engine's `host:port` and the certificate."""

    program: Program
    text: Callable[[int, str, Path], str]
    secure: bool = False


_HAPROXY = """
global
  maxconn 200
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
{more}
frontend public
  bind 127.0.0.1:{port}{tls}
  default_backend engine
backend engine
  server one {engine}
"""


def haproxy(*more: str, secure: bool = False) -> Setup:
    """HAProxy in HTTP mode, with these lines in its `defaults`; `secure` where it ends TLS."""

    def text(port: int, engine: str, certificate: Path) -> str:
        return _HAPROXY.format(port=port, engine=engine, tls=f" ssl crt {certificate}" if secure else "", more="\n".join(more))

    return Setup("haproxy", text, secure)


_NGINX = """
daemon off;
master_process off;
pid nginx-{port}.pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path body-{port};
  proxy_temp_path proxy-{port};
  fastcgi_temp_path fastcgi-{port};
  uwsgi_temp_path uwsgi-{port};
  scgi_temp_path scgi-{port};
  server {{
    listen 127.0.0.1:{port}{tls};
    location / {{
      proxy_pass http://{engine};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout 300s;
{more}
    }}
  }}
}}
"""


def nginx(*more: str, secure: bool = False) -> Setup:
    """nginx, with these lines in its location; `secure` where it ends TLS."""

    def text(port: int, engine: str, certificate: Path) -> str:
        tls = f" ssl; ssl_certificate {certificate}; ssl_certificate_key {certificate}" if secure else ""
        return _NGINX.format(port=port, engine=engine, tls=tls, more="\n".join(more))

    return Setup("nginx", text, secure)


GATHERING = {
    "HAProxy on plain HTTP": haproxy(),
    "nginx that ends TLS": nginx(secure=True),
}
"""Setups by which tokens come in bursts."""
HANDING_ON = {
    "HAProxy with http-no-delay": haproxy("  option http-no-delay"),
    "HAProxy that ends TLS": haproxy(secure=True),
    "nginx on plain HTTP": nginx(),
    "nginx without buffering": nginx("proxy_buffering off;"),
    "nginx without buffering that ends TLS": nginx("proxy_buffering off;", secure=True),
}
"""Setups by which each token comes when the engine sends it."""


_OPENSHIFT = """
global
  maxconn 200
  tune.maxrewrite 8192
  tune.bufsize 32768
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  errorfile 503 {page}
  timeout connect 5s
  timeout client {patience}
  timeout client-fin 1s
  timeout server {patience}
  timeout server-fin 1s
  timeout http-request 10s
  timeout http-keep-alive 300s
  timeout tunnel 1h
frontend public
  bind 127.0.0.1:{plain}
  mode http
  tcp-request inspect-delay 5s
  tcp-request content accept if HTTP
  http-request del-header Proxy
  http-request set-header Host %[req.hdr(Host),lower]
  default_backend be_http:llm:engine
frontend public_ssl
  bind 127.0.0.1:{secure}
  mode tcp
  tcp-request inspect-delay 5s
  tcp-request content accept if {{ req_ssl_hello_type 1 }}
  acl sni req.ssl_sni -m found
  acl sni_passthrough req.ssl_sni,lower -m str {passthrough_host}
  use_backend be_tcp:llm:engine if sni sni_passthrough
  default_backend be_sni
backend be_sni
  mode tcp
  server fe_sni 127.0.0.1:{sni} weight 1 send-proxy
frontend fe_sni
  bind 127.0.0.1:{sni} ssl crt {certificate} accept-proxy
  mode http
  http-request del-header Proxy
  http-request set-header Host %[req.hdr(Host),lower]
  default_backend be_edge_http:llm:engine
backend be_http:llm:engine
{backend}
  cookie 1e2670d92730b515ce3a1bb65da45062 insert indirect nocache httponly
  server pod:engine {engine} cookie one weight 1
backend be_edge_http:llm:engine
{backend}
  cookie 1e2670d92730b515ce3a1bb65da45062 insert indirect nocache httponly secure attr SameSite=None
  server pod:engine {engine} cookie one weight 1
backend be_tcp:llm:engine
  mode tcp
  balance source
  hash-type consistent
  timeout check 5000ms
  server pod:engine {secure_engine} weight 1
"""
_OPENSHIFT_BACKEND = """\
  mode http
  option redispatch
  option forwardfor
  balance random
  timeout check 5000ms
  http-request add-header X-Forwarded-Host %[req.hdr(host)]
  http-request add-header X-Forwarded-Port %[dst_port]
  http-request add-header X-Forwarded-Proto http if !{ ssl_fc }
  http-request add-header X-Forwarded-Proto https if { ssl_fc }"""
PASSTHROUGH_HOST = "passthrough.apps.test"
EDGE_HOST = "edge.apps.test"
UNAVAILABLE_PAGE = """\
HTTP/1.0 503 Service Unavailable
Pragma: no-cache
Cache-Control: private, max-age=0, no-cache, no-store
Connection: close
Content-Type: text/html

<html>
  <head><meta name="viewport" content="width=device-width, initial-scale=1"><style type="text/css">h1 { font-size: 28px; }</style></head>
  <body>
    <div>
      <h1>Application is not available</h1>
      <p>The application is currently not serving requests at this endpoint.</p>
    </div>
  </body>
</html>
"""
"""In the form of the page that OpenShift's router shows (`openshift/router`, `images/router/haproxy/conf/error-page-503.http`)."""


@dataclass(frozen=True)
class OpenShift:
    """A HAProxy that is configured as OpenShift's router is, with a plain Route, an edge Route and one that passes TLS through.

    By `openshift/router`, `images/router/haproxy/conf/haproxy-config.template`. `plain`, `secure` and `sni` are its ports; `engine` and
    `secure_engine` are `host:port` of the pod, without and with TLS. `page` is the file of its 503 page.
    """

    plain: int
    secure: int
    sni: int
    engine: str
    secure_engine: str
    certificate: Path
    page: Path
    patience: str = "30s"

    def text(self) -> str:
        return _OPENSHIFT.format(**vars(self), passthrough_host=PASSTHROUGH_HOST, backend=_OPENSHIFT_BACKEND)
