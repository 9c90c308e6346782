{{- /* What is vLLM's own; see the README of the chart engine. */ -}}
{{- define "vllm.parts" -}}
{{- $model := include "engine.model" . -}}
port: 8000
metrics: /metrics
model: {{ default $model .Values.model.servedName | quote }}
command: [vllm, serve]
args:
  - {{ $model | quote }}
  - --host=0.0.0.0
  - --port=8000
  {{- with .Values.model.servedName }}
  - {{ printf "--served-model-name=%s" . | quote }}
  {{- end }}
  {{- with .Values.model.revision }}
  - {{ printf "--revision=%s" . | quote }}
  {{- end }}
  {{- with .Values.model.maxLength }}
  - --max-model-len={{ int . }}
  {{- end }}
  {{- if gt (int .Values.gpu.count) 1 }}
  - --tensor-parallel-size={{ int .Values.gpu.count }}
  {{- end }}
  {{- if .Values.perRequestMetrics }}
  - --enable-per-request-metrics
  {{- end }}
  {{- if .Values.model.chatTemplate }}
  - --chat-template=/etc/engine/chat-template.jinja
  {{- end }}
env:
  {{- include "engine.pytorch" . | nindent 2 }}
  - {name: VLLM_CACHE_ROOT, value: /cache/vllm}
  - {name: VLLM_CONFIG_ROOT, value: /cache/vllm/config}
  - {name: VLLM_NO_USAGE_STATS, value: "1"}
  {{- with .Values.apiKey.existingSecret }}
  - {name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: {{ $.Values.apiKey.key | quote }}}}}
  {{- end }}
{{- with .Values.model.chatTemplate }}
files:
  chat-template.jinja: {{ . | quote }}
{{- end }}
startup: {httpGet: {path: /health, port: http}}
readiness: {httpGet: {path: /health, port: http}}
liveness: {httpGet: {path: /health, port: http}}
test: []
{{- end }}
