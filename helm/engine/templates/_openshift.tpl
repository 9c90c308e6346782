{{- /* Objects that not every cluster knows. */ -}}

{{- define "engine.route" -}}
{{- $route := .root.Values.route -}}
{{- if include "engine.wanted" (dict "setting" $route.enabled "api" "route.openshift.io/v1" "root" .root) -}}
apiVersion: route.openshift.io/v1
kind: Route
metadata:
  {{- include "engine.metadata" . | nindent 2 }}
  annotations:
    # The router's own 30 s would cut off a long prompt before its first token.
    haproxy.router.openshift.io/timeout: {{ $route.timeout | quote }}
    {{- with $route.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- with $route.host }}
  host: {{ . | quote }}
  {{- end }}
  to: {kind: Service, name: {{ include "engine.fullname" . | quote }}, weight: 100}
  port: {targetPort: http}
  tls:
    termination: edge
    insecureEdgeTerminationPolicy: Redirect
  wildcardPolicy: None
{{- end -}}
{{- end }}

{{- define "engine.servicemonitor" -}}
{{- $monitor := .root.Values.serviceMonitor -}}
{{- $parts := include (printf "%s.parts" .engine) .root | fromYaml -}}
{{- if include "engine.wanted" (dict "setting" $monitor.enabled "api" "monitoring.coreos.com/v1" "root" .root) -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "engine.metadata" . | nindent 2 }}
    {{- with $monitor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- with omit $monitor.spec "selector" "endpoints" }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "engine.selectorLabels" . | nindent 6 }}
  endpoints:
    - port: http
      path: {{ $parts.metrics }}
      interval: {{ $monitor.interval | quote }}
      scrapeTimeout: {{ $monitor.scrapeTimeout | quote }}
      {{- with $monitor.metricRelabelings }}
      metricRelabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}
{{- end }}
