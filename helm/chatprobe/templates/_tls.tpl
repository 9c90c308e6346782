{{/* The scheme by which the port is asked. Fails where TLS is wanted and nothing says by which certificate, or two things do. */}}
{{- define "chatprobe.scheme" -}}
{{- if .Values.tls.enabled -}}
{{- if and .Values.tls.secret .Values.config.web.config_file -}}
{{- fail "tls.secret: config.web.config_file names the certificate already; leave one of the two out" -}}
{{- end -}}
{{- if not (or .Values.tls.secret .Values.config.web.config_file) -}}
{{- fail "tls.enabled: there is no certificate; name the Secret that has it in tls.secret, or a file that says it in config.web.config_file" -}}
{{- end -}}
https
{{- else -}}
{{- if or .Values.tls.secret .Values.tls.servingCert -}}
{{- fail "tls.enabled: there is a certificate, and TLS is off; set it to true, or leave tls.secret and tls.servingCert out" -}}
{{- end -}}
http
{{- end -}}
{{- end -}}

{{/* What the chart itself says of TLS, which is no secret: the certificate is in files. */}}
{{- define "chatprobe.web" -}}
tls_server_config:
  cert_file: /var/run/secrets/chatprobe-tls/tls.crt
  key_file: /var/run/secrets/chatprobe-tls/tls.key
{{- end -}}

{{/* Given the chart's values and a probe: the probe, by the scheme that the port speaks. */}}
{{- define "chatprobe.probe" -}}
{{- $probe := deepCopy (index . 1) -}}
{{- if and (eq (include "chatprobe.scheme" (index . 0)) "https") $probe.httpGet -}}
{{- $_ := set $probe "httpGet" (merge (deepCopy $probe.httpGet) (dict "scheme" "HTTPS")) -}}
{{- end -}}
{{- toYaml $probe -}}
{{- end -}}

{{/* Name of the account, and of the Secret with its token, that scrapes where the API server is asked who somebody is. */}}
{{- define "chatprobe.scraper" -}}
{{- printf "%s-scraper" (include "chatprobe.fullname" .) -}}
{{- end -}}

{{/* `true` where that account is made. */}}
{{- define "chatprobe.makesScraper" -}}
{{- if and .Values.config.web.kubernetes_auth .Values.rbac.create -}}true{{- end -}}
{{- end -}}

{{/* `true` where somebody has to show who they are. Of a file of TLS and users the chart does not know what is in it, and takes it for one with users. */}}
{{- define "chatprobe.asksWho" -}}
{{- $web := .Values.config.web -}}
{{- if or (eq (toString $web.anonymous) "none") (and (not $web.anonymous) (or $web.tokens $web.kubernetes_auth $web.config_file)) -}}true{{- end -}}
{{- end -}}
