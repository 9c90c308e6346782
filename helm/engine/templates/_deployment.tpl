{{- define "engine.deployment" -}}
{{- $values := .root.Values -}}
{{- $parts := include (printf "%s.parts" .engine) .root | fromYaml -}}
{{- $at := dict "engine" .engine "root" .root "parts" $parts -}}
{{- $sharing := or (has "ReadWriteMany" $values.persistence.accessModes) (not $values.persistence.enabled) -}}
{{- if and (gt (int $values.replicaCount) 1) (not $sharing) (not $values.persistence.existingClaim) -}}
{{- fail (printf "replicaCount %d needs a volume that several nodes mount; persistence.accessModes: [ReadWriteMany], or persistence.enabled: false" (int $values.replicaCount)) -}}
{{- end -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "engine.metadata" . | nindent 2 }}
spec:
  replicas: {{ int $values.replicaCount }}
  revisionHistoryLimit: 3
  progressDeadlineSeconds: {{ include "engine.progressDeadlineSeconds" . }}
  strategy:
    type: {{ $values.strategy | quote }}
    {{- if eq $values.strategy "RollingUpdate" }}
    # As the API server would have it. What it fills in itself stays under server-side apply, and is refused beside Recreate.
    rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}
    {{- end }}
  selector:
    matchLabels:
      {{- include "engine.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "engine.podLabels" . | nindent 8 }}
        chatprobe.io/engine-group: {{ $values.antiAffinity.group | quote }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with include "engine.podAnnotations" $at }}
      annotations:
        {{- . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "engine.serviceAccountName" . | quote }}
      automountServiceAccountToken: false
      # A Service of the name vllm would set VLLM_PORT, which vLLM reads as its own.
      enableServiceLinks: false
      {{- with include "engine.pullSecrets" . }}
      {{- . | nindent 6 }}
      {{- end }}
      terminationGracePeriodSeconds: {{ int $values.terminationGracePeriodSeconds }}
      securityContext:
        {{- toYaml $values.podSecurityContext | nindent 8 }}
      {{- with $values.runtimeClassName }}
      runtimeClassName: {{ . | quote }}
      {{- end }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . | quote }}
      {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "engine.affinity" . }}
      affinity:
        {{- . | nindent 8 }}
      {{- end }}
      {{- with include "engine.tolerations" . }}
      tolerations:
        {{- . | nindent 8 }}
      {{- end }}
      {{- with $values.topologySpreadConstraints }}
      topologySpreadConstraints:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $parts.initContainers }}
      initContainers:
        {{- range . }}
        - {{ include "engine.initContainer" (merge (dict "init" .) $at) | nindent 10 | trim }}
        {{- end }}
      {{- end }}
      containers:
        - {{ include "engine.container" $at | nindent 10 | trim }}
      volumes:
        {{- include "engine.volumes" $at | nindent 8 }}
{{- end }}
