{{- /* What is TGI's own; see the README of the chart engine. The image's own command prepares the libraries, then starts the launcher. */ -}}
{{- define "tgi.parts" -}}
{{- $model := include "engine.model" . -}}
port: 3000
metrics: /metrics
model: {{ $model | quote }}
{{- /* The router writes the model's tokenizer to ./out, and goes on with another way of counting where it cannot. */}}
workingDir: /tmp
args:
  - {{ printf "--model-id=%s" $model | quote }}
  - --hostname=0.0.0.0
  - --port=3000
  - --json-output
  {{- with .Values.model.revision }}
  - {{ printf "--revision=%s" . | quote }}
  {{- end }}
  {{- if .Values.gpu.count }}
  - --num-shard={{ int .Values.gpu.count }}
  {{- end }}
  {{- with .Values.model.maxInputTokens }}
  - --max-input-tokens={{ int . }}
  {{- end }}
  {{- with .Values.model.maxTotalTokens }}
  - --max-total-tokens={{ int . }}
  {{- end }}
env:
  {{- include "engine.pytorch" . | nindent 2 }}
  - {name: USAGE_STATS, value: "off"}
  {{- with .Values.apiKey.existingSecret }}
  - {name: API_KEY, valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: {{ $.Values.apiKey.key | quote }}}}}
  {{- end }}
startup: {httpGet: {path: /health, port: http}}
readiness: {httpGet: {path: /health, port: http}}
liveness:
  exec:
    command:
      - bash
      - -c
      - |
        {{- .Files.Get "files/alive.bash" | nindent 8 }}
      - alive.bash
      - "3000"
      - {{ int .Values.probes.stuckSeconds | quote }}
      - /tmp/alive
test: []
{{- end }}
