{{- /* What containers of every pod have. */ -}}

{{- define "engine.containerSecurity" -}}
{{- toYaml .root.Values.securityContext -}}
{{- end }}

{{- define "engine.mounts" -}}
- {name: cache, mountPath: /cache{{ with .root.Values.persistence.subPath }}, subPath: {{ . | quote }}{{ end }}}
- {name: tmp, mountPath: /tmp}
{{- if .root.Values.shm }}
- {name: shm, mountPath: /dev/shm}
{{- end }}
{{- if .parts.files }}
- {name: files, mountPath: /etc/engine, readOnly: true}
{{- end }}
{{- with .root.Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "engine.volumes" -}}
{{- $values := .root.Values -}}
- name: cache
  {{- if $values.persistence.enabled }}
  persistentVolumeClaim:
    claimName: {{ include "engine.claimName" . | quote }}
  {{- else }}
  emptyDir:
    sizeLimit: {{ $values.persistence.size | quote }}
  {{- end }}
- name: tmp
  emptyDir:
    sizeLimit: {{ $values.tmp.sizeLimit | quote }}
{{- if $values.shm }}
- name: shm
  emptyDir:
    medium: Memory
    sizeLimit: {{ $values.shm.sizeLimit | quote }}
{{- end }}
{{- if .parts.files }}
- name: files
  configMap:
    name: {{ include "engine.fullname" . | quote }}
{{- end }}
{{- with $values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "engine.probes" -}}
{{- range $name, $handler := dict "startupProbe" "startup" "readinessProbe" "readiness" "livenessProbe" "liveness" }}
{{ $name }}:
  {{- toYaml (merge (deepCopy (get $.parts $handler)) (get $.root.Values.probes $handler)) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "engine.container" -}}
{{- $values := .root.Values -}}
name: {{ .engine | quote }}
image: {{ include "engine.image" (dict "image" $values.image "version" .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ $values.image.pullPolicy | quote }}
{{- with .parts.command }}
command:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .parts.workingDir }}
workingDir: {{ . | quote }}
{{- end }}
{{- with concat .parts.args $values.extraArgs }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
env:
  {{- include "engine.environment" . | nindent 2 }}
{{- with $values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - {name: http, containerPort: {{ .parts.port }}, protocol: TCP}
{{- include "engine.probes" . }}
lifecycle:
  # Until then some clients still send to a pod that is going: it takes their chats too.
  preStop: {exec: {command: [sleep, {{ $values.preStopSeconds | quote }}]}}
resources:
  {{- include "engine.resources" . | nindent 2 }}
securityContext:
  {{- include "engine.containerSecurity" . | nindent 2 }}
volumeMounts:
  {{- include "engine.mounts" . | nindent 2 }}
{{- end }}

{{- /* A container that runs before: what it runs is its own, the rest is the engine's. */ -}}
{{- define "engine.initContainer" -}}
{{- $values := .root.Values -}}
name: {{ .init.name | quote }}
image: {{ include "engine.image" (dict "image" $values.image "version" .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ $values.image.pullPolicy | quote }}
command:
  {{- toYaml .init.command | nindent 2 }}
env:
  {{- include "engine.environment" . | nindent 2 }}
{{- with $values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
resources:
  {{- toYaml .init.resources | nindent 2 }}
securityContext:
  {{- include "engine.containerSecurity" . | nindent 2 }}
volumeMounts:
  {{- include "engine.mounts" . | nindent 2 }}
{{- end }}
