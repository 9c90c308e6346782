{{- /* What is Ollama's own; see the README of the chart engine. */ -}}

{{- define "ollama.model" -}}
{{- default .Values.model.name (dig "ollamaModel" "" (default dict .Values.global)) -}}
{{- end }}

{{- define "ollama.alias" -}}
{{- default (dig "model" "" (default dict .Values.global)) .Values.model.alias -}}
{{- end }}

{{- define "ollama.parts" -}}
{{- $alias := include "ollama.alias" . -}}
port: 11434
metrics: ""
model: {{ default (include "ollama.model" .) $alias | quote }}
command: [ollama, serve]
args: []
env:
  - {name: OLLAMA_HOST, value: "0.0.0.0:11434"}
  - {name: OLLAMA_MODELS, value: /cache/ollama/models}
  - {name: OLLAMA_KEEP_ALIVE, value: {{ .Values.keepAlive | quote }}}
  - {name: OLLAMA_NUM_PARALLEL, value: {{ .Values.parallel | int | quote }}}
  {{- with .Values.contextLength }}
  - {name: OLLAMA_CONTEXT_LENGTH, value: {{ int . | quote }}}
  {{- end }}
  - {name: CUDA_CACHE_PATH, value: /cache/cuda}
  - {name: MODEL, value: {{ include "ollama.model" . | quote }}}
  - {name: SERVED_MODEL, value: {{ default (include "ollama.model" .) $alias | quote }}}
{{- if ne .Values.model.pull "Never" }}
initContainers:
  - name: pull
    command:
      - /bin/sh
      - -ec
      - |
        {{- .Files.Get "files/pull.sh" | nindent 8 }}
      - pull
      - {{ .Values.model.pull }}
    resources:
      {{- toYaml .Values.model.pullResources | nindent 6 }}
{{- end }}
{{- if .Values.model.preload }}
startup:
  exec:
    command:
      - /bin/sh
      - -ec
      - |
        {{- .Files.Get "files/load.sh" | nindent 8 }}
{{- else }}
startup: {httpGet: {path: /, port: http}}
{{- end }}
readiness: {httpGet: {path: /, port: http}}
liveness: {httpGet: {path: /, port: http}}
test: [--load-model, --first-token-timeout, 5m, --timeout, 6m]
{{- end }}
