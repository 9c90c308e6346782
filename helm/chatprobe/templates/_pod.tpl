{{/* Metadata and spec of a pod. */}}
{{- define "chatprobe.pod" -}}
metadata:
  labels:
    {{- include "chatprobe.podLabels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: chatprobe
    {{- if .Values.rollOnConfigChange }}
    checksum/config: {{ include "chatprobe.config" . | sha256sum | quote }}
    {{- end }}
    {{- with include "chatprobe.requiredScc" . }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "chatprobe.serviceAccountName" . | quote }}
  automountServiceAccountToken: {{ include "chatprobe.asksCluster" . | eq "true" }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ int .Values.terminationGracePeriodSeconds }}
  {{- with include "chatprobe.pullSecrets" . }}
  imagePullSecrets:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with .Values.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: chatprobe
      image: {{ include "chatprobe.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy | quote }}
      {{- with .Values.securityContext }}
      securityContext:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      command: [chatprobe]
      args:
        - serve
        - --config=/etc/chatprobe/chatprobe.yaml
        - --log-level={{ .Values.logLevel }}
        {{- if gt (int .Values.shards) 1 }}
        - --shard=$(SHARD)/{{ int .Values.shards }}
        {{- end }}
        {{- if gt (int .Values.replicas) 1 }}
        - --lease=$(POD_NAMESPACE)/{{ include "chatprobe.fullname" . }}
        {{- end }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      env:
        - {name: HOME, value: /tmp}
        - {name: PYTHONDONTWRITEBYTECODE, value: "1"}
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: POD_NAMESPACE
          valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
        {{- if gt (int .Values.shards) 1 }}
        - name: SHARD
          valueFrom: {fieldRef: {fieldPath: "metadata.labels['apps.kubernetes.io/pod-index']"}}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - {name: metrics, containerPort: {{ include "chatprobe.port" . }}}
      {{- with .Values.startupProbe }}
      startupProbe:
        {{- include "chatprobe.probe" (list $ .) | nindent 8 }}
      {{- end }}
      {{- with .Values.livenessProbe }}
      livenessProbe:
        {{- include "chatprobe.probe" (list $ .) | nindent 8 }}
      {{- end }}
      {{- with .Values.readinessProbe }}
      readinessProbe:
        {{- include "chatprobe.probe" (list $ .) | nindent 8 }}
      {{- end }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - {name: config, mountPath: /etc/chatprobe, readOnly: true}
        - {name: tmp, mountPath: /tmp}
        {{- if .Values.history.persistence.enabled }}
        - {name: history, mountPath: /var/lib/chatprobe}
        {{- end }}
        {{- if .Values.tls.secret }}
        - {name: tls, mountPath: /var/run/secrets/chatprobe-tls, readOnly: true}
        {{- end }}
        {{- range .Values.secrets }}
        - {name: {{ printf "secret-%s" (sha256sum . | trunc 10) | quote }}, mountPath: {{ printf "/var/run/secrets/chatprobe/%s" . | quote }}, readOnly: true}
        {{- end }}
        {{- range .Values.authorities }}
        - {name: {{ printf "authority-%s" (sha256sum . | trunc 10) | quote }}, mountPath: {{ printf "/etc/chatprobe-authorities/%s" . | quote }}, readOnly: true}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "chatprobe.fullname" . | quote }}}
    - name: tmp
      emptyDir: {sizeLimit: 64Mi}
    {{- with include "chatprobe.claimed" . }}
    - name: history
      persistentVolumeClaim: {claimName: {{ . | quote }}}
    {{- end }}
    {{- with .Values.tls.secret }}
    - name: tls
      secret: {secretName: {{ . | quote }}}
    {{- end }}
    {{- range .Values.secrets }}
    - name: {{ printf "secret-%s" (sha256sum . | trunc 10) | quote }}
      secret: {secretName: {{ . | quote }}}
    {{- end }}
    {{- range .Values.authorities }}
    - name: {{ printf "authority-%s" (sha256sum . | trunc 10) | quote }}
      configMap: {name: {{ . | quote }}}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
