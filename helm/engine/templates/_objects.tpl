{{- /* The objects beside the Deployment. */ -}}

{{- define "engine.service" -}}
{{- $parts := include (printf "%s.parts" .engine) .root | fromYaml -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "engine.metadata" . | nindent 2 }}
  annotations:
    chatprobe.io/backend: {{ .engine | quote }}
    chatprobe.io/model: {{ $parts.model | quote }}
    {{- with .root.Values.service.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  type: {{ .root.Values.service.type | quote }}
  selector:
    {{- include "engine.selectorLabels" . | nindent 4 }}
  ports:
    - {name: http, port: {{ $parts.port }}, targetPort: http, protocol: TCP}
{{- end }}

{{- define "engine.serviceaccount" -}}
{{- if .root.Values.serviceAccount.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "engine.serviceAccountName" . | quote }}
  labels:
    {{- include "engine.labels" . | nindent 4 }}
  {{- with .root.Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}
{{- end }}

{{- define "engine.configmap" -}}
{{- $parts := include (printf "%s.parts" .engine) .root | fromYaml -}}
{{- with $parts.files -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "engine.metadata" $ | nindent 2 }}
data:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end }}

{{- define "engine.persistentvolumeclaim" -}}
{{- $persistence := .root.Values.persistence -}}
{{- if and $persistence.enabled (not $persistence.existingClaim) -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "engine.metadata" . | nindent 2 }}
  {{- if or $persistence.keep $persistence.annotations }}
  annotations:
    {{- if $persistence.keep }}
    helm.sh/resource-policy: keep
    {{- end }}
    {{- with $persistence.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
spec:
  accessModes:
    {{- toYaml $persistence.accessModes | nindent 4 }}
  {{- with $persistence.storageClass }}
  storageClassName: {{ . | quote }}
  {{- end }}
  resources:
    requests:
      storage: {{ $persistence.size | quote }}
{{- end -}}
{{- end }}

{{- define "engine.poddisruptionbudget" -}}
{{- if and .root.Values.podDisruptionBudget.enabled (gt (int .root.Values.replicaCount) 1) -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "engine.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "engine.selectorLabels" . | nindent 6 }}
{{- end -}}
{{- end }}
