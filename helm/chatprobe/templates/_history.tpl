{{/* Name of the claim that the one pod keeps its history in; empty where there is none, or where each shard has one of its own. */}}
{{- define "chatprobe.claimed" -}}
{{- if and .Values.history.persistence.enabled (le (int .Values.shards) 1) -}}
{{- .Values.history.persistence.existingClaim | default (printf "%s-history" (include "chatprobe.fullname" . | trunc 55 | trimSuffix "-")) -}}
{{- end -}}
{{- end -}}

{{/* Spec of a claim. One pod at a time writes to it. */}}
{{- define "chatprobe.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .Values.history.persistence.storageClass }}
storageClassName: {{ . | quote }}
{{- end }}
resources:
  requests: {storage: {{ .Values.history.persistence.size | quote }}}
{{- end -}}
