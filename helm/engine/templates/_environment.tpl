{{- /* Every place that an engine and its libraries write to lies under /cache: no other is writable, but /tmp and /dev/shm. */ -}}
{{- define "engine.environment" -}}
{{- $values := .root.Values -}}
{{- $base := include "engine.everywhere" . | fromYamlArray -}}
{{- $taken := list -}}
{{- range $values.extraEnv }}{{ $taken = append $taken .name }}{{ end -}}
{{- $kept := list -}}
{{- range concat $base .parts.env -}}
{{- if not (has .name $taken) }}{{ $kept = append $kept . }}{{ end -}}
{{- end -}}
{{ toYaml (concat $kept $values.extraEnv) }}
{{- end }}

{{- /* USER and LOGNAME: the user that the container runs as has no entry in its /etc/passwd. */ -}}
{{- define "engine.everywhere" -}}
- {name: HOME, value: /cache/home}
- {name: USER, value: {{ .engine | quote }}}
- {name: LOGNAME, value: {{ .engine | quote }}}
- {name: XDG_CACHE_HOME, value: /cache/xdg/cache}
- {name: XDG_CONFIG_HOME, value: /cache/xdg/config}
- {name: XDG_DATA_HOME, value: /cache/xdg/data}
- {name: XDG_STATE_HOME, value: /cache/xdg/state}
{{- end }}

{{- /* Of engines that are Python with PyTorch and load models of Hugging Face. Takes the root. */ -}}
{{- define "engine.pytorch" -}}
- {name: HF_HOME, value: /cache/huggingface}
- {name: HUGGINGFACE_HUB_CACHE, value: /cache/huggingface/hub}
- {name: TRITON_CACHE_DIR, value: /cache/triton}
- {name: TORCHINDUCTOR_CACHE_DIR, value: /cache/torchinductor}
- {name: TORCH_HOME, value: /cache/torch}
- {name: TORCH_EXTENSIONS_DIR, value: /cache/torch/extensions}
- {name: NUMBA_CACHE_DIR, value: /cache/numba}
- {name: OUTLINES_CACHE_DIR, value: /cache/outlines}
- {name: FLASHINFER_WORKSPACE_BASE, value: /cache/flashinfer}
- {name: CUDA_CACHE_PATH, value: /cache/cuda}
- {name: PYTHONDONTWRITEBYTECODE, value: "1"}
{{- if .Values.offline }}
- {name: HF_HUB_OFFLINE, value: "1"}
- {name: TRANSFORMERS_OFFLINE, value: "1"}
{{- end }}
{{- $global := dig "hfToken" dict (default dict .Values.global) -}}
{{- if $global.existingSecret }}
- {name: HF_TOKEN, valueFrom: {secretKeyRef: {name: {{ $global.existingSecret | quote }}, key: {{ default "token" $global.key | quote }}}}}
{{- else if .Values.hfToken.existingSecret }}
- {name: HF_TOKEN, valueFrom: {secretKeyRef: {name: {{ .Values.hfToken.existingSecret | quote }}, key: {{ .Values.hfToken.key | quote }}}}}
{{- end }}
{{- end }}

{{- /* The model of Hugging Face: one for all engines of a comparison where there is one. Takes the root. */ -}}
{{- define "engine.model" -}}
{{- default .Values.model.id (dig "model" "" (default dict .Values.global)) -}}
{{- end }}
